"""Days and times a person gives a flow: refused beforehand if they cannot be meant."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from ml_core.errors import InputError, ReversedPeriodError
from ml_core.market.market import Market
from tasks.prediction.slots import in_zone
from tasks.settings import now

_MOST_EARLY = 1.0
"""Seconds that a run waits for its time; one that is earlier than that was begun by a person."""

LONGEST_STEP = 300.0
"""The same of a run that a schedule began, before a clock was stepped back by so much at most."""


class FutureTimeError(InputError):
    """A time to work as of that has not come."""

    as_of: datetime
    now: datetime
    template = (
        "as_of {as_of} has not come yet, it is {now:%Y-%m-%dT%H:%M} UTC; name an earlier time, or "
        "leave as_of out for now"
    )


class FutureDayError(InputError):
    """A day to answer that has not come."""

    day: date
    today: date
    template = "day {day} has not come yet, today is {today}; name an earlier day"


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
        raise ReversedPeriodError(f"from_day {first}", f"to_day {last}")


def moment_of(as_of: datetime | None, market: Market) -> datetime:
    """Return the aware time to work as of: now, or the one given, if it has come.

    A scheduled run that begins early waits for its time first, or it would answer the slot before:
    Prefect rounds what it lets a run wait to whole seconds, so that one may begin half a second
    before its slot has closed; and a clock may have been stepped back since.

    Raises
    ------
    FutureTimeError
        It is later than now.
    """
    while 0 < (early := _seconds_early()) <= (LONGEST_STEP if _is_by_schedule() else _MOST_EARLY):
        time.sleep(early)
    at = now()
    if as_of is None:
        return at
    moment = in_zone(as_of, market)
    if moment > at:
        raise FutureTimeError(moment, at)
    return moment


def _is_by_schedule() -> bool:
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and bool(run.auto_scheduled)


def _seconds_early() -> float:
    """Return how long before its time the present run began, on the clock that scheduled it."""
    scheduled: datetime = flow_run.scheduled_start_time
    return (scheduled - datetime.now(UTC)).total_seconds()
