"""The record of a market's rollout: its events read, and one added."""

from __future__ import annotations

from dataclasses import replace

from ml_core.market_events import RolloutEvent
from registry.rollout import record_rollout, rollout_records
from tasks.settings import Settings


def events_of(settings: Settings, symbol: str) -> tuple[RolloutEvent, ...]:
    """Return all that is on record of a market's rollout, oldest first."""
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
        The event; its number is how many events there were by what was looked at.
    gates
        Words of the gates that were looked at, by name.

    Raises
    ------
    UnsignedChangeError
        It does not say who or why.
    RolloutChangedError
        Somebody else changed the rollout meanwhile.
    """
    details = {
        "recipe_hash": event.recipe_hash,
        "restarts": event.restarts,
        "gates": gates or {},
    }
    record_rollout(settings.database(), [replace(event, details=details)])
