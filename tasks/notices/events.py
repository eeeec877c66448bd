"""The events that Orbcast emits: their names and their values.

An event says that something has been recorded, in the ledger or the registry. It is emitted once,
by the process that added the row. It is lost if that process is killed at that moment or no server
can be reached, so read the record for anything that must not be missed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal

import tasks
from ml_core.json_values import json_values

ARRIVED = "orbcast.data.arrived"
"""A trader's own script emits it when the source has new bars; Orbcast never does."""

_LOG = logging.getLogger(__name__)


def resource_of(market: str) -> str:
    """Return the resource id of a market from its file's name.

    >>> resource_of("mgc")
    'orbcast.market.mgc'
    """
    return f"orbcast.market.{market.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a market.

    Attributes
    ----------
    name
        The event's name, by which a trigger refers to it.
    market
        The market file's name, in any case; the emitted event has it in lower case.
    """

    name: ClassVar[str]

    market: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsRefreshed(Event):
    """Bars in the lake were added, revised or withdrawn."""

    name: ClassVar[str] = "orbcast.data.refreshed"

    as_of: str
    added: int
    revised: int
    withdrawn: int
    batches: int
    last_bar: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStopped(Event):
    """A feed has been silent for longer than usual while its exchange is open."""

    name: ClassVar[str] = "orbcast.feed.stopped"

    last_bar: datetime
    silent_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedResumed(Event):
    """A feed that was reported as stopped delivers bars again."""

    name: ClassVar[str] = "orbcast.feed.resumed"

    last_bar: datetime
    stopped_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDetected(Event):
    """Logged rows no longer resemble the serving version's training rows."""

    name: ClassVar[str] = "orbcast.drift.detected"

    version: str
    last_day: str
    groups: tuple[str, ...]
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionMade(Event):
    """A live prediction of the serving version is in the ledger."""

    name: ClassVar[str] = "orbcast.prediction.made"

    trading_day: date
    opening_range: str
    version: str
    made_at: datetime
    late: bool
    p_up: float
    baseline_p_up: float
    recommendation: str
    expected_net_r: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMissed(Event):
    """A live slot passed without a prediction, and the ledger records it as missed."""

    name: ClassVar[str] = "orbcast.slot.missed"

    trading_day: date
    opening_range: str
    decision_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSettled(Event):
    """The outcome of a slot with a live entry is in the ledger, or a revision of it."""

    name: ClassVar[str] = "orbcast.outcome.settled"

    trading_day: date
    opening_range: str
    label: str
    direction: str
    outcome: str | None
    r_gross: float | None
    r_net: float | None
    resolved_at: datetime
    revised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOpened(Event):
    """The circuit breaker opened: nothing is recommended until it closes."""

    name: ClassVar[str] = "orbcast.breaker.opened"

    cause: str
    detail: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerClosed(Event):
    """The circuit breaker closed again."""

    name: ClassVar[str] = "orbcast.breaker.closed"

    cause: str
    detail: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRegistered(Event):
    """A model version that was not there before is in the registry."""

    name: ClassVar[str] = "orbcast.version.registered"

    model: str
    version: str
    recipe_hash: str
    data_fingerprint: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPromoted(Event):
    """Another version became champion; after a rollback, a former champion."""

    name: ClassVar[str] = "orbcast.version.promoted"

    version: str
    before: str | None
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStepped(Event):
    """A market moved up or down a stage of the rollout."""

    name: ClassVar[str] = "orbcast.rollout.stepped"

    direction: Literal["up", "down"]
    stage: str
    before: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentWritten(Event):
    """An order intent is in the outbox; consumers read the order from there."""

    name: ClassVar[str] = "orbcast.intent.written"

    trading_day: date
    opening_range: str
    version: str
    rules_hash: str
    expires_at: datetime


EVENTS: tuple[type[Event], ...] = (
    BarsRefreshed,
    FeedStopped,
    FeedResumed,
    DriftDetected,
    PredictionMade,
    SlotMissed,
    OutcomeSettled,
    BreakerOpened,
    BreakerClosed,
    VersionRegistered,
    VersionPromoted,
    RolloutStepped,
    IntentWritten,
)
"""All events that Orbcast emits; docs/events.md has a table for each."""


def emit(event: Event) -> None:
    """Emit an event to this process's Prefect server; without one, it is dropped.

    Nothing is raised: the record already holds what happened, and an event only announces it.
    """
    if not tasks.prefect_api.PREFECT_API_URL.value():
        return  # Prefect would start a temporary server, to which nobody listens
    about = {
        "prefect.resource.id": resource_of(event.market),
        "prefect.resource.name": event.market.upper(),
    }
    payload = {**json_values(event), "market": event.market.lower()}
    try:
        tasks.prefect_api.emit_event(event=event.name, resource=about, payload=payload)
    except Exception as error:  # noqa: BLE001 - an event never stops a run
        _LOG.warning("%s was not emitted: %s", event.name, error)
