"""`orbcast approve`: list and answer the runs that wait for a person's approval."""

from __future__ import annotations

import getpass
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

import tasks
from deployments import cli, serving
from deployments.cli.terminal import AsJson, echo, print_json, remark, show_table
from ml_core.errors import InputError, OperatorError
from ml_core.json_values import field_values, json_values
from tasks import rollout

if TYPE_CHECKING:
    from tasks.rollout.approval import Waiting

_WAIT_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.5
_SHORT = 8
"""Number of characters of a run's id that are shown."""


class NoServerError(OperatorError):
    """No Prefect server is up that could have waiting runs."""

    home: str
    template = (
        "no Prefect server is up for {home}: start it with `orbcast up`, or name another in "
        "PREFECT_API_URL. Waiting runs stay waiting"
    )


class NotWaitingError(InputError):
    """A run that does not wait for a person."""

    run: str
    waiting_runs: tuple[str, ...]
    became: str
    template = (
        "run {run!r} does not wait for a person{_ended}; waiting: {_those}. `orbcast approve` "
        "lists them"
    )

    @property
    def _ended(self) -> str:
        return f" ({self.became})" if self.became else ""

    @property
    def _those(self) -> str:
        return ", ".join(self.waiting_runs) or "nothing"


class UnexplainedError(InputError):
    """An answer without a reason."""

    run: str
    template = 'the answer to {run} needs a reason, which is recorded permanently: --reason "..."'


class UnsupportedApprovalError(InputError):
    """An approval that the evidence does not support."""

    title: str
    verdict: str
    template = (
        "not answered, {title}: {verdict} Approve against the evidence in your own name with "
        "--against-the-evidence, or refuse with --refuse"
    )


class AnswerRefusedError(InputError):
    """An answer that the server or the flow did not accept."""

    run: str
    words: str
    template = "run {run}: {words}"


def approve(
    run: Annotated[
        str | None, typer.Argument(help="Id of the run, its beginning, or its name.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Reason; recorded permanently.")] = "",
    by: Annotated[str, typer.Option(help="Your name; the login name if left out.")] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it instead.")] = False,
    against_the_evidence: Annotated[
        bool,
        typer.Option("--against-the-evidence", help="Approve against the evidence."),
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the result.")] = True,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person's approval, show one with its evidence, or answer it.

    The flows promote and step-up ask for approvals. An approval covers exactly what was shown. If
    that has changed when the flow acts on it, the flow refuses it. A question that nobody answers
    in time is refused too.

    Examples: orbcast approve

    orbcast approve 3f2a81c0

    orbcast approve 3f2a81c0 --reason "read the study, all conditions hold"

    orbcast approve 3f2a81c0 --refuse --reason "not before the roll"
    """
    settings = tasks.settings.current_settings()
    if (tasks.settings.api_url() or serving.prefect_server.session.server_of(settings)) is None:
        raise NoServerError(str(settings.home))
    with serving.prefect_server.session.prefect_session(settings, level="WARNING"):
        requests = rollout.approval.waiting()
        if run is None:
            _list(requests, as_json=as_json)
            return
        chosen = _find(run, requests)
        if not (reason or refuse or by):
            _show(chosen)
            return
        if not reason.strip():
            raise UnexplainedError(str(chosen.run)[:_SHORT])
        request = chosen.request
        values: dict[str, Any] = {
            "approve": not refuse,
            "by": by or getpass.getuser(),
            "reason": reason,
        }
        if not refuse and request.overridable and not request.borne_out:
            if not against_the_evidence:
                raise UnsupportedApprovalError(request.title, request.verdict)
            values["against_the_evidence"] = True
        _answer(chosen, values, wait=wait, as_json=as_json)


def _list(requests: tuple[Waiting, ...], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"run": str(waiting.run), "name": waiting.name, **json_values(waiting.request)}
            for waiting in requests
        ]
        print_json(rows)
        return
    if not requests:
        echo("No run waits for an approval.")
        return
    table = cli.drawing.borderless_table()
    for heading in ("run", "what", "requested (UTC)", "answer by", "evidence"):
        table.add_column(heading, no_wrap=heading == "run", overflow="fold")
    for waiting in requests:
        request = waiting.request
        asked_at, until = (f"{at:%Y-%m-%d %H:%M}" for at in (request.asked_at, request.until))
        bears = "supports it" if request.borne_out else "does not support it"
        table.add_row(str(waiting.run)[:_SHORT], request.title, asked_at, until, bears)
    show_table(table)
    echo("show one: orbcast approve RUN")


def _show(chosen: Waiting) -> None:
    request, short = chosen.request, str(chosen.run)[:_SHORT]
    echo(f"{request.title}?")
    echo(f"  {request.verdict}")
    for finding in request.findings:
        echo(f"  {finding.status}  {finding.name}: {finding.words}")
    echo(f"  bound to {request.bound_to[:12]}")
    echo(f"answer by {request.until:%Y-%m-%d %H:%M} UTC:")
    against = request.overridable and not request.borne_out
    approving = f'orbcast approve {short} --reason "..."'
    approving += " --against-the-evidence" if against else ""
    echo(f"  {approving}")
    echo(f'  orbcast approve {short} --refuse --reason "..."')


def _find(ref: str, waiting_runs: tuple[Waiting, ...]) -> Waiting:
    requests = [
        waiting
        for waiting in waiting_runs
        if ref and (str(waiting.run).startswith(ref) or waiting.name == ref)
    ]
    if len(requests) == 1:
        return requests[0]
    lines = tuple(str(waiting.run)[:_SHORT] for waiting in requests or waiting_runs)
    if requests:
        raise NotWaitingError(ref, lines, "it matches all of these")

    raise NotWaitingError(ref, lines, rollout.approval.run_outcome(ref))


def _answer(chosen: Waiting, values: dict[str, Any], *, wait: bool, as_json: bool) -> None:

    short = str(chosen.run)[:_SHORT]
    fault = rollout.approval.send_answer(chosen, values)
    if fault is not None:
        raise AnswerRefusedError(short, f"{fault} Somebody may have answered it already")
    state, words = "Resuming", ""
    stop = time.monotonic() + (_WAIT_SECONDS if wait else 0.0)
    if wait and not as_json:
        remark(f"Answered; waiting for run {short} to apply it ...")
    while time.monotonic() < stop and not words:
        time.sleep(_LOOK_EVERY_SECONDS)
        state, words = rollout.approval.outcome(chosen.run)
    if not words:
        words = "answered; the run goes on as soon as `orbcast up` has a runner for it"
    kept = rollout.approval_record.recorded_result(
        tasks.settings.current_settings(), chosen.request.market, str(chosen.run)
    )
    if as_json:
        result = {
            "run": str(chosen.run),
            "state": state,
            "verdict": words,
            **(field_values(kept) if kept else {}),
        }
        print_json(result)
    else:
        echo(words)
    if values["approve"] and kept is not None and not kept.done:
        raise AnswerRefusedError(short, "the approved change was not made; the verdict states why")
