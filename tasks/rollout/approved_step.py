"""A rollout step that a person approves: show the gates, record the approval, take the step."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from prefect import task

from monitoring.approval import Finding, Request, judge
from registry.errors import UnknownVersionError
from registry.rollout import rollout_records
from tasks.rollout.approval import AnsweredRequest, ApprovalResult
from tasks.rollout.approval_record import record_result, recorded_result
from tasks.rollout.stage import GatesNotPassedError, Rollout, approve, rollout_of, step_up
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings

ApprovedStage = Literal["advisory", "hybrid", "auto"]
"""Stages that require approval by a person."""

_APPROVAL = "approval"


@task(
    name="check the gates of the step", task_run_name="{market}: gates before {stage}", **RETRIED
)
def step_request(market: str, stage: ApprovedStage, at: datetime) -> Request:
    """Collect what a person is shown about a step up; change nothing.

    Raises
    ------
    GatesNotPassedError
        It is not the next step, or there is nothing that an approval could be bound to.
    """
    settings = current_settings()
    symbol = settings.market(market).symbol
    rollout = rollout_of(settings, symbol, at, stage)
    rollout.require_next(stage)
    if rollout.bound_to is None:
        missing = "a champion whose recipe has a study (`orbcast evaluate`) to approve"
        raise GatesNotPassedError(symbol, stage, (missing,))
    gates = [gate for gate in rollout.gates if gate.name != _APPROVAL]
    closed = [gate for gate in gates if not gate.passed]
    verdict = f"All {len(gates)} gates are passed."
    if closed:
        names = ", ".join(gate.name for gate in closed)
        verdict = (
            f"{len(closed)} of {len(gates)} gates are not passed ({names}): an approval is "
            "recorded, and the step is taken only if they are passed when it is given."
        )
    version = _version(settings, symbol, at)
    return Request(
        kind="step up",
        market=symbol,
        version=version,
        subject=stage,
        title=f"Step {symbol} up from {rollout.stage} to {stage}, with {version}",
        verdict=verdict,
        borne_out=not closed,
        overridable=False,
        findings=tuple(
            Finding(
                name=gate.name,
                status="passed" if gate.passed else "not passed",
                words=f"{gate.words}; missing: {gate.change}" if gate.change else gate.words,
            )
            for gate in gates
        ),
        content=_content(settings, rollout, at),
        asked_at=at,
        until=at + timedelta(hours=settings.approval_hours),
    )


@task(name="apply the answer", task_run_name="answer to: {answered.request.title}", **RETRIED)
def act_on_step(answered: AnsweredRequest, at: datetime) -> ApprovalResult:
    """Record an approval, and take the step if the gates are passed; record the result.

    A second call for the same run changes nothing.
    """
    settings = current_settings()
    request, answer = answered.request, answered.answer
    before = recorded_result(settings, request.market, answered.run)
    if before is not None:
        return before
    stage: Any = request.subject
    by = answer.by.strip()
    rollout = rollout_of(settings, request.market, at, stage)
    judged = judge(request, answer, _content(settings, rollout, at))
    verdict, done = judged.verdict, False
    if judged.approved:
        signed: dict[str, Any] = {"by": by, "reason": judged.reason, "at": at}
        # a run killed in between finds what it already did, and does the rest
        lines = _recorded(settings, request, by, judged.reason)
        if "approved" not in lines:
            approve(settings, request.market, stage, **signed)
        try:
            if "up" not in lines:
                step_up(settings, request.market, stage, **signed)
            done = True
        except GatesNotPassedError as error:
            verdict = f"{verdict}; no step yet: {error}"
    return record_result(settings, answered, verdict, approved=judged.approved, done=done, at=at)


def _content(settings: Settings, rollout: Rollout, at: datetime) -> dict[str, str]:
    """Return the facts that an approval is bound to, with the version's name."""
    return {
        "stage": rollout.target or "none",
        "version": _version(settings, rollout.market, at),
        "model, data and study": rollout.bound_to or "none",
    }


def _version(settings: Settings, symbol: str, at: datetime) -> str:
    try:
        return settings.models().serving(symbol, at).record.version
    except UnknownVersionError:
        return "none"


def _recorded(settings: Settings, request: Request, by: str, reason: str) -> set[str]:
    return {
        rollout_record.kind
        for rollout_record in rollout_records(settings.database(), request.market)
        if (rollout_record.stage, rollout_record.by, rollout_record.reason)
        == (request.subject, by, reason)
        and rollout_record.at >= request.asked_at
    }
