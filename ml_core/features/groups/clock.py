"""The decision's place on the clock and in the calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import feature
from ml_core.features.view import LOOKBACK_DAYS, View
from ml_core.market.schedule import to_minute

_DAY = 1440
_LONDON_OPEN = (time(8), ZoneInfo("Europe/London"))
_NEW_YORK_OPEN = (time(9, 30), ZoneInfo("America/New_York"))


@feature("opening range of the day", categorical=True, mirror=None)
def opening_range_code(view: View) -> NDArray[np.float64]:
    """Position of the range in the market's list."""
    return view.spec.astype(np.float64)


@feature("day of the week", categorical=True, mirror=None)
def weekday(view: View) -> NDArray[np.float64]:
    """Weekday of the trading day, Monday 0."""
    # 1970-01-01 was a Thursday
    return (view.tape.schedule.days[view.day].astype(np.int64) + 3).astype(np.float64) % 7


@feature("time of day (sine)", mirror=None)
def time_of_day_sin(view: View) -> NDArray[np.float64]:
    """Sine of the UTC time of day."""
    return np.sin(2 * np.pi * (view.decision % _DAY) / _DAY)


@feature("time of day (cosine)", mirror=None)
def time_of_day_cos(view: View) -> NDArray[np.float64]:
    """Cosine of the UTC time of day."""
    return np.cos(2 * np.pi * (view.decision % _DAY) / _DAY)


@feature("day of the week (sine)", mirror=None)
def weekday_sin(view: View) -> NDArray[np.float64]:
    """Sine of the weekday on a circle of seven."""
    return np.sin(2 * np.pi * weekday(view) / 7)


@feature("day of the week (cosine)", mirror=None)
def weekday_cos(view: View) -> NDArray[np.float64]:
    """Cosine of the weekday on a circle of seven."""
    return np.cos(2 * np.pi * weekday(view) / 7)


@feature("month (sine)", mirror=None)
def month_sin(view: View) -> NDArray[np.float64]:
    """Sine of the month on a circle of twelve."""
    return np.sin(2 * np.pi * _month(view) / 12)


@feature("month (cosine)", mirror=None)
def month_cos(view: View) -> NDArray[np.float64]:
    """Cosine of the month on a circle of twelve."""
    return np.cos(2 * np.pi * _month(view) / 12)


@feature("minutes since London's open", unit="minutes", mirror=None)
def minutes_from_london_open(view: View) -> NDArray[np.float64]:
    """Minutes since the nearest 08:00 in London, daylight saving included, -750..750."""
    return _minutes_from(view.decision, *_LONDON_OPEN)


@feature("minutes since New York's open", unit="minutes", mirror=None)
def minutes_from_new_york_open(view: View) -> NDArray[np.float64]:
    """Minutes since the nearest 09:30 in New York, daylight saving included, -750..750."""
    return _minutes_from(view.decision, *_NEW_YORK_OPEN)


@feature("minutes since the exchange opened", unit="minutes", mirror=None)
def minutes_from_exchange_open(view: View) -> NDArray[np.float64]:
    """Minutes since the exchange opened for this trading day."""
    return (view.decision - view.tape.schedule.exchange_open[view.day]).astype(np.float64)


@feature("trading days since the contract rolled", unit="days", mirror=None)
def days_since_roll(view: View) -> NDArray[np.float64]:
    """Trading days since the series last changed contract; NaN beyond the lookback."""
    days = view.tape.schedule.days
    rolls = np.flatnonzero(view.tape.rolled())
    index = np.searchsorted(rolls, view.day, side="right") - 1
    if not len(rolls):
        return np.full(len(view), np.nan)
    roll = rolls[np.maximum(index, 0)]
    recent = (index >= 0) & (days[view.day] - days[roll] <= np.timedelta64(LOOKBACK_DAYS, "D"))
    return np.where(recent, view.day - roll, np.nan)


@feature("the exchange closes early today", categorical=True, mirror=None)
def early_close(view: View) -> NDArray[np.float64]:
    """1 on a half-day, else 0: published in advance."""
    return view.tape.schedule.early_close[view.day].astype(np.float64)


def _month(view: View) -> NDArray[np.float64]:
    months = view.tape.schedule.days[view.day].astype("datetime64[M]").astype(np.int64)
    return (months % 12).astype(np.float64)


@lru_cache(maxsize=16384)
def _opens_near(day: date, clock: time, zone: ZoneInfo) -> tuple[int, ...]:
    """UTC minutes at which the zone's clock shows ``clock``: the day after, that day, before."""
    return tuple(
        to_minute(datetime.combine(day + timedelta(days=step), clock, tzinfo=zone))
        for step in (1, 0, -1)
    )


def _minutes_from(decision: NDArray[np.int64], clock: time, zone: ZoneInfo) -> NDArray[np.float64]:
    """Signed minutes since the zone's clock last or next showed ``clock``, whichever is nearer.

    A tie counts as before the next one. In the night of a clock change, up to 750 minutes.
    """
    days, back = np.unique(decision // _DAY, return_inverse=True)
    opens = [_opens_near(day, clock, zone) for day in days.astype("datetime64[D]").tolist()]
    since = decision[:, None] - np.array(opens, np.int64).reshape(-1, 3)[back]
    nearest = np.abs(since).argmin(axis=1)[:, None]
    return np.take_along_axis(since, nearest, axis=1)[:, 0].astype(np.float64)
