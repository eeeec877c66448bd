"""Check the days and times that a user passes to a flow before it uses them."""

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
"""Seconds that a run waits for its scheduled time; a run started earlier was started by a user."""

LONGEST_STEP = 300.0
"""The same for a run that a schedule started: allows for a clock stepped back by that much."""


class FutureTimeError(InputError):
    """Error for an ``as_of`` time in the future."""

    as_of: datetime
    now: datetime
    template = (
        "as_of {as_of} is in the future, it is {now:%Y-%m-%dT%H:%M} UTC; name an earlier time, or "
        "leave as_of out for now"
    )


class FutureDayError(InputError):
    """Error for a day in the future."""

    day: date
    today: date
    template = "day {day} is in the future, today is {today}; name an earlier day"


def require_past(day: date, today: date) -> None:
    """Refuse a day in the future.

    Raises
    ------
    FutureDayError
        The day is later than today.
    """
    if day > today:
        raise FutureDayError(day, today)


def require_period(first: date | None, last: date | None) -> None:
    """Refuse days in the wrong order; a missing day is always in order.

    Raises
    ------
    ReversedPeriodError
        The period ends before it begins.
    """
    if first is not None and last is not None and last < first:
        raise ReversedPeriodError(f"from_day {first}", f"to_day {last}")


def moment_of(as_of: datetime | None, market: Market) -> datetime:
    """Return the aware time to work as of: now, or the given time if it is not in the future.

    A run that starts early first waits for its time, see :func:`own_time`.

    Raises
    ------
    FutureTimeError
        The given time is later than now.
    """
    at = own_time()
    if as_of is None:
        return at
    moment = in_zone(as_of, market)
    if moment > at:
        raise FutureTimeError(moment, at)
    return moment


def own_time() -> datetime:
    """Return the aware time now; a scheduled run that starts early first waits for its time.

    Otherwise it would predict the previous slot. Prefect rounds a run's wait to whole seconds, so
    that it may start half a second before its slot has closed, and the clock may have been
    stepped back since.
    """
    while 0 < (early := _seconds_early()) <= (LONGEST_STEP if _is_by_schedule() else _MOST_EARLY):
        time.sleep(early)
    return now()


def _is_by_schedule() -> bool:
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and bool(run.auto_scheduled)


def _seconds_early() -> float:
    """Return by how many seconds the current run is early, by the clock that scheduled it."""
    scheduled: datetime = flow_run.scheduled_start_time
    return (scheduled - datetime.now(UTC)).total_seconds()
