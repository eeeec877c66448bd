"""Days and times a person gives a flow: refused beforehand if they cannot be meant."""

from __future__ import annotations

from datetime import date, datetime

from ml_core.errors import InputError
from ml_core.market.market import Market
from tasks.prediction.slots import in_zone
from tasks.settings import now


class ReversedPeriodError(InputError):
    """A period that ends before it begins."""

    def __init__(self, first: date, last: date) -> None:
        super().__init__(first, last)
        self.first, self.last = first, last

    def __str__(self) -> str:
        return f"from_day {self.first} is after to_day {self.last}; swap them"


class FutureTimeError(InputError):
    """A time to work as of that has not come."""

    def __init__(self, asked: datetime, now: datetime) -> None:
        super().__init__(asked, now)
        self.asked, self.now = asked, now

    def __str__(self) -> str:
        return (
            f"as_of {self.asked.isoformat()} has not come yet, it is {self.now:%Y-%m-%dT%H:%M} "
            "UTC; name an earlier time, or leave as_of out for now"
        )


class FutureDayError(InputError):
    """A day to answer that has not come."""

    def __init__(self, asked: date, today: date) -> None:
        super().__init__(asked, today)
        self.asked, self.today = asked, today

    def __str__(self) -> str:
        return f"day {self.asked} has not come yet, today is {self.today}; name an earlier day"


def require_past(day: date, today: date) -> None:
    """Refuse a day that has not come.

    Raises
    ------
    FutureDayError
        It is later than today.
    """
    if day > today:
        raise FutureDayError(day, today)


def require_period(first: date | None, last: date | None) -> None:
    """Refuse days in the wrong order; one left out is in order.

    Raises
    ------
    ReversedPeriodError
        The period ends before it begins.
    """
    if first is not None and last is not None and last < first:
        raise ReversedPeriodError(first, last)


def moment_of(as_of: datetime | None, market: Market) -> datetime:
    """Return the aware time to work as of: now, or the one given, if it has come.

    Raises
    ------
    FutureTimeError
        It is later than now.
    """
    at = now()
    if as_of is None:
        return at
    asked = in_zone(as_of, market)
    if asked > at:
        raise FutureTimeError(asked, at)
    return asked
