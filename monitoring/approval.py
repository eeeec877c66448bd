"""Approval by a person: the request, and the verdict on the answer.

Pure: times are arguments. Anything but a complete, timely approval of exactly what was shown is a
refusal, and the verdict says which part was missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["promotion", "step up"]

ASKING = ("promote", "step-up")
"""Names of the flows that request an approval; they need a deployment, and so a server."""

NOBODY = "orbcast"
"""The author of the refusal when nobody answered."""

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition or gate at the time of the request: its name, its result and its figure."""

    name: str
    status: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request for approval, with the evidence that the person is shown.

    Attributes
    ----------
    kind, market, version
        Kind of request, symbol, and the version it is about.
    subject
        What an approval leads to: the version that will serve, or the next stage.
    title
        The question in a few words.
    verdict
        The result of the evidence, in one sentence.
    borne_out
        Whether the evidence supports an approval.
    overridable
        Whether a person may approve against the evidence.
    findings
        The evidence, line by line.
    content
        The facts an approval is bound to, by name; it is void if any has changed by then.
    asked_at, until
        Aware times: when the request was made, and until when an answer counts.
    """

    kind: Kind
    market: str
    version: str
    subject: str
    title: str
    verdict: str
    borne_out: bool
    overridable: bool
    findings: tuple[Finding, ...]
    content: Mapping[str, str]
    asked_at: datetime
    until: datetime

    @property
    def bound_to(self) -> str:
        """Hash of the content."""
        return hashlib.sha256(_canonical(dict(self.content)).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """A person's answer to a request.

    Attributes
    ----------
    approve, by, reason, against_the_evidence
        As the person gave them.
    waited
        Time from the request to the answer, both by the server's clock.
    """

    approve: bool
    by: str
    reason: str
    against_the_evidence: bool
    waited: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalVerdict:
    """The verdict on an answer; ``reason`` is recorded with an approval."""

    approved: bool
    verdict: str
    reason: str = ""


def judge(request: Request, answer: ApprovalAnswer, content: Mapping[str, str]) -> ApprovalVerdict:
    """Return the verdict on an answer, given the content as it is now."""
    by, reason = answer.by.strip(), answer.reason.strip()
    late = answer.waited >= request.until - request.asked_at
    deadline = f"{request.until:%Y-%m-%d %H:%M} UTC"
    if not answer.approve:
        why = _why_not(by, reason, late=late, deadline=deadline)
        return ApprovalVerdict(approved=False, verdict=f"refused: {why}")
    # evidence that cannot be overridden is checked again when the step is taken
    against = request.overridable and not request.borne_out
    person = by if by.lower() != NOBODY else ""
    lacking = [name for name, words in (("a name", person), ("a reason", reason)) if not words]
    changed = differences(request.content, content)
    fault = ""
    if late:
        fault = f"{by or 'somebody'} approved it after the deadline, {deadline}; request it again"
    elif lacking:
        fault = f"approved without {' and '.join(lacking)}; request it again"
    elif changed:
        fault = f"what {by} approved has changed since: {'; '.join(changed)}; request it again"
    elif against and not answer.against_the_evidence:
        fault = (
            f"the evidence does not support what {by} approved, and the approval does "
            f"not override it: {request.verdict}"
        )
    if fault:
        return ApprovalVerdict(approved=False, verdict=f"refused: {fault}")
    words = f"against the evidence: {reason}" if against else reason
    return ApprovalVerdict(approved=True, verdict=f"approved by {by}: {words}", reason=words)


def differences(values: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return, in order, how the content differs from what was shown; only the first of many."""
    matches = [
        f"{name} was {_short(values.get(name))}, is {_short(now.get(name))}"
        for name in dict.fromkeys((*values, *now))
        if values.get(name) != now.get(name)
    ]
    more = len(matches) - _NAMED
    return (*matches[:_NAMED], *((f"and {more} more",) if more > 0 else ()))


def _why_not(by: str, reason: str, *, late: bool, deadline: str) -> str:
    if by == NOBODY or (late and not by):
        return f"nobody answered by {deadline}"
    if not by:
        return f"it was not approved{': ' + reason if reason else ''}"
    return f"by {by}{': ' + reason if reason else ''}"


def _short(value: str | None) -> str:
    hashed = value is not None and len(value) == hashlib.sha256().digest_size * 2
    return "nothing" if value is None else value[:12] if hashed else value


def _canonical(values: dict[str, str]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
