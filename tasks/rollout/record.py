"""The record of a market's rollout: read its events, and add one."""

from __future__ import annotations

from dataclasses import replace

from ml_core.market_events import RolloutEvent
from registry.rollout import record_rollout, rollout_records
from tasks.settings import Settings


def events_of(settings: Settings, symbol: str) -> tuple[RolloutEvent, ...]:
    """Return every recorded event of a market's rollout, oldest first."""
    return rollout_records(settings.database(), symbol)


def record_event(
    settings: Settings, event: RolloutEvent, gates: dict[str, str] | None = None
) -> None:
    """Add an event to its market's rollout.

    Parameters
    ----------
    settings
        Where the database is.
    event
        The event; its number is the number of events that its author had seen.
    gates
        The evaluated gates in words, by name.

    Raises
    ------
    UnsignedChangeError
        The event does not say who makes the change or why.
    RolloutChangedError
        Another process or person changed the rollout meanwhile.
    """
    details = {
        "recipe_hash": event.recipe_hash,
        "restarts": event.restarts,
        "gates": gates or {},
    }
    record_rollout(settings.database(), [replace(event, details=details)])
