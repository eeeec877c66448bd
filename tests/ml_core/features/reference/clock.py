"""References of the group "clock", straight from zoneinfo and the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from math import cos, nan, pi, sin
from zoneinfo import ZoneInfo

from tests.ml_core.features.reference.plain_decision import Decision


def opening_range_code(decision: Decision) -> float:
    return decision.slot.number


def weekday(decision: Decision) -> float:
    return decision.day.date.weekday()


def time_of_day_sin(decision: Decision) -> float:
    return sin(2 * pi * _hours(decision) / 24)


def time_of_day_cos(decision: Decision) -> float:
    return cos(2 * pi * _hours(decision) / 24)


def weekday_sin(decision: Decision) -> float:
    return sin(2 * pi * decision.day.date.weekday() / 7)


def weekday_cos(decision: Decision) -> float:
    return cos(2 * pi * decision.day.date.weekday() / 7)


def month_sin(decision: Decision) -> float:
    return sin(2 * pi * (decision.day.date.month - 1) / 12)


def month_cos(decision: Decision) -> float:
    return cos(2 * pi * (decision.day.date.month - 1) / 12)


def minutes_from_london_open(decision: Decision) -> float:
    return _since_nearest(_time(decision), time(8), "Europe/London")


def minutes_from_new_york_open(decision: Decision) -> float:
    return _since_nearest(_time(decision), time(9, 30), "America/New_York")


def minutes_from_exchange_open(decision: Decision) -> float:
    return decision.t0 - decision.day.exchange_open


def days_since_roll(decision: Decision) -> float:
    days = decision.market.days
    rolls = [day for day in decision.market.roll_days if day <= decision.slot.day]
    if not rolls or (decision.day.date - days[rolls[-1]].date).days > 34:
        return nan
    return decision.slot.day - rolls[-1]


def early_close(decision: Decision) -> float:
    return 1 if decision.day.early_close else 0


def _time(decision: Decision) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=decision.t0)


def _hours(decision: Decision) -> float:
    moment = _time(decision)
    return moment.hour + moment.minute / 60


def _since_nearest(moment: datetime, clock: time, zone: str) -> float:
    """Return the minutes since the nearest moment at which a zone's clock shows ``clock``."""
    local = moment.astimezone(ZoneInfo(zone)).date()
    near = [
        datetime.combine(local + timedelta(days=step), clock, ZoneInfo(zone)).astimezone(UTC)
        for step in (-1, 0, 1)
    ]
    return min(((moment - opened).total_seconds() / 60 for opened in near), key=abs)
