"""Trading days laid out on the UTC clock: sessions, opening ranges and scan ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.market.calendar_days import market_dates
from ml_core.market.market import MINUTES_A_DAY, Market

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class NoTradingDaysError(InputError):
    """The exchange is never open in the period."""

    symbol: str
    first: date
    last: date
    template = (
        "{symbol} has no trading day from {first} to {last}; name a period with at least one, the "
        "first day not after the last"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The n trading days of one market, as UTC minutes since the Unix epoch.

    Attributes
    ----------
    days
        datetime64[D], shape (n,): the exchange's trade dates.
    day_start, day_end
        Shape (n,). ``day_end`` is the next trading day's start, so stray bars on a weekend belong
        to the Friday before.
    exchange_open, exchange_close, early_close
        Shape (n,): the exchange's hours on that trade date.
    session_start, session_end
        Shape (n, number of sessions).
    range_start, range_end, session_scan_end
        Shape (n, number of ranges); ``range_end`` is the decision time t0 and
        ``session_scan_end`` the end of the range's session.
    open
        Shape (n, number of ranges): whether the exchange is open during the whole window.
    """

    days: NDArray[np.datetime64]
    day_start: NDArray[np.int64]
    day_end: NDArray[np.int64]
    exchange_open: NDArray[np.int64]
    exchange_close: NDArray[np.int64]
    early_close: NDArray[np.bool_]
    session_start: NDArray[np.int64]
    session_end: NDArray[np.int64]
    range_start: NDArray[np.int64]
    range_end: NDArray[np.int64]
    session_scan_end: NDArray[np.int64]
    open: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.days)

    def day_of(self, minute: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each minute's trading day, shape (m,).

        Parameters
        ----------
        minute
            Shape (m,), ascending, none before the first day or after the last.
        """
        first = np.searchsorted(minute, self.day_start)
        return np.repeat(np.arange(len(self)), np.diff(first, append=len(minute)))


def to_minute(moment: datetime) -> int:
    """Return the UTC minute since the epoch an aware time falls in (floor).

    Raises
    ------
    ValueError
        The time is naive.

    >>> to_minute(datetime(1970, 1, 1, 10, 5, tzinfo=ZoneInfo("Australia/Brisbane")))
    5
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no zone; give an aware time")
    return (moment - _EPOCH) // _MINUTE


def first_minute(day: date) -> int:
    """Return the UTC minute since the epoch at which a date begins in UTC.

    >>> first_minute(date(1970, 1, 2))
    1440
    """
    return (day - _EPOCH.date()).days * MINUTES_A_DAY


def from_minute(minute: int) -> datetime:
    """Return the aware UTC time of a minute since the epoch.

    >>> from_minute(5).isoformat()
    '1970-01-01T00:05:00+00:00'
    """
    return _EPOCH + minute * _MINUTE


@lru_cache(maxsize=256)
def _clock(clock: time, zone: ZoneInfo, first_year: int, last_year: int) -> NDArray[np.int64]:
    """Return the UTC minute at which a zone's clock shows ``clock``, every day of some years.

    The result never changes, so it is computed once per process.
    """
    day, moments = date(first_year, 1, 1), []
    while day.year <= last_year:
        moments.append(to_minute(datetime.combine(day, clock, tzinfo=zone)))
        day += _DAY
    return np.array(moments, np.int64)


@dataclass(frozen=True, slots=True)
class _Clocks:
    """Wall clocks over the years of a schedule."""

    first_year: int
    last_year: int

    def at(self, days: NDArray[np.datetime64], clock: time, zone: ZoneInfo) -> NDArray[np.int64]:
        """Return the minutes at which the clock shows ``clock`` on these calendar days."""
        minutes = _clock(clock, zone, self.first_year, self.last_year)
        return minutes[(days - np.datetime64(f"{self.first_year}-01-01")).astype(np.int64)]

    def next(self, after: NDArray[np.int64], clock: time, zone: ZoneInfo) -> NDArray[np.int64]:
        """Return the first minute at or after each of ``after`` when the clock shows ``clock``."""
        minutes = _clock(clock, zone, self.first_year, self.last_year)
        return minutes[np.searchsorted(minutes, after)]


def build_schedule(market: Market, first: date, last: date) -> Schedule:
    """Lay out the trading days from ``first`` to ``last``, both included.

    Parameters
    ----------
    market
        The market; its sessions and ranges follow their own local clocks day by day, including
        daylight saving.
    first, last
        Trading days (the exchange's trade dates).

    Raises
    ------
    NoTradingDaysError
        The exchange has no trade date in the period.
    """
    if first > last:
        raise NoTradingDaysError(market.symbol, first, last)
    years = (first.year - 1, last.year + 1)
    dates, clocks = market_dates(market, *years), _Clocks(*years)
    begin, stop = np.searchsorted(dates.day, np.array([first, last + _DAY], "datetime64[D]"))
    if begin >= stop:
        raise NoTradingDaysError(market.symbol, first, last)
    days = dates.day[begin : stop + 1]
    on = days - np.timedelta64(1, "D") if market.day_start_on_previous_date else days
    starts = clocks.at(on, market.day_start, ZoneInfo(market.zone))
    session_start, session_end = _sessions(market, clocks, starts[:-1])
    range_start, range_end, scan_end = _ranges(market, clocks, days, starts[:-1], session_end)
    opens, closes = dates.open[begin:stop], dates.close[begin:stop]
    return Schedule(
        days=days[:-1],
        day_start=starts[:-1],
        day_end=starts[1:],
        exchange_open=opens,
        exchange_close=closes,
        early_close=dates.early_close[begin:stop],
        session_start=session_start,
        session_end=session_end,
        range_start=range_start,
        range_end=range_end,
        session_scan_end=scan_end,
        open=(range_start >= opens[:, None])
        & (range_end <= closes[:, None])
        & ~dates.is_halted(range_start, range_end),
    )


def _sessions(
    market: Market, clocks: _Clocks, starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    begins, ends = [], []
    for session in market.sessions:
        zone = ZoneInfo(session.zone or market.zone)
        begin = clocks.next(starts - (1440 if session.before else 0), session.start, zone)
        begins.append(begin)
        ends.append(clocks.next(begin + 1, session.end, zone))
    return np.column_stack(begins), np.column_stack(ends)


def _ranges(
    market: Market,
    clocks: _Clocks,
    days: NDArray[np.datetime64],
    starts: NDArray[np.int64],
    session_end: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    names = [session.name for session in market.sessions]
    begin = np.column_stack(
        [clocks.next(starts, spec.start, market.zone_of(spec)) for spec in market.ranges]
    )
    scan_end = session_end[:, [names.index(spec.session) for spec in market.ranges]]
    minutes = np.array([spec.minutes for spec in market.ranges])
    outside = scan_end <= begin + minutes
    if outside.any():
        row, column = (int(index) for index in np.argwhere(outside)[0])
        raise RangeOutsideSessionError(market.symbol, market.ranges[column].name, str(days[row]))
    return begin, begin + minutes, scan_end


class RangeOutsideSessionError(InputError):
    """On some day an opening range does not end inside its session."""

    symbol: str
    name: str
    day: str
    template = (
        "{symbol}: on {day} the opening range {name} does not end inside its session; move the "
        "range, the session or their zones in the market file"
    )
