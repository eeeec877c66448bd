"""The outlook for a trading day: whether the exchange opens, and which ranges are to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ml_core.decision.slot import Slot
from ml_core.errors import InputError
from ml_core.market.market import Market
from ml_core.market.schedule import NoTradingDaysError, build_schedule, from_minute
from tasks.prediction.slots import WEEKEND, slots_between, trading_day_at

Closed = Literal["weekend", "holiday"]
"""Why a day is not a trading day; a holiday is a weekday missing from the exchange's calendar."""

DAYS_AHEAD = 10
"""How many days ahead to search for the next opening range; no exchange closes for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRange:
    """An opening range during whose whole window the exchange is open.

    Attributes
    ----------
    opening_range
        Its name.
    opens, decision
        Start and end of its window, aware UTC; the end, ``decision``, is t0.
    """

    opening_range: str
    opens: datetime
    decision: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOutlook:
    """What a market's time zone and calendar say about a moment.

    Attributes
    ----------
    zone
        The market's time zone.
    trading_day, closed
        The day that the moment belongs to, and why it is not a trading day; None if it is one.
    next_day, next_ranges
        The first day with opening ranges still to come, and those ranges, in order. This is
        ``trading_day`` itself until its last range. None and empty if there is no range within
        ``DAYS_AHEAD`` days.
    """

    zone: str
    trading_day: date
    closed: Closed | None
    next_day: date | None
    next_ranges: tuple[ExpectedRange, ...]


class ExchangeClosedError(InputError):
    """Error for a slot during whose window the exchange is closed."""

    slot: str
    why: str
    before: str | None
    following: str
    template = "{slot} has no decision: {why}{_earlier}; {following}"

    @property
    def _earlier(self) -> str:
        return f"; the range before it: --at {self.before}" if self.before else ""


def day_outlook(market: Market, at: datetime) -> DayOutlook:
    """Return the outlook of a market at an aware time."""
    day = trading_day_at(market, at)
    ahead = [
        (coming, expected)
        for coming, expected in expected_ranges(market, day, day + timedelta(days=DAYS_AHEAD))
        if expected.decision > at
    ]
    next_day = min((coming for coming, _ in ahead), default=None)
    return DayOutlook(
        zone=market.zone,
        trading_day=day,
        closed=closed_because(market, day),
        next_day=next_day,
        next_ranges=tuple(expected for coming, expected in ahead if coming == next_day),
    )


def closed_because(market: Market, day: date) -> Closed | None:
    """Return why a day is not a trading day of the market; None if it is one."""
    if day.weekday() >= WEEKEND:
        return "weekend"
    try:
        build_schedule(market, day, day)
    except NoTradingDaysError:
        return "holiday"
    return None


def require_open(market: Market, slot: Slot) -> None:
    """Require that the exchange is open in a slot's window.

    Raises
    ------
    ExchangeClosedError
        It is closed; the message names the last range before the slot, and the next ones.
    """
    day = slot.trading_day
    ranges = expected_ranges(market, day - timedelta(days=DAYS_AHEAD), day)
    if (day, slot.opening_range) in {(on, expected.opening_range) for on, expected in ranges}:
        return
    before = [expected.decision for _, expected in ranges if expected.decision < slot.decision]
    raise ExchangeClosedError(
        str(slot),
        closed_at_in_words(closed_because(market, day)),
        f"{max(before).astimezone(ZoneInfo(market.zone)):%Y-%m-%dT%H:%M}" if before else None,
        next_ranges_in_words(day_outlook(market, slot.decision)),
    )


def expected_ranges(
    market: Market, first: date, last: date
) -> tuple[tuple[date, ExpectedRange], ...]:
    """Return the opening ranges of a period during which the exchange is open, with their days.

    Parameters
    ----------
    market
        The market, with its sessions, ranges and calendar.
    first, last
        Days, both included.
    """
    try:
        schedule = build_schedule(market, first, last)
    except NoTradingDaysError:
        return ()
    rows = {day: row for row, day in enumerate(schedule.days.tolist())}
    return tuple(
        (
            slot.trading_day,
            ExpectedRange(
                opening_range=slot.opening_range,
                opens=from_minute(int(schedule.range_start[row, column])),
                decision=slot.decision,
            ),
        )
        for slot in slots_between(market, first, last)
        if (row := rows.get(slot.trading_day)) is not None
        and schedule.open[row, column := market.range_index(slot.opening_range)]
    )


def outlook_in_words(outlook: DayOutlook) -> str:
    """Return an outlook in one line, times in the market's time zone."""
    ranges = next_ranges_in_words(outlook)
    if outlook.closed is None:
        return ranges
    return f"{closed_in_words(outlook.trading_day, outlook.closed)}; {ranges}"


def closed_at_in_words(closed: Closed | None) -> str:
    """Return in words whether the exchange is closed all day or only during the range."""
    return f"the exchange is closed {f'that day ({closed})' if closed else 'at that time'}"


def closed_in_words(day: date, closed: Closed) -> str:
    """Return in words why a day has no opening ranges.

    >>> closed_in_words(date(2026, 12, 25), "holiday")
    'Fri 25 Dec 2026 is no trading day (holiday)'
    """
    return f"{day:%a %d %b %Y} is no trading day ({closed})"


def next_ranges_in_words(outlook: DayOutlook) -> str:
    """Return in words the next opening ranges, each with the time when its window opens."""
    if outlook.next_day is None:
        return f"no opening range is expected within {DAYS_AHEAD} days"
    zone = ZoneInfo(outlook.zone)
    ranges = ", ".join(
        f"{expected.opening_range} at {expected.opens.astimezone(zone):%H:%M}"
        for expected in outlook.next_ranges
    )
    return f"next opening ranges, {outlook.next_day:%a %d %b}: {ranges} ({outlook.zone})"
