"""One market's exchange hours: its calendar's, changed by the days in its market file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from ml_core.market.exchange import TradeDates, trade_dates
from ml_core.market.market import CalendarDay, Market

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""Names by :meth:`datetime.date.weekday`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """The exchange's hours on one trade date, UTC minutes; ``close`` is exclusive."""

    open: int
    close: int
    halt: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """A day of a market file: hours by the calendar and by the file; None means closed.

    ``fault`` explains why the day has no effect.
    """

    day: date
    by_calendar: Hours | None
    by_file: Hours | None
    fault: str | None = None


def market_dates(market: Market, first_year: int, last_year: int) -> TradeDates:
    """Return every trade date of a market from the first through the last year.

    These are the dates of :func:`ml_core.market.exchange.trade_dates`, changed by the days in the
    market's file. A day that cannot be applied keeps the calendar's hours; :func:`changed_days`
    explains why.
    """
    dates = trade_dates(market.calendar, first_year, last_year)
    changes = [
        change
        for change in changed_days(market)
        if first_year <= change.day.year <= last_year and change.by_file != change.by_calendar
    ]
    return _applied(dates, tuple(changes)) if changes else dates


def market_dates_around(market: Market, first: int, last: int) -> TradeDates:
    """Return the trade dates of the years of two UTC minutes, and one year on each side."""
    ends = np.array([first, last], "datetime64[m]").astype("datetime64[Y]").astype(int) + 1970
    return market_dates(market, int(ends[0]) - 1, int(ends[1]) + 1)


def changed_days(market: Market) -> tuple[ChangedDay, ...]:
    """Return the effect of the file's own days, in time order."""
    start = (market.zone, market.day_start, market.day_start_on_previous_date)
    return tuple(_changed(market.calendar, start, own) for own in market.calendar_days)


@lru_cache(maxsize=256)
def _changed(calendar: str, start: tuple[str, time, bool], own: CalendarDay) -> ChangedDay:
    dates = trade_dates(calendar, own.day.year, own.day.year)
    row = int(np.searchsorted(dates.day, np.datetime64(own.day)))
    usual = None
    if row < len(dates.day) and dates.day[row] == np.datetime64(own.day):
        usual = Hours(int(dates.open[row]), int(dates.close[row]))
    if own.closed:
        return ChangedDay(own.day, usual, None)
    if usual is None and (own.open is None or own.close is None):
        fault = "is not a trade date by the calendar: set open and close"
        return ChangedDay(own.day, None, None, fault)
    day_zone, day_start, evening_before = start
    zone = ZoneInfo(own.zone or day_zone)
    begins = usual.open if usual else _day_start(own.day, day_zone, day_start, evening_before)
    opens = begins if own.open is None else _nearest(own.open, zone, begins)
    closes = usual.close if usual else begins
    if own.close is not None:
        closes = _next(own.close, zone, opens)
    halt = None
    if own.halt is not None:
        stops = _next(own.halt[0], zone, opens - 1)
        halt = (stops, _next(own.halt[1], zone, stops))
        if halt[1] > closes:
            fault = "has a halt that does not end before its close: set close"
            return ChangedDay(own.day, usual, usual, fault)
    if opens >= closes:
        return ChangedDay(own.day, usual, usual, "opens after its close")
    return ChangedDay(own.day, usual, Hours(opens, closes, halt))


def _applied(dates: TradeDates, changes: tuple[ChangedDay, ...]) -> TradeDates:
    hours = {
        day: (opens, closes, early)
        for day, opens, closes, early in zip(
            dates.day.tolist(),
            dates.open.tolist(),
            dates.close.tolist(),
            dates.early_close.tolist(),
            strict=True,
        )
    }
    halts = []
    for change in changes:
        if change.by_file is None:
            hours.pop(change.day, None)
            continue
        usual, own = change.by_calendar, change.by_file
        early = hours[change.day][2] if usual and usual.close == own.close else False
        early = early or (usual is not None and own.close < usual.close)
        hours[change.day] = (own.open, own.close, early)
        if own.halt is not None:
            halts.append(own.halt)
    days = sorted(hours)
    opens, closes, early_closes = zip(*(hours[day] for day in days), strict=True)
    starts, ends = zip(*sorted(halts), strict=True) if halts else ((), ())
    return TradeDates(
        day=np.array(days, "datetime64[D]"),
        open=np.array(opens, np.int64),
        close=np.array(closes, np.int64),
        early_close=np.array(early_closes, bool),
        halt_start=np.array(starts, np.int64),
        halt_end=np.array(ends, np.int64),
    )


def _day_start(day: date, zone: str, clock: time, evening_before: bool) -> int:
    on = day - _DAY if evening_before else day
    return _minute(datetime.combine(on, clock, tzinfo=ZoneInfo(zone)))


def _minute(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(minutes=1)


def _around(clock: time, zone: ZoneInfo, minute: int) -> list[int]:
    """Return when a clock shows a time, on the day of a minute and the days next to it."""
    day = (_EPOCH + timedelta(minutes=minute)).astimezone(zone).date()
    days = (day + number * _DAY for number in (-1, 0, 1, 2))
    return [_minute(datetime.combine(day, clock, tzinfo=zone)) for day in days]


def _nearest(clock: time, zone: ZoneInfo, to: int) -> int:
    return min(_around(clock, zone, to), key=lambda minute: abs(minute - to))


def _next(clock: time, zone: ZoneInfo, after: int) -> int:
    return next(minute for minute in _around(clock, zone, after) if minute > after)
