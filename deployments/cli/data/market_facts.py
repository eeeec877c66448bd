"""Facts of a market file: its own days, the next trading days, whether the champion fits it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import ml_core
import registry
import tasks
from ml_core.json_values import INLINE

if TYPE_CHECKING:
    from ml_core.market.market import Market
    from tasks.settings import Settings

_DAYS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class OwnDay:
    """A day that the market's file changes: hours by calendar and by file, or the fault."""

    day: date
    by_calendar: str | None
    by_file: str | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class RangeTimes:
    """An opening range of a day, in the market's zone."""

    range: str
    start: str
    close: str


@dataclass(frozen=True, slots=True)
class NextDay:
    """A coming trading day, and its opening ranges."""

    trading_day: str
    ranges: tuple[RangeTimes, ...]


@dataclass(frozen=True, slots=True)
class MarketSummary:
    """Summary of a market."""

    symbol: str
    name: str
    zone: str
    calendar: str
    tick_size: str
    tick_value: float
    ranges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedMarket:
    """Summary of a market, with the name and path of its file."""

    summary: MarketSummary = field(metadata=INLINE)
    market: str
    file: Path


def summary(market: Market) -> MarketSummary:
    """Return the summary of a market."""
    return MarketSummary(
        symbol=market.symbol,
        name=market.name,
        zone=market.zone,
        calendar=market.calendar,
        tick_size=str(market.instrument.tick_size),
        tick_value=market.instrument.tick_value,
        ranges=tuple(spec.name for spec in market.ranges),
    )


def trained_on_another(config: Settings, market: Market) -> str | None:
    """Return a sentence if the champion was trained on another definition of the market.

    Return None if it was not, or if there is no usable database and so no champion.
    """
    try:
        store = config.model_copy(update={"read_only": True}).models()
        return store.other_market(store.find(market.symbol, "champion"))
    except (registry.errors.DatabaseError, registry.errors.UnknownVersionError):
        return None


def own_days(market: Market) -> list[OwnDay]:
    """Return the hours of the file's own days, by file and by calendar, in the market's zone."""
    clock = ZoneInfo(market.zone)

    def span(*minutes: int) -> str:
        return "-".join(
            f"{ml_core.market.schedule.from_minute(minute).astimezone(clock):%H:%M}"
            for minute in minutes
        )

    def hours_in_words(hours: ml_core.market.calendar_days.Hours | None) -> str | None:
        if hours is None:
            return None
        halt = f", no trade {span(*hours.halt)}" if hours.halt else ""
        return f"{span(hours.open, hours.close)}{halt}"

    return [
        OwnDay(
            day=change.day,
            by_calendar=hours_in_words(change.by_calendar),
            by_file=hours_in_words(change.by_file),
            fault=change.fault and f"changes nothing: it {change.fault}",
        )
        for change in ml_core.market.calendar_days.changed_days(market)
    ]


def next_days(market: Market) -> list[NextDay]:
    """Return the next trading days with their ranges in the market's zone.

    Raises
    ------
    RangeOutsideSessionError
        On some day of the coming year, a range does not end inside its session.
    """
    clock, today = ZoneInfo(market.zone), tasks.settings.now().date()
    schedule = ml_core.market.schedule.build_schedule(market, today, today + timedelta(days=366))

    def clock_time(minute: int) -> str:
        return f"{ml_core.market.schedule.from_minute(int(minute)).astimezone(clock):%H:%M}"

    return [
        NextDay(
            str(schedule.days[row]),
            tuple(
                RangeTimes(
                    spec.name,
                    clock_time(schedule.range_start[row, column]),
                    clock_time(schedule.range_end[row, column]),
                )
                for column, spec in enumerate(market.ranges)
                if schedule.open[row, column]
            ),
        )
        for row in range(_DAYS_SHOWN)
    ]
