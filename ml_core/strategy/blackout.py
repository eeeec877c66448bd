"""Blackouts: minutes around scheduled news in which the rules enter nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from ml_core.market.market import MINUTES_A_DAY
from ml_core.market.news import Importance, NewsEvent, known_news
from ml_core.market.schedule import from_minute, to_minute


class Blackout(BaseModel):
    """No entry from a number of minutes before certain news until a number of minutes after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: tuple[str, ...] = Field(
        default=("*",), min_length=1, description="Names, case-insensitive; * matches anything."
    )
    importance: Importance = Field(
        default="low", description="Least importance that it applies to."
    )
    before: int = Field(default=30, ge=0, le=1440, description="Minutes before the news.")
    after: int = Field(default=30, ge=0, le=1440, description="Minutes after it.")

    def is_for(self, event: NewsEvent) -> bool:
        """Return whether the blackout applies to an event."""
        return event.is_of(self.events, self.importance)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEntry:
    """A period without entries: UTC minutes since the epoch, both ends included.

    ``event`` is the news event it surrounds.
    """

    event: str
    first_minute: int
    last_minute: int

    def holds_at(self, moment: datetime) -> bool:
        """Return whether a time is within the period."""
        return self.first_minute <= to_minute(moment) <= self.last_minute

    @property
    def words(self) -> str:
        """The news event and the period, in UTC."""
        first, last = from_minute(self.first_minute), from_minute(self.last_minute)
        return f"{self.event}, no entry {first:%H:%M} to {last:%H:%M} UTC"


def no_entries(
    blackouts: Iterable[Blackout], events: Iterable[NewsEvent], decided: datetime
) -> tuple[NoEntry, ...]:
    """Return the periods without entry for the day that begins with a decision.

    Parameters
    ----------
    blackouts
        The blackouts of the rules.
    events
        Recorded events; those not known at the decision are filtered out here.
    decided
        Aware UTC, t0.
    """
    blackouts = tuple(blackouts)
    if not blackouts:
        return ()
    begin = to_minute(decided)
    stretches = (
        NoEntry(
            event=event.name,
            first_minute=to_minute(event.time) - blackout.before,
            last_minute=to_minute(event.time) + blackout.after,
        )
        for event in known_news(events, decided)
        for blackout in blackouts
        if blackout.is_for(event)
    )
    near = {
        stretch
        for stretch in stretches
        if stretch.last_minute >= begin and stretch.first_minute <= begin + MINUTES_A_DAY
    }
    return tuple(
        sorted(
            near, key=lambda stretch: (stretch.first_minute, stretch.last_minute, stretch.event)
        )
    )
