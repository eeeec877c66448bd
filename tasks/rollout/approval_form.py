"""The page and the form that a person gets who is asked for an approval."""

from __future__ import annotations

from prefect.input import RunInput
from pydantic import Field

from monitoring.approval import Request
from monitoring.pages.markdown import escaped
from tasks.runs.artifacts import table

_FOUND = {"name": "Condition", "status": "Is", "words": "Figure"}


class Approval(RunInput):
    """The form; unchanged, it refuses."""

    approve: bool = Field(default=False, description="On: approved. Off: refused.")
    by: str = Field(
        default="",
        description="Your name; required for an approval; recorded permanently.",
        max_length=200,
    )
    reason: str = Field(
        default="",
        description="The reason; required for an approval; recorded permanently.",
        max_length=2000,
    )


class ApprovalAgainstEvidence(Approval):
    """The form for a request that the evidence does not support."""

    against_the_evidence: bool = Field(
        default=False,
        description="The evidence does not support this. On: approve anyway; "
        "recorded permanently.",
    )


def form_of(request: Request) -> type[Approval]:
    """Return the form to fill in, with the evidence above it."""
    against = request.overridable and not request.borne_out
    form = ApprovalAgainstEvidence if against else Approval
    return form.with_initial_data(description=page(request))


def page(request: Request) -> str:
    """Return the page shown to the person who is asked, as markdown."""
    question = f"**{escaped(request.title)}?** {escaped(request.verdict)}"
    how = (
        "To approve, switch *approve* on and give your name and reason. Anything else refuses, "
        f"and so does no answer by **{request.until:%Y-%m-%d %H:%M} UTC**."
    )
    bound = (
        f"An approval is of exactly this, hash {request.bound_to[:12]}: it is void if model, "
        "data, study or the state of the evidence have changed when it is applied."
    )
    return "\n\n".join((question, how, evidence(request), bound))


def evidence(request: Request) -> str:
    """Return only the evidence, line by line, as markdown."""
    findings = [
        {"name": finding.name, "status": finding.status, "words": finding.words}
        for finding in request.findings
    ]
    return table(findings, _FOUND) if findings else ""


def key_of(request: Request) -> str:
    """Return the key of a request's artifact."""
    return f"approval-{request.market}-{request.kind}-{request.subject}"
