"""Check the circuit breaker after each outcome: open it on trouble, close it afterwards."""

from __future__ import annotations

from datetime import datetime

from prefect import task

from ml_core.health.scored_prediction import ScoredPrediction
from monitoring.breaker import BreakerState, LiveRow, breaker_state, trouble
from registry.health.drift import latest_drift
from registry.health.parity import latest_parity
from registry.ledger.scored import scored_predictions
from tasks.health.breaker import OURS, change, events_of
from tasks.runs.retrying import RETRIED
from tasks.settings import BY, Settings, current_settings

RECOVERED = "recovered"

_UP = {"UP": True, "DOWN": False}


@task(name="check the circuit breaker", task_run_name="{market}: circuit breaker", **RETRIED)
def check_breaker(market: str, at: datetime) -> BreakerState:
    """Open the breaker on trouble; close a half-open breaker when there is none."""
    settings = current_settings()
    symbol = settings.market(market).symbol
    now = breaker_state(events_of(settings, symbol), at)
    if now.state == "open":
        return now
    begun = now.since
    rows = scored_predictions(
        settings.database(), symbol, mode="live", role="champion", after=begun
    )
    cause = trouble([_live(row) for row in rows]) or _reported(settings, symbol, begun)
    if cause is not None:
        change(settings, symbol, "open", cause=cause[0], detail=cause[1], by=BY, at=at)
    elif now.state == "half_open":
        words = f"no fault found after {now.cause}"
        change(settings, symbol, "closed", cause=RECOVERED, detail=words, by=BY, at=at)
    return breaker_state(events_of(settings, symbol), at)


def _reported(settings: Settings, symbol: str, since: datetime | None) -> tuple[str, str] | None:
    """Return the trouble reported by the latest parity and drift checks since the last change."""
    database = settings.database()
    parity, drift = latest_parity(database, symbol), latest_drift(database, symbol)
    if parity is not None and parity.unexplained and (since is None or parity.at > since):
        return "parity", parity.verdict
    if drift is not None and drift.detected and (since is None or drift.at > since):
        return "drift", drift.verdict
    return None


def _live(row: ScoredPrediction) -> LiveRow:
    return LiveRow(
        at=row.decision_time,
        failed=not row.predicted and row.reason in OURS,
        stale=row.reason == "stale_data",
        late=row.late,
        p_up=row.p_up,
        baseline_p_up=row.baseline_p_up,
        up=_UP.get(row.direction or ""),
        r_net=row.taken_r_net,
        day=row.trading_day,
    )
