"""Scheduled news, such as CPI or FOMC: its time, and since when it has been known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal, get_args

Importance = Literal["low", "medium", "high"]
IMPORTANCES: tuple[Importance, ...] = get_args(Importance)
"""All importances, from the least to the greatest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsEvent:
    """News that is scheduled for a time.

    Attributes
    ----------
    market
        Symbol; "" for every market.
    time
        The scheduled time, aware UTC.
    name, importance
        Its name, such as CPI, and how much it moves prices.
    known_since
        Aware UTC; no decision before this time may use the event.
    cancelled
        Whether the event is cancelled, as known since that time.
    """

    market: str
    time: datetime
    name: str
    importance: Importance
    known_since: datetime
    cancelled: bool = False

    def is_of(self, names: Iterable[str], importance: Importance) -> bool:
        """Return whether the event has one of some names and at least an importance.

        Parameters
        ----------
        names
            Patterns, in upper or lower case; ``*`` matches anything.
        importance
            The least importance.
        """
        if IMPORTANCES.index(self.importance) < IMPORTANCES.index(importance):
            return False
        return any(fnmatchcase(self.name.lower(), pattern.lower()) for pattern in names)


def known_news(events: Iterable[NewsEvent], at: datetime) -> tuple[NewsEvent, ...]:
    """Return the events that were expected at a time, sorted by their own time.

    Parameters
    ----------
    events
        In the order of record. Of two with the same market, time and name, the one known later
        counts; of two known at the same time, the one recorded later.
    at
        Aware time; events that became known later are left out.
    """
    latest: dict[tuple[str, datetime, str], NewsEvent] = {}
    # the sort keeps the order of record among events known at once
    for event in sorted(events, key=lambda event: event.known_since):
        if event.known_since <= at:
            latest[event.market, event.time, event.name] = event
    expected = (event for event in latest.values() if not event.cancelled)
    return tuple(sorted(expected, key=lambda event: (event.time, event.name, event.market)))


def coming_news(
    events: Iterable[NewsEvent], at: datetime, until: datetime
) -> tuple[NewsEvent, ...]:
    """Return the events expected at a time that are scheduled from then until another time."""
    return tuple(event for event in known_news(events, at) if at <= event.time <= until)


def news_hash(events: Iterable[NewsEvent]) -> str:
    """Return the hash of events in the order they are given, hex."""
    digest = hashlib.sha256()
    for event in events:
        times = event.time.isoformat(), event.known_since.isoformat()
        values = [event.market, event.name, event.importance, event.cancelled, *times]
        digest.update(json.dumps(values).encode())
    return digest.hexdigest()
