"""Daily checks of the rollout: reasons to step down, and newly passed gates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prefect import task

from ml_core.market_events import Stage
from monitoring.rollout.gates import EARNED, step_down_reason
from monitoring.rollout.stage import latest_time, position
from tasks.notices.notify import notify
from tasks.rollout.facts import facts_of
from tasks.rollout.record import events_of
from tasks.rollout.stage import Rollout, rollout_of, step_down
from tasks.runs.retrying import RETRIED
from tasks.settings import BY, current_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutCheck:
    """The stage of a market after a check, and why it stepped down; None if it did not."""

    stage: Stage
    stepped_down: str | None = None


@task(name="check the rollout", task_run_name="{market}: step down or stay", **RETRIED)
def check_rollout(market: str, at: datetime) -> RolloutCheck:
    """Step a market down if there is a reason to; it never steps up by itself."""
    settings = current_settings()
    symbol = settings.market(market).symbol
    events = events_of(settings, symbol)
    current = position(events)
    if current.stage in {"off", "shadow"}:
        return RolloutCheck(stage=current.stage)
    at = latest_time(events, at)
    step = step_down_reason(facts_of(settings, symbol, current, at), current, at)
    if step is None:
        return RolloutCheck(stage=current.stage)
    stage, why, restarts = step
    step_down(settings, symbol, stage, by=BY, reason=why, at=at, restarts=restarts)
    notify(
        settings,
        "rollout",
        symbol,
        f"rollout {symbol} {at.isoformat()} {stage}",
        f"{symbol}: stepped down to {stage}",
        f"{why}.\nIt does not step up again by itself: `orbcast rollout status --market "
        f"{symbol.lower()}` shows what is required.",
    )
    return RolloutCheck(stage=stage, stepped_down=why)


@task(name="check the gates", task_run_name="{market}: gates", **RETRIED)
def check_gates(market: str, at: datetime) -> Rollout:
    """Evaluate every gate of the next stage; send a notice for each newly passed gate."""
    settings = current_settings()
    symbol = settings.market(market).symbol
    rollout = rollout_of(settings, symbol, at)
    # after a step down that restarts the record, a gate can be passed, and reported, again
    era = (
        rollout.position.counted_from.isoformat() if rollout.position.counted_from else "the start"
    )
    for gate in rollout.gates:
        if gate.passed and gate.name in EARNED:
            notify(
                settings,
                "gate",
                symbol,
                f"gate {symbol} {rollout.target} {gate.name} since {era}"[:200],
                f"{symbol}: the gate {gate.name} of {rollout.target} is passed",
                f"{gate.words}.\nStill missing: {'; '.join(rollout.missing) or 'nothing'}.",
            )
    return rollout
