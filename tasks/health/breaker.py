"""The circuit breaker of a market: read before each prediction, checked after each outcome."""

from __future__ import annotations

from datetime import datetime

from ml_core.market_events import BreakerChange, BreakerEvent
from monitoring.breaker import UNREADABLE, BreakerState, breaker_state
from registry.health.breaker import breaker_records, record_breaker
from tasks import notices
from tasks.notices.events import BreakerClosed, BreakerOpened, emit
from tasks.settings import Settings

OURS = frozenset(
    {"stale_data", "model_unusable", "model_expired", "market_changed", "no_model", "missed"}
)
"""Reasons for a missing prediction that are Orbcast's own fault and not the market's."""


def breaker_of(settings: Settings, symbol: str, at: datetime) -> BreakerState:
    """Return the state of a market's breaker; one that cannot be read counts as open."""
    try:
        return breaker_state(events_of(settings, symbol), at)
    except Exception as error:  # noqa: BLE001 - an unreadable breaker must count as open
        return BreakerState(
            state="open", cause=UNREADABLE, detail=str(error)[:200], since=None, until=None
        )


def change(
    settings: Settings,
    symbol: str,
    state: BreakerChange,
    *,
    cause: str,
    detail: str,
    by: str,
    at: datetime,
) -> bool:
    """Record a change of the breaker; return False, without a record, if nothing would change.

    A half-open breaker can be opened again.

    Raises
    ------
    UnsignedChangeError
        The change does not say who makes it or why.
    """
    record = BreakerEvent(market=symbol, at=at, state=state, cause=cause, detail=detail, by=by)
    if not record_breaker(
        settings.database(), record, lambda events: breaker_state(events, at).state == state
    ):
        return False
    emit(
        (BreakerOpened if state == "open" else BreakerClosed)(
            market=symbol, cause=cause, detail=detail, by=by
        )
    )

    notices.notify.notify(
        settings,
        "breaker",
        symbol,
        f"breaker {symbol} {at.isoformat()} {state}",
        f"{symbol}: circuit breaker {state}",
        f"{cause}: {detail} (by {by}).\n"
        + (
            "While it is open predictions are logged and recommend nothing. "
            f"`orbcast breaker status --market {symbol.lower()}`"
            if state == "open"
            else "Recommendations are made again."
        ),
    )
    return True


def events_of(settings: Settings, symbol: str) -> tuple[BreakerEvent, ...]:
    """Return every recorded event of a market's breaker, oldest first."""
    return breaker_records(settings.database(), symbol)
