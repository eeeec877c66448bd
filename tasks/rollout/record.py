"""The record of a market's rollout: its events read, and one added."""

from __future__ import annotations

from typing import cast

from monitoring.rollout import Kind, RolloutEvent, Stage
from registry.rollout import RolloutRecord, record_rollout, rollout_records
from tasks.settings import Settings


def events_of(settings: Settings, symbol: str) -> list[RolloutEvent]:
    """Return all that is on record of a market's rollout, oldest first."""
    return [_event(each) for each in rollout_records(settings.database(), symbol)]


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


def record_event(
    settings: Settings,
    symbol: str,
    sequence: int,
    event: RolloutEvent,
    seen: dict[str, str] | None = None,
) -> None:
    """Add an event to a market's rollout, whose record has so many by what was looked at.

    Raises
    ------
    UnsignedChangeError
        It does not say who or why.
    RolloutChangedError
        Somebody else changed the rollout meanwhile.
    """
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
    record_rollout(settings.database(), [record])
