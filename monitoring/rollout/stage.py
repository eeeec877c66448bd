"""The rollout from shadow to auto: a market's stage, derived from its events alone.

Pure: events and times are arguments. An event that the rules do not allow has no effect, whoever
wrote it. A step up counts only one stage at a time, and only with an approval of exactly that
step: given before it, not expired, not used before, and bound to the same model, data and report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ml_core.market_events import SHADOW, STAGES, RolloutEvent, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPolicy:
    """The limits of the rollout.

    Attributes
    ----------
    record_days
        Calendar days of live record before any step up from shadow.
    stage_days
        Days at a stage before the next one, from advisory on.
    most_unanswered
        Highest allowed share of slots without a prediction by Orbcast's fault.
    accuracy
        Accuracy to exceed, over the whole record and over its last ``recent_days``.
    lift, power
        The required trades are as many as tell a coin from a coin + lift with this power.
    alpha
        Probability of ever passing the accuracy or the skill gate without deserving it.
    check_age
        Drift and parity checks count as running if the last one is not older than this.
    approval_lasts
        Longest time from the approval to the step.
    stage_lasts
        How long hybrid and auto last after their step; a new approval and step renew them.
    """

    record_days: int = 90
    stage_days: int = 30
    recent_days: int = 30
    most_unanswered: float = 0.05
    accuracy: float = 0.55
    lift: float = 0.05
    power: float = 0.8
    alpha: float = 0.05
    check_age: timedelta = timedelta(days=4)
    approval_lasts: timedelta = timedelta(days=14)
    stage_lasts: timedelta = timedelta(days=90)


POLICY = RolloutPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A market's position in the rollout.

    Attributes
    ----------
    stage, since, by, reason
        The stage and the step that led to it; before the first step, shadow since ever.
    counted_from
        Live rows decided after this count for the gates; None counts all.
    bound_to, recipe_hash
        Hashes of the last step up that is in force.
    holds_until
        When hybrid or auto lapses; None at the other stages.
    ignored
        Events without effect, each with the reason.
    """

    stage: Stage = SHADOW
    since: datetime | None = None
    by: str = ""
    reason: str = ""
    counted_from: datetime | None = None
    bound_to: str | None = None
    recipe_hash: str | None = None
    holds_until: datetime | None = None
    ignored: tuple[str, ...] = ()

    def at(self, now: datetime) -> Stage:
        """Return the stage at a time; lapsed hybrid and auto are advisory."""
        lapsed = self.holds_until is not None and now >= self.holds_until
        return "advisory" if lapsed else self.stage

    @property
    def next(self) -> Stage | None:
        """The next stage; None at the top."""
        place = STAGES.index(self.stage) + 1
        return STAGES[place] if place < len(STAGES) else None


def position(events: Iterable[RolloutEvent], policy: RolloutPolicy = POLICY) -> Position:
    """Return a market's position after its events, given in the order of recording."""
    now = Position()
    approvals: list[RolloutEvent] = []
    for event in events:
        if event.kind == "approved":
            approvals.append(event)
        elif event.kind == "down":
            approvals = []  # earlier approvals were for another step
            now = _lowered(now, event)
        else:
            used = usable_approval(approvals, event.stage, event.bound_to, event.at)
            fault = _fault(now, event, used)
            if fault:
                words = f"{event.kind} to {event.stage} at {event.at.isoformat()}: {fault}"
                now = replace(now, ignored=(*now.ignored, words))
                continue
            approvals = [approval for approval in approvals if approval is not used]
            now = _raised(now, event, policy)
    return now


def usable_approval(
    approvals: Sequence[RolloutEvent], stage: Stage, bound_to: str | None, at: datetime
) -> RolloutEvent | None:
    """Return a valid approval of a step to a stage, bound to exactly this hash, at this time."""
    for approval in reversed(approvals):
        if (
            approval.kind == "approved"
            and approval.stage == stage
            and bound_to
            and approval.bound_to == bound_to
            and approval.by.strip()
            and approval.expires_at is not None
            and approval.at <= at < approval.expires_at
        ):
            return approval
    return None


def open_approvals(events: Sequence[RolloutEvent]) -> tuple[RolloutEvent, ...]:
    """Return the approvals that no step has used, including expired ones."""
    left: list[RolloutEvent] = []
    for event in events:
        if event.kind == "approved":
            left.append(event)
        elif event.kind == "up":
            used = usable_approval(left, event.stage, event.bound_to, event.at)
            left = [event for event in left if event is not used]
        else:
            left = []
    return tuple(left)


def latest_time(events: Sequence[RolloutEvent], now: datetime) -> datetime:
    """Return the later of now and the latest recorded event.

    So a clock that is set back does not revive lapsed stages or approvals.
    """
    return max([now, *(event.at for event in events)])


def _fault(now: Position, event: RolloutEvent, approval: RolloutEvent | None) -> str:
    if now.since is not None and event.at < now.since:
        return "it is dated before the step before it"
    renewed = event.stage == now.stage and now.holds_until is not None
    if event.stage == SHADOW and now.stage == "off":
        return ""  # shadow, which only predicts, has no conditions
    if event.stage != now.next and not renewed:
        return f"{now.stage} is not the stage below it"
    return "" if approval is not None else "no approval of this step is in force"


def _raised(now: Position, event: RolloutEvent, policy: RolloutPolicy) -> Position:
    lapses = event.stage in {"hybrid", "auto"}
    same = event.stage == now.stage
    return replace(
        now,
        stage=event.stage,
        since=now.since if same else event.at,
        by=event.by,
        reason=event.reason,
        bound_to=event.bound_to,
        recipe_hash=event.recipe_hash,
        holds_until=event.at + policy.stage_lasts if lapses else None,
    )


def _lowered(now: Position, event: RolloutEvent) -> Position:
    """Apply a step down; a `down` to a higher stage does not change the stage."""
    lower = STAGES.index(event.stage) < STAGES.index(now.stage)
    kept = now if not lower else replace(now, stage=event.stage, since=event.at, holds_until=None)
    counted = event.at if event.restarts else now.counted_from
    if not lower:
        return replace(kept, counted_from=counted)
    return replace(
        kept,
        by=event.by,
        reason=event.reason,
        counted_from=counted,
        bound_to=None,
        recipe_hash=now.recipe_hash if event.stage not in {"off", SHADOW} else None,
    )
