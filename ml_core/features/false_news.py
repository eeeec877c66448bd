"""Scheduled news in which only what a decision could not know is falsified."""

from __future__ import annotations

from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Literal

from ml_core.market.news import Importance, NewsEvent
from ml_core.market.schedule import from_minute

NewsTrick = Literal["news deleted", "news scrambled"]

_SHIFT = timedelta(minutes=37)
_NEAR = (timedelta(minutes=-3), timedelta(0), timedelta(minutes=3), timedelta(hours=20))
_OTHER: dict[Importance, Importance] = {"low": "high", "medium": "low", "high": "medium"}


def false_news(
    news: tuple[NewsEvent, ...], t0: int
) -> tuple[tuple[NewsTrick, tuple[NewsEvent, ...]], ...]:
    """Return the news on record without what became known after a decision, and with it false.

    In the false news, events that became known later have another time and importance; every known
    event near the decision is cancelled just after it; and, whatever is on record, there are
    invented events around the decision and beyond the end of the calendar, known only after it.

    Parameters
    ----------
    news
        In the order of record.
    t0
        The decision, UTC minutes.
    """
    decided = from_minute(t0)
    known_events = tuple(event for event in news if event.known_since <= decided)
    later = decided + timedelta(microseconds=1)
    scrambled = tuple(
        replace(event, time=_other_time(event.time), importance=_OTHER[event.importance])
        for event in news
        if event.known_since > decided
    )
    cancelled = tuple(
        replace(event, known_since=later, cancelled=True)
        for event in known_events
        if abs(event.time - decided) <= timedelta(days=2)
    )
    end = max((event.time for event in news), default=decided)
    beyond = end + timedelta(days=1) if end.year < MAXYEAR else end
    invented = tuple(
        NewsEvent(
            market=news[0].market if news else "",
            time=time,
            name=f"unknown at {decided:%Y-%m-%d %H:%M}",
            importance="high",
            known_since=later,
        )
        for time in (*(decided + away for away in _NEAR), beyond)
    )
    return (
        ("news deleted", known_events),
        ("news scrambled", (*known_events, *scrambled, *cancelled, *invented)),
    )


def _other_time(time: datetime) -> datetime:
    return time - _SHIFT if time.year > 1 else time + _SHIFT


def later_news(news: tuple[NewsEvent, ...], days: int) -> tuple[NewsEvent, ...]:
    """Return the same news some days later; times are capped at the last possible one."""
    by = timedelta(days=days)
    last = datetime.max.replace(tzinfo=UTC) - by
    return tuple(
        replace(event, time=min(event.time, last) + by, known_since=event.known_since + by)
        for event in news
    )
