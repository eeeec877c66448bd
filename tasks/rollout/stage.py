"""The rollout of a market: its stage, what a step up still requires, and stepping down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_core.errors import InputError
from ml_core.market_events import STAGES, RolloutEvent, Stage
from monitoring.gate import Gate
from monitoring.rollout.gates import gates
from monitoring.rollout.stage import (
    POLICY,
    Position,
    latest_time,
    open_approvals,
    position,
    usable_approval,
)
from registry.errors import DatabaseError
from registry.rollout import rollout_faults
from tasks.notices.events import RolloutStepped, emit
from tasks.rollout.facts import facts_of, subject_of
from tasks.rollout.record import events_of, record_event
from tasks.settings import Settings


class GatesNotPassedError(InputError):
    """Error for a step up that lacks evidence or an approval."""

    market: str
    stage: str
    missing: tuple[str, ...]
    template = (
        "{market} does not step up to {stage}: {missing:; }. `orbcast rollout status` shows every "
        "gate"
    )


class NotBelowError(InputError):
    """Error for a step down to the market's current stage or a higher one."""

    market: str
    stage: str
    current: str
    template = (
        "{market} is at {current}, and {stage} is not below it; name a lower stage, or go up "
        "with `orbcast rollout step-up`"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The stage of a market, and what it lacks for the next one.

    Attributes
    ----------
    market, position, stage
        The symbol; the position that its events lead to; the stage in force now.
    target
        The next stage; None at the top.
    gates
        Every gate of the step up, the approval last.
    bound_to, recipe_hash
        Hash that an approval given now would be bound to; hash of the serving recipe.
    at, recorded
        Time of the evaluation, never before the latest event; number of events then.
    """

    market: str
    position: Position
    stage: Stage
    target: Stage | None
    gates: tuple[Gate, ...]
    bound_to: str | None
    recipe_hash: str | None
    at: datetime
    recorded: int

    @property
    def missing(self) -> tuple[str, ...]:
        """What each gate that is not passed still requires."""
        return tuple(f"{gate.name}: {gate.change}" for gate in self.gates if not gate.passed)

    @property
    def next_step(self) -> str:
        """What to do next, in one line."""
        if self.target is None:
            return "nothing: this is the highest stage"
        if self.stage == "off":
            return 'orbcast rollout step-up --to shadow --reason "..."'
        closed = [gate.name for gate in self.gates if not gate.passed]
        if closed == ["approval"]:
            return f'orbcast rollout approve --to {self.target} --reason "..."'
        if closed:
            return f"wait: {len(closed)} of {len(self.gates)} gates are not passed"
        return f'orbcast rollout step-up --to {self.target} --reason "..."'

    def require_next(self, stage: Stage) -> None:
        """Refuse a step that neither goes up one stage nor renews the current one.

        Raises
        ------
        GatesNotPassedError
            The current stage is not the one below ``stage``.
        """
        current = self.position
        renews = stage == current.stage and current.holds_until is not None
        if stage != current.next and not renews:
            fault = f"{current.stage} is not the stage below it"
            raise GatesNotPassedError(self.market, stage, (fault,))


def stage_of(settings: Settings, symbol: str, at: datetime) -> tuple[Stage, Position]:
    """Return the stage in force for live predictions at a time; shadow if it cannot be read."""
    try:
        events = events_of(settings, symbol)
        if rollout_faults(settings.database()):
            return "shadow", Position()
    except (DatabaseError, ValueError, TypeError):
        return "shadow", Position()
    current = position(events)
    return current.at(latest_time(events, at)), current


def rollout_of(
    settings: Settings, symbol: str, at: datetime, target: Stage | None = None
) -> Rollout:
    """Evaluate every gate of the next stage, or of a named one."""
    events = events_of(settings, symbol)
    at = latest_time(events, at)
    current = position(events)
    stage = current.at(at)
    target = target or current.next
    bound_to = recipe_hash = None
    of_step: tuple[Gate, ...] = ()
    if target is not None:
        bound_to = subject_of(settings, symbol, target, at)
        facts = facts_of(settings, symbol, current, at)
        recipe_hash = facts.recipe_hash
        of_step = gates(facts, current, target, at)
        if of_step:
            of_step = (*of_step, _approval(events, target, bound_to, at))
    return Rollout(
        market=symbol,
        position=current,
        stage=stage,
        target=target,
        gates=of_step,
        bound_to=bound_to,
        recipe_hash=recipe_hash,
        at=at,
        recorded=len(events),
    )


def approve(
    settings: Settings, symbol: str, stage: Stage, *, by: str, reason: str, at: datetime
) -> RolloutEvent:
    """Record a person's approval of a step up, bound to the current model, data and report.

    Raises
    ------
    GatesNotPassedError
        There is no version, or no study of its recipe, to bind the approval to.
    UnsignedChangeError
        The change does not say who makes it or why.
    RolloutChangedError
        Another process or person changed the rollout meanwhile.
    """
    bound_to = subject_of(settings, symbol, stage, at)
    if bound_to is None:
        missing = "a champion whose recipe has a study (`orbcast evaluate`) to approve"
        raise GatesNotPassedError(symbol, stage, (missing,))
    events = events_of(settings, symbol)
    at = latest_time(events, at)
    event = RolloutEvent(
        market=symbol,
        sequence=len(events),
        at=at,
        kind="approved",
        stage=stage,
        by=by,
        reason=reason,
        bound_to=bound_to,
        expires_at=at + POLICY.approval_lasts,
    )
    record_event(settings, event)
    return event


def step_up(
    settings: Settings, symbol: str, stage: Stage, *, by: str, reason: str, at: datetime
) -> Rollout:
    """Go up one stage, if every gate is passed and an approval of exactly this step is valid.

    Raises
    ------
    GatesNotPassedError
        A gate is not passed; the message lists every such gate.
    UnsignedChangeError
        The change does not say who makes it or why.
    RolloutChangedError
        Another process or person changed the rollout meanwhile.
    """
    rollout = rollout_of(settings, symbol, at, stage)
    rollout.require_next(stage)
    if rollout.missing:
        raise GatesNotPassedError(symbol, stage, rollout.missing)
    event = RolloutEvent(
        market=symbol,
        sequence=rollout.recorded,
        at=rollout.at,
        kind="up",
        stage=stage,
        by=by,
        reason=reason,
        bound_to=rollout.bound_to if stage != "shadow" else None,
        details={"recipe_hash": rollout.recipe_hash},
    )
    seen = {gate.name: gate.words for gate in rollout.gates}
    record_event(settings, event, seen)
    _emit_step(symbol, event, rollout.position.stage)
    return rollout_of(settings, symbol, at)


def step_down(
    settings: Settings,
    symbol: str,
    stage: Stage,
    *,
    by: str,
    reason: str,
    at: datetime,
    restarts: bool = False,
) -> Rollout:
    """Go down at once, without gates or approval.

    Raises
    ------
    NotBelowError
        The stage is not below the current one.
    UnsignedChangeError
        The change does not say who makes it or why.
    RolloutChangedError
        Another process or person changed the rollout meanwhile.
    """
    events = events_of(settings, symbol)
    current = position(events)
    if STAGES.index(stage) >= STAGES.index(current.stage):
        raise NotBelowError(symbol, stage, current.stage)
    event = RolloutEvent(
        market=symbol,
        sequence=len(events),
        at=latest_time(events, at),
        kind="down",
        stage=stage,
        by=by,
        reason=reason,
        details={"restarts": restarts},
    )
    record_event(settings, event)
    _emit_step(symbol, event, current.stage)
    return rollout_of(settings, symbol, at)


def _approval(
    events: Sequence[RolloutEvent], target: Stage, bound_to: str | None, at: datetime
) -> Gate:
    name = "approval"
    standing = open_approvals(events)
    event = usable_approval(standing, target, bound_to, at)
    if event is not None:
        words = f"by {event.by}, until {event.expires_at:%Y-%m-%d %H:%M} UTC: {event.reason}"
        return Gate(name=name, passed=True, words=words)
    words = "none"
    others = [event for event in standing if event.stage == target]
    if others:
        last = others[-1]
        expired = last.expires_at is not None and at >= last.expires_at
        why = "has expired" if expired else "is of another model, data or report"
        words = f"that of {last.by}, {last.at:%Y-%m-%d %H:%M} UTC, {why}"
    return Gate(
        name=name, passed=False, words=words, change="a person's approval of exactly this step"
    )


def _emit_step(symbol: str, event: RolloutEvent, before: Stage) -> None:
    emit(
        RolloutStepped(
            market=symbol,
            direction="up" if event.kind == "up" else "down",
            stage=event.stage,
            before=before,
            by=event.by,
            reason=event.reason,
        )
    )
