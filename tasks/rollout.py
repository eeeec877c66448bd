"""The rollout of a market: where it stands, what a step up still asks for, and stepping down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
from prefect import task

from ml_core.errors import InputError
from monitoring.gate import Gate
from monitoring.rollout import (
    POLICY,
    STAGES,
    Kind,
    Position,
    RolloutEvent,
    Stage,
    latest_time,
    open_approvals,
    position,
    usable_approval,
)
from monitoring.rollout_gates import EARNED, Check, Facts, LiveRecord, gates, grounds
from registry.drift import latest_drift
from registry.errors import DatabaseError, UnknownVersionError
from registry.evaluations import latest_evaluation
from registry.ledger import Settled
from registry.model_store import Serving
from registry.parity import latest_parity
from registry.rollout import RolloutRecord, record_rollout, rollout_faults, rollout_records
from registry.tables import canonical
from tasks.breaker import breaker_of
from tasks.code import code_hash
from tasks.notices import notify
from tasks.promotion import STUDY_DAYS
from tasks.retrying import RETRIED
from tasks.settings import Settings, settings

BY = "orbcast"
_OURS = frozenset({"stale_data", "model_unusable", "model_expired", "no_model", "missed"})
_SIDE = {"long": "UP", "short": "DOWN"}


class GatesNotPassedError(InputError):
    """A step up that the evidence, or a missing approval, does not allow."""

    def __init__(self, market: str, stage: str, missing: tuple[str, ...]) -> None:
        super().__init__(market, stage, missing)
        self.market, self.stage, self.missing = market, stage, missing

    def __str__(self) -> str:
        return (
            f"{self.market} does not step up to {self.stage}: {'; '.join(self.missing)}. "
            "`orbcast rollout status` shows every gate"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Where a market stands, and how far it is from the next stage.

    Attributes
    ----------
    market, position, stage
        The symbol; what its events say; the stage that holds now.
    target
        The stage above; None at the top.
    gates
        Every gate of the step up, the approval last.
    bound_to
        What an approval given now would be bound to.
    """

    market: str
    position: Position
    stage: Stage
    target: Stage | None
    gates: tuple[Gate, ...]
    bound_to: str | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What every gate that is not passed still asks for."""
        return tuple(f"{each.name}: {each.change}" for each in self.gates if not each.passed)

    @property
    def next_step(self) -> str:
        """What to do next, in one line."""
        if self.target is None:
            return "nothing: this is the top of the ladder"
        if self.stage == "off":
            return 'orbcast rollout step-up --to shadow --reason "..."'
        closed = [each.name for each in self.gates if not each.passed]
        if closed == ["approval"]:
            return f'orbcast rollout approve --to {self.target} --reason "..."'
        if closed:
            return f"wait: {len(closed)} of {len(self.gates)} gates are not passed"
        return f'orbcast rollout step-up --to {self.target} --reason "..."'


def stage_of(where: Settings, symbol: str, at: datetime) -> tuple[Stage, Position]:
    """Give the stage that holds for a live answer at a time; shadow if that cannot be read."""
    try:
        events = _events(where, symbol)
        if rollout_faults(where.database()):
            return "shadow", Position()
    except (DatabaseError, ValueError, TypeError):
        return "shadow", Position()
    stands = position(events)
    return stands.at(latest_time(events, at)), stands


def rollout_of(where: Settings, symbol: str, at: datetime, target: Stage | None = None) -> Rollout:
    """Look at every gate of the next stage, or of the one named."""
    events = _events(where, symbol)
    at = latest_time(events, at)
    stands = position(events)
    stage = stands.at(at)
    target = target or stands.next
    bound_to = None if target is None else subject_of(where, symbol, target, at)
    found: tuple[Gate, ...] = ()
    if target is not None:
        facts = facts_of(where, symbol, stands, bound_to, at)
        found = gates(facts, stands, target, at)
        if found:
            found = (*found, _approval(events, target, bound_to, at))
    return Rollout(
        market=symbol, position=stands, stage=stage, target=target, gates=found, bound_to=bound_to
    )


def approve(
    where: Settings, symbol: str, stage: Stage, *, by: str, reason: str, at: datetime
) -> RolloutEvent:
    """Record a person's approval of a step up, bound to model, data and report as they are now.

    Raises
    ------
    GatesNotPassedError
        There is no version or no study of its recipe to bind it to.
    UnsignedChangeError
        It does not say who or why.
    RolloutChangedError
        Somebody else changed the rollout meanwhile.
    """
    bound_to = subject_of(where, symbol, stage, at)
    if bound_to is None:
        missing = "a champion whose recipe has a study (`orbcast evaluate`) to be approved of"
        raise GatesNotPassedError(symbol, stage, (missing,))
    events = _events(where, symbol)
    at = latest_time(events, at)
    event = RolloutEvent(
        at=at,
        kind="approved",
        stage=stage,
        by=by,
        reason=reason,
        bound_to=bound_to,
        expires_at=at + POLICY.approval_lasts,
    )
    _record(where, symbol, len(events), event)
    return event


def step_up(
    where: Settings, symbol: str, stage: Stage, *, by: str, reason: str, at: datetime
) -> Rollout:
    """Go up one stage, if every gate is passed and a person's approval of this very step stands.

    Raises
    ------
    GatesNotPassedError
        With every gate that is missing.
    UnsignedChangeError
        It does not say who or why.
    RolloutChangedError
        Somebody else changed the rollout meanwhile.
    """
    events = _events(where, symbol)
    at = latest_time(events, at)
    stands = position(events)
    looked = rollout_of(where, symbol, at, stage)
    renews = stage == stands.stage and stands.holds_until is not None
    if stage != stands.next and not renews:
        raise GatesNotPassedError(symbol, stage, (f"{stands.stage} is not the stage below it",))
    if looked.missing:
        raise GatesNotPassedError(symbol, stage, looked.missing)
    facts = facts_of(where, symbol, stands, looked.bound_to, at)
    event = RolloutEvent(
        at=at,
        kind="up",
        stage=stage,
        by=by,
        reason=reason,
        bound_to=looked.bound_to if stage != "shadow" else None,
        recipe_hash=facts.recipe_hash,
    )
    _record(where, symbol, len(events), event, {name.name: name.words for name in looked.gates})
    return rollout_of(where, symbol, at)


def step_down(
    where: Settings,
    symbol: str,
    stage: Stage,
    *,
    by: str,
    reason: str,
    at: datetime,
    restarts: bool = False,
) -> Rollout:
    """Go down at once; nothing is asked.

    Raises
    ------
    GatesNotPassedError
        The stage is not below the present one.
    UnsignedChangeError
        It does not say who or why.
    RolloutChangedError
        Somebody else changed the rollout meanwhile.
    """
    events = _events(where, symbol)
    stands = position(events)
    if STAGES.index(stage) >= STAGES.index(stands.stage):
        raise GatesNotPassedError(symbol, stage, (f"it is not below {stands.stage}",))
    event = RolloutEvent(
        at=latest_time(events, at),
        kind="down",
        stage=stage,
        by=by,
        reason=reason,
        restarts=restarts,
    )
    _record(where, symbol, len(events), event)
    return rollout_of(where, symbol, at)


@task(name="check the rollout", **RETRIED)
def check_rollout(market: str, at: datetime) -> dict[str, Any]:
    """Step a market down if there are grounds to; it never goes up by itself."""
    where = settings()
    symbol = where.market(market).symbol
    events = _events(where, symbol)
    stands = position(events)
    if stands.stage in {"off", "shadow"}:
        return {"stage": stands.stage, "stepped_down": None}
    at = latest_time(events, at)
    found = grounds(facts_of(where, symbol, stands, None, at), stands, at)
    if found is None:
        return {"stage": stands.stage, "stepped_down": None}
    stage, why, restarts = found
    step_down(where, symbol, stage, by=BY, reason=why, at=at, restarts=restarts)
    notify(
        where,
        "rollout",
        symbol,
        f"rollout {symbol} {at.isoformat()} {stage}",
        f"{symbol}: stepped down to {stage}",
        f"{why}.\nIt does not go up again by itself: `orbcast rollout status --market "
        f"{symbol.lower()}` shows what is asked for.",
    )
    return {"stage": stage, "stepped_down": why}


@task(name="look at the gates", **RETRIED)
def look_at_gates(market: str, at: datetime) -> dict[str, Any]:
    """Look at every gate of the next stage, and tell of those reached since they were last told.

    Returns
    -------
    dict
        The rollout as plain values.
    """
    where = settings()
    symbol = where.market(market).symbol
    found = rollout_of(where, symbol, at)
    # what was reached before a step down that spoils the record can be reached anew
    era = found.position.counted_from.isoformat() if found.position.counted_from else "the start"
    for gate in found.gates:
        if gate.passed and gate.name in EARNED:
            notify(
                where,
                "gate",
                symbol,
                f"gate {symbol} {found.target} {gate.name} since {era}"[:200],
                f"{symbol}: the gate {gate.name} of {found.target} is passed",
                f"{gate.words}.\nStill missing: {'; '.join(found.missing) or 'nothing'}.",
            )
    return shown(found)


def facts_of(
    where: Settings, symbol: str, stands: Position, bound_to: str | None, at: datetime
) -> Facts:
    """Gather all that the gates look at."""
    serving = _serving(where, symbol, at)
    record = serving.record if serving else None
    recipe_hash = record.recipe_hash if record else None
    return Facts(
        version=record.version if record else None,
        recipe_hash=recipe_hash,
        kind=record.kind if record else None,
        fallback=(serving.expired or serving.fallback) if serving else None,
        record=_live_record(where, symbol, recipe_hash, stands.counted_from),
        drift=_drift(where, symbol),
        parity=_parity(where, symbol),
        breaker=breaker_of(where, symbol, at).state,
        record_faults=_faults(where, serving),
        bound_to=bound_to,
    )


def subject_of(where: Settings, symbol: str, stage: Stage, at: datetime) -> str | None:
    """Hash what an approval is of: the step, the version's files, its data, its recipe's study."""
    serving = _serving(where, symbol, at)
    if serving is None:
        return None
    record = serving.record
    study = latest_evaluation(
        where.database(),
        symbol,
        record.recipe_hash,
        since=at - timedelta(days=STUDY_DAYS),
        code=code_hash(),
    )
    if study is None:
        return None
    subject = {
        "market": symbol,
        "stage": stage,
        "version": record.version,
        "files": record.sums_hash,
        "data": record.data_fingerprint,
        "report": study.study_hash,
    }
    return hashlib.sha256(canonical(subject).encode()).hexdigest()


def shown(rollout: Rollout) -> dict[str, Any]:
    """Give a rollout as plain values."""
    stands = rollout.position
    return {
        "market": rollout.market,
        "stage": rollout.stage,
        "since": stands.since.isoformat() if stands.since else None,
        "by": stands.by or None,
        "reason": stands.reason or None,
        "holds_until": stands.holds_until.isoformat() if stands.holds_until else None,
        "counted_from": stands.counted_from.isoformat() if stands.counted_from else None,
        "next": rollout.target,
        "gates": [
            {
                "name": each.name,
                "passed": each.passed,
                "figure": each.words,
                "missing": each.change or None,
            }
            for each in rollout.gates
        ],
        "next_step": rollout.next_step,
        "ignored": list(stands.ignored),
    }


def _approval(
    events: list[RolloutEvent], target: Stage, bound_to: str | None, at: datetime
) -> Gate:
    name = "approval"
    standing = open_approvals(events)
    found = usable_approval(standing, target, bound_to, at)
    if found is not None:
        words = f"by {found.by}, until {found.expires_at:%Y-%m-%d %H:%M} UTC: {found.reason}"
        return Gate(name=name, passed=True, words=words)
    words = "none"
    others = [each for each in standing if each.stage == target]
    if others:
        last = others[-1]
        expired = last.expires_at is not None and at >= last.expires_at
        why = "has expired" if expired else "is of another model, data or report"
        words = f"that of {last.by}, {last.at:%Y-%m-%d %H:%M} UTC, {why}"
    return Gate(
        name=name, passed=False, words=words, change="a person's approval of this very step"
    )


def _serving(where: Settings, symbol: str, at: datetime) -> Serving | None:
    try:
        return where.models().serving(symbol, at)
    except UnknownVersionError:
        return None


def _live_record(
    where: Settings, symbol: str, recipe_hash: str | None, after: datetime | None
) -> LiveRecord:
    rows = [
        each
        for each in where.ledger().settled(symbol, mode="live")
        if each.prediction.role == "champion"
        and (after is None or each.prediction.decision_time > after)
    ]
    own = [index for index, each in enumerate(rows) if _is_of(each, recipe_hash)]
    rows = rows[own[0] :] if own else []
    judged = [each for each in rows if _is_judged(each, recipe_hash)]
    taken = [each for each in judged if _was_taken(each)]
    ours = sum(each.prediction.late or each.prediction.reason in _OURS for each in rows)
    return LiveRecord(
        begun=rows[0].prediction.decision_time if rows else None,
        slots=len(rows),
        unanswered=ours,
        day=_days(judged),
        p_up=np.array([each.prediction.p_up for each in judged], np.float64),
        baseline_p_up=np.array([each.prediction.baseline_p_up for each in judged], np.float64),
        up=np.array([_direction(each) == "UP" for each in judged], bool),
        trade_day=_days(taken),
        r_net=np.array([each.outcome.r_net for each in taken if each.outcome], np.float64),
    )


def _is_of(each: Settled, recipe_hash: str | None) -> bool:
    said = each.prediction
    return said.status == "predicted" and said.recipe_hash == recipe_hash


def _is_judged(each: Settled, recipe_hash: str | None) -> bool:
    said = each.prediction
    known = said.p_up is not None and said.baseline_p_up is not None
    broke = _direction(each) in {"UP", "DOWN"}
    return _is_of(each, recipe_hash) and not said.late and known and broke


def _was_taken(each: Settled) -> bool:
    side = _SIDE.get(each.prediction.recommendation or "")
    return side == _direction(each) and each.outcome is not None and each.outcome.r_net is not None


def _direction(each: Settled) -> str | None:
    return each.outcome.direction if each.outcome else None


def _days(rows: list[Settled]) -> Any:
    return np.array([each.prediction.trading_day for each in rows], "datetime64[D]")


def _drift(where: Settings, symbol: str) -> Check | None:
    found = latest_drift(where.database(), symbol)
    if found is None:
        return None
    judged = bool(found.figures.get("judged"))
    return Check(at=found.at, judged=judged, clean=not found.detected, words=found.verdict)


def _parity(where: Settings, symbol: str) -> Check | None:
    found = latest_parity(where.database(), symbol)
    if found is None:
        return None
    clean = not found.unexplained
    return Check(at=found.at, judged=found.compared > 0, clean=clean, words=found.verdict)


def _faults(where: Settings, serving: Serving | None) -> tuple[str, ...] | None:
    try:
        found = [*where.ledger().verify().faults, *rollout_faults(where.database())]
    except (DatabaseError, OSError):
        return None
    if serving is not None:
        found += where.models().faults(serving.record)
    return tuple(found)


def _events(where: Settings, symbol: str) -> list[RolloutEvent]:
    return [_event(each) for each in rollout_records(where.database(), symbol)]


def _event(record: RolloutRecord) -> RolloutEvent:
    return RolloutEvent(
        at=record.at,
        kind=cast("Kind", record.kind),
        stage=cast("Stage", record.stage),
        by=record.by,
        reason=record.reason,
        bound_to=record.bound_to,
        expires_at=record.expires_at,
        recipe_hash=record.details.get("recipe_hash"),
        restarts=bool(record.details.get("restarts")),
    )


def _record(
    where: Settings,
    symbol: str,
    sequence: int,
    event: RolloutEvent,
    seen: dict[str, str] | None = None,
) -> None:
    record = RolloutRecord(
        market=symbol,
        sequence=sequence,
        at=event.at,
        kind=event.kind,
        stage=event.stage,
        by=event.by,
        reason=event.reason,
        bound_to=event.bound_to,
        expires_at=event.expires_at,
        details={
            "recipe_hash": event.recipe_hash,
            "restarts": event.restarts,
            "gates": seen or {},
        },
    )
    record_rollout(where.database(), [record])
