"""Scheduled news as each decision knew it: what became known later is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ml_core.market.market import MINUTES_A_DAY
from ml_core.market.news import IMPORTANCES, Importance, NewsEvent
from ml_core.market.schedule import to_minute

LOOKED_MINUTES = MINUTES_A_DAY
"""Minutes before and after a decision that are searched for news."""

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNews:
    """What each of n decisions knew of scheduled news: m events, sorted by their time.

    An event counts at a decision from the minute it was known until a later record of the same
    market, time and name, such as its cancellation, was known. News in the very minute of the
    decision is still to come.

    Attributes
    ----------
    events
        The m records that are not cancellations.
    minute, begin, end
        Shape (m,), UTC minutes. ``minute`` is the event's time, ascending; the event counts at
        decisions in [begin, end).
    decision
        Shape (n,), UTC minutes.
    reach
        Shape (n,), UTC minutes: the time of the latest event, of any name, that was known by the
        decision. The calendar does not cover the time after it.
    """

    events: tuple[NewsEvent, ...]
    minute: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    decision: NDArray[np.int64]
    reach: NDArray[np.int64]

    @classmethod
    def at(cls, events: Iterable[NewsEvent], decision: NDArray[np.int64]) -> KnownNews:
        """Return what decisions, shape (n,), knew of events that are in the order of record."""
        # the sort keeps the order of record among events known at once
        records = sorted(events, key=lambda event: event.known_since)
        known_from = np.array([_known_minute(event.known_since) for event in records], np.int64)
        minute = np.array([to_minute(event.time) for event in records], np.int64)
        expected = np.array([not event.cancelled for event in records], bool)
        end, latest = np.full(len(records), _NEVER), dict[tuple[str, datetime, str], int]()
        for position, event in enumerate(records):
            key = event.market, event.time, event.name
            if (before := latest.get(key)) is not None:
                end[before] = known_from[position]
            latest[key] = position
        seen = np.searchsorted(known_from[expected], decision, side="right")
        furthest = np.maximum.accumulate(np.append(-_NEVER, minute[expected]))
        order = np.argsort(minute, kind="stable")
        order = order[expected[order]]
        return cls(
            events=tuple(records[position] for position in order),
            minute=minute[order],
            begin=known_from[order],
            end=end[order],
            decision=decision,
            reach=furthest[seen],
        )

    def only(self, *names: str, importance: Importance = "low") -> KnownNews:
        """Return only the news of some names (``*`` matches any) and of at least an importance.

        ``reach`` stays that of all news.
        """
        wanted = names or ("*",)
        kept = [event.is_of(wanted, importance) for event in self.events]
        rows = np.flatnonzero(kept)
        return replace(
            self,
            events=tuple(self.events[row] for row in rows),
            minute=self.minute[rows],
            begin=self.begin[rows],
            end=self.end[rows],
        )

    def minutes_to_next(self) -> NDArray[np.float64]:
        """Return the minutes until the next event, shape (n,).

        ``LOOKED_MINUTES`` if none comes within that time; NaN if the calendar ends before the
        decision.
        """
        result = self._none_within(float(LOOKED_MINUTES))
        for event, there in self._expected(self.decision, self.decision + LOOKED_MINUTES):
            nearer = np.fmin(result, self.minute[event] - self.decision)
            result = np.where(there, nearer, result)
        return result

    def minutes_since_last(self) -> NDArray[np.float64]:
        """Return the minutes since the last event, shape (n,).

        ``LOOKED_MINUTES`` if none came within that time, or NaN if the calendar has also ended.
        """
        result = self._none_within(float(LOOKED_MINUTES))
        for event, there in self._expected(self.decision - LOOKED_MINUTES, self.decision - 1):
            nearer = np.fmin(result, self.decision - self.minute[event])
            result = np.where(there, nearer, result)
        return result

    def greatest_importance(self, until: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the greatest importance of the events from the decision until a minute.

        Parameters
        ----------
        until
            Shape (n,), UTC minutes; events in that minute are not included.

        Returns
        -------
        ndarray
            Shape (n,): 1 low, 2 medium, 3 high; 0 if there is no event, NaN if the calendar ends
            before the decision.
        """
        weight = np.array([1.0 + IMPORTANCES.index(event.importance) for event in self.events])
        result = self._none_within(0.0)
        for event, there in self._expected(self.decision, until - 1):
            result = np.where(there, np.fmax(result, weight[event]), result)
        return result

    def _none_within(self, value: float) -> NDArray[np.float64]:
        """Return the value for no event, shape (n,); NaN where the calendar has ended."""
        return np.where(self.reach >= self.decision, value, np.nan)

    def _expected(
        self, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """Yield, for all decisions at once, an event in [first, last] and whether it counts.

        Both have shape (n,). The number of steps is the largest number of events in any span.
        """
        start = np.searchsorted(self.minute, first)
        stop = np.searchsorted(self.minute, last, side="right")
        for step in range(int((stop - start).max(initial=0))):
            event = np.minimum(start + step, len(self.minute) - 1)
            counts = (self.begin[event] <= self.decision) & (self.decision < self.end[event])
            yield event, (start + step < stop) & counts


def _known_minute(since: datetime) -> int:
    """Return the first whole minute at or after the time since which something is known."""
    minute = to_minute(since)
    return minute if not since.second and not since.microsecond else minute + 1
