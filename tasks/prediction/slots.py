"""Find the slot of a moment: the opening range whose window closed last."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ml_core.decision.slot import Slot
from ml_core.errors import InputError
from ml_core.market.market import Market, RangeSpec

_DAY = timedelta(days=1)
WEEKEND = 5
"""The first weekday number (Monday is 0) without slots in any market."""


class NoSlotYetError(InputError):
    """Error for a moment before which no opening range closed for days."""

    symbol: str
    moment: str
    template = "{symbol} has no opening range that closed in the week before {moment}"


def decision_time(market: Market, spec: RangeSpec, trading_day: date) -> datetime:
    """Return t0 of a range on a day by the clock alone, whether or not the exchange opens."""
    base = trading_day - _DAY if market.day_start_on_previous_date else trading_day
    start = datetime.combine(base, market.day_start, ZoneInfo(market.zone)).astimezone(UTC)
    zone = market.zone_of(spec)
    opens = (
        datetime.combine(base + timedelta(days=days), spec.start, zone).astimezone(UTC)
        for days in (-1, 0, 1, 2)
    )
    return next(time for time in opens if time >= start) + timedelta(minutes=spec.minutes)


def trading_day_at(market: Market, at: datetime) -> date:
    """Return the trading day that a time belongs to, in the market's time zone."""
    local = at.astimezone(ZoneInfo(market.zone))
    begun = local.time() >= market.day_start
    if market.day_start_on_previous_date:
        return local.date() + _DAY if begun else local.date()
    return local.date() if begun else local.date() - _DAY


def latest_slot(market: Market, moment: datetime, opening_range: str | None = None) -> Slot:
    """Return the slot whose window closed last at or before ``moment``.

    Weekdays on which the exchange is closed have slots too; their ledger entries have the reason
    ``holiday``.

    Parameters
    ----------
    market
        The market with its opening ranges.
    moment
        Aware time.
    opening_range
        Name of the only range to consider; by default, every range.

    Raises
    ------
    UnknownRangeError
        The market has no such range.
    NoSlotYetError
        No range closed in the week before. Every weekday has one, so the market file is wrong.
    """
    specs = market.ranges
    if opening_range is not None:
        specs = (market.ranges[market.range_index(opening_range)],)
    today = moment.astimezone(ZoneInfo(market.zone)).date()
    slots = slots_between(market, today - 7 * _DAY, today + _DAY, specs)
    closed = [slot for slot in slots if slot.decision <= moment]
    if not closed:
        raise NoSlotYetError(market.symbol, moment.isoformat())
    return max(closed, key=lambda slot: slot.decision)


def slots_between(
    market: Market, first: date, last: date, specs: tuple[RangeSpec, ...] | None = None
) -> tuple[Slot, ...]:
    """Return the slots of all or some ranges on each weekday of a period, by decision time."""
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    slots = [
        Slot(
            symbol=market.symbol,
            trading_day=day,
            opening_range=spec.name,
            decision=decision_time(market, spec, day),
        )
        for day in days
        if day.weekday() < WEEKEND
        for spec in (market.ranges if specs is None else specs)
    ]
    return tuple(sorted(slots, key=lambda slot: slot.decision))


def in_zone(moment: datetime, market: Market) -> datetime:
    """Return an aware time; a time without a zone is taken in the market's time zone."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(market.zone))
