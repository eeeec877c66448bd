"""Days whose bars end long before the calendar's close, or go on long after it.

The calendar may lack a special close, a halt or an extra session; a market file can add it
(``[[calendar_days]]``). Each day found comes with the lines that describe its bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrow_values import distinct
from ml_core.market.calendar_days import market_dates_around
from ml_core.market.exchange import TradeDates
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute

_FEWEST_DAYS = 5
_USUALLY_TO_CLOSE = 0.8
"""Minimum share of days with bars up to the close (within the limit) for judging a market."""

_FEWEST_BARS = 10
"""Minimum minutes with bars outside the hours that count as a session, not stray prints."""


@dataclass(frozen=True, slots=True)
class OddDay:
    """A trade date whose bars do not fit the calendar's close.

    Attributes
    ----------
    day
        Trade date; for an extra session the date by the market's clock.
    kind
        ``ended_early``, ``went_on`` or ``extra_session``.
    first_bar, last_bar
        UTC minutes of the first and the last bar in question.
    close
        The calendar's close, UTC minute; for an extra session the previous trade date's close.
    zone
        The market's time zone.
    """

    day: date
    kind: Literal["ended_early", "went_on", "extra_session"]
    first_bar: int
    last_bar: int
    close: int
    zone: str

    def __str__(self) -> str:
        last, close = self._local(self.last_bar), self._local(self.close)
        if self.kind == "ended_early":
            return f"{self.day}: the last bar is of {last}, the calendar closes at {close}"
        if self.kind == "went_on":
            return f"{self.day}: the calendar closes at {close}, bars go on to {last}"
        first = self._local(self.first_bar)
        return f"{self.day}: bars from {first} to {last} on no day of the calendar"

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines for the market file that describe the bars."""
        close = f'close = "{self._local(self.last_bar + 1)}"'
        opens = [f'open = "{self._local(self.first_bar)}"'] * (self.kind == "extra_session")
        return ("[[calendar_days]]", f"day = {self.day}", *opens, close)

    def _local(self, minute: int) -> str:
        return f"{from_minute(minute).astimezone(ZoneInfo(self.zone)):%H:%M}"


def odd_days(minute: NDArray[np.int64], market: Market) -> tuple[OddDay, ...]:
    """Return the days whose bars end long before, or go on long after, the calendar's close.

    "Long" is ``quality.gap_minutes``. The first and the last day are not judged because they may
    be incomplete. A market whose bars seldom reach the close is not judged either.

    Parameters
    ----------
    minute
        UTC minutes at which bars open, in any order.
    market
        The market with its calendar, its own calendar days and its limits.
    """
    if not len(minute):
        return ()
    seen = distinct(np.sort(minute))
    hours = market_dates_around(market, int(seen[0]), int(seen[-1]))
    limit = market.quality.gap_minutes
    at_open, at_close = (np.searchsorted(seen, edge) for edge in (hours.open, hours.close))
    whole = (hours.open > seen[0]) & (hours.close <= seen[-1]) & (at_close > at_open)
    rows = np.flatnonzero(whole)
    if len(rows) < _FEWEST_DAYS:
        return ()
    last = seen[np.maximum(at_close - 1, 0)]
    short = hours.close - 1 - last
    if np.mean(short[rows] < limit) < _USUALLY_TO_CLOSE:
        return ()
    early = [
        OddDay(
            hours.day[row].item(),
            "ended_early",
            int(seen[at_open[row]]),
            int(last[row]),
            int(hours.close[row]),
            market.zone,
        )
        for row in rows[short[rows] >= limit]
    ]
    return tuple(sorted([*early, *_after_close(seen, hours, limit, market)], key=_by_day))


def _after_close(
    seen: NDArray[np.int64], hours: TradeDates, limit: int, market: Market
) -> list[OddDay]:
    odd = []
    stops = np.append(np.searchsorted(seen, hours.open[1:]), len(seen))
    for row, (first, stop) in enumerate(
        zip(np.searchsorted(seen, hours.close).tolist(), stops.tolist(), strict=True)
    ):
        close = int(hours.close[row])
        if stop - first < _FEWEST_BARS or seen[stop - 1] < close + limit:
            continue
        begin, end = int(seen[first]), int(seen[stop - 1])
        if begin < close + limit:
            day = hours.day[row].item()
            odd.append(OddDay(day, "went_on", begin, end, close, market.zone))
        else:
            day = _date_of(begin, market)
            odd.append(OddDay(day, "extra_session", begin, end, close, market.zone))
    return odd


def _date_of(minute: int, market: Market) -> date:
    """Return the trading day of a minute by the market's clock."""
    local = from_minute(minute).astimezone(ZoneInfo(market.zone))
    begun = local.time() >= market.day_start
    day = local.date() if begun else local.date() - timedelta(days=1)
    return day + timedelta(days=1) if market.day_start_on_previous_date else day


def _by_day(odd_day: OddDay) -> tuple[date, int]:
    return odd_day.day, odd_day.first_bar
