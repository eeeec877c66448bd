"""A market read bar by bar: trading days, sessions, slots and one joined series, by definition.

It uses none of the product's arithmetic, only a market file's numbers, the exchange calendar's
library and ``zoneinfo``. It is slow by design: every sentence of the design is one loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from math import nan
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas_market_calendars

from ml_core.market.market import Market

DAY = 1440
CHOICE_DAYS = 7
"""A contract is chosen by volume at most this many calendar days old."""


class Bar(NamedTuple):
    """One minute: UTC minute of its open since 1970, prices in ticks, contracts traded."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class Span(NamedTuple):
    """Several bars as one; prices are NaN without bars."""

    open: float
    high: float
    low: float
    close: float
    volume: int
    count: int

    @property
    def height(self) -> float:
        """High less low."""
        return self.high - self.low


def one_bar(bars: list[Bar]) -> Span:
    """Combine bars into one."""
    if not bars:
        return Span(nan, nan, nan, nan, 0, 0)
    return Span(
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
        len(bars),
    )


@dataclass(frozen=True)
class TradingDay:
    """A trade date: its own clock and the exchange's hours, UTC minutes."""

    date: date
    start: int
    end: int
    exchange_open: int
    exchange_close: int
    early_close: bool


@dataclass(frozen=True)
class Slot:
    """One opening range on one trading day, UTC minutes."""

    day: int
    number: int
    start: int
    t0: int
    scan_end: int


def minute_at(day: date, clock: time, zone: str) -> int:
    """UTC minute at which a zone's clock shows ``clock`` on a calendar day."""
    return int(datetime.combine(day, clock, ZoneInfo(zone)).timestamp()) // 60


def next_minute(after: int, clock: time, zone: str) -> int:
    """First UTC minute at or after ``after`` at which a zone's clock shows ``clock``."""
    near = date(1970, 1, 1) + timedelta(minutes=after)
    candidates = (minute_at(near + timedelta(days=step), clock, zone) for step in range(-1, 3))
    return min(moment for moment in candidates if moment >= after)


class PlainMarket:
    """One market over some trade dates, with the bars of every contract.

    Parameters
    ----------
    market
        The market, of which only the numbers are used.
    contracts
        Every contract's bars in ticks, in order of time.
    first, last
        First and last trade date.
    next_day_start
        Whether the scan for a breakout ends at the next 09:00, not at the session's end.
    """

    def __init__(
        self,
        market: Market,
        contracts: dict[str, list[Bar]],
        first: date,
        last: date,
        *,
        next_day_start: bool = False,
    ) -> None:
        self.market = market
        self.contracts = contracts
        self.next_day_start = next_day_start
        self.days = _trading_days(market, first, last)
        ends = [bars[-1].minute + 1 for bars in contracts.values() if bars]
        self.horizon = max(ends)
        self._day_bars: dict[int, Span] = {}

    # --- one joined series -------------------------------------------------------------------

    @cached_property
    def bars_by_day(self) -> dict[str, dict[int, list[Bar]]]:
        """Each contract's bars of each trading day."""
        result: dict[str, dict[int, list[Bar]]] = {}
        for name, bars in self.contracts.items():
            by_day: dict[int, list[Bar]] = defaultdict(list)
            position = 0
            for bar in bars:
                while position < len(self.days) and bar.minute >= self.days[position].end:
                    position += 1
                if position < len(self.days) and bar.minute >= self.days[position].start:
                    by_day[position].append(bar)
            result[name] = by_day
        return result

    @cached_property
    def contract_of(self) -> list[str | None]:
        """Each day's contract: the busiest one on the latest earlier day with trades."""
        chosen: list[str | None] = []
        for position, day in enumerate(self.days):
            choice = None
            for earlier in range(position - 1, -1, -1):
                volume = {
                    name: sum(bar.volume for bar in by_day.get(earlier, []))
                    for name, by_day in self.bars_by_day.items()
                }
                if any(volume.values()):
                    if (day.date - self.days[earlier].date).days <= CHOICE_DAYS:
                        # equal volumes go to the name that sorts first
                        choice = min(volume, key=lambda name: (-volume[name], name))
                    break
            chosen.append(choice)
        return chosen

    @cached_property
    def roll_days(self) -> list[int]:
        """Days whose contract differs from that of the latest earlier day with one."""
        rolls, current = [], None
        for position, contract in enumerate(self.contract_of):
            if contract is None:
                continue
            if current is not None and contract != current:
                rolls.append(position)
            current = contract
        return rolls

    @cached_property
    def shift_of(self) -> list[int]:
        """How many ticks each day's traded prices are above the joined series."""
        shifts, shift, last_with_contract = [], 0, -1
        for position, contract in enumerate(self.contract_of):
            if position in self.roll_days:
                shift += self._gap(last_with_contract, position)
            if contract is not None:
                last_with_contract = position
            shifts.append(shift)
        return shifts

    def _gap(self, before: int, roll: int) -> int:
        """Return the new contract's price minus the old one's at their last common minute."""
        closes: dict[str, dict[int, int]] = {}
        for name in (self.contract_of[before], self.contract_of[roll]):
            assert name is not None
            closes[name] = {
                bar.minute: bar.close
                for day in range(before, roll)
                for bar in self.bars_by_day[name].get(day, [])
            }
        old, new = closes[self.contract_of[before] or ""], closes[self.contract_of[roll] or ""]
        common = sorted(set(old) & set(new))
        return new[common[-1]] - old[common[-1]]

    @cached_property
    def series(self) -> list[Bar]:
        """Each day's bars of the contract traded that day, without the jumps at rolls."""
        result = []
        for position, contract in enumerate(self.contract_of):
            shift = self.shift_of[position]
            for minute, opened, high, low, close, volume in (
                self.bars_by_day[contract].get(position, []) if contract else []
            ):
                prices = (opened - shift, high - shift, low - shift, close - shift)
                result.append(Bar(minute, *prices, volume))
        return result

    @cached_property
    def _minutes(self) -> list[int]:
        return [bar.minute for bar in self.series]

    def bars(self, start: int, stop: int) -> list[Bar]:
        """Bars opening in [start, stop), in order of time."""
        return self.series[bisect_left(self._minutes, start) : bisect_left(self._minutes, stop)]

    def bar_before(self, minute: int) -> Bar | None:
        """The last bar that had closed by a minute."""
        place = bisect_left(self._minutes, minute)
        return self.series[place - 1] if place else None

    def bar_of_day(self, position: int) -> Span:
        """Return one trading day of the joined series as one bar."""
        if position not in self._day_bars:
            day = self.days[position]
            self._day_bars[position] = one_bar(self.bars(day.start, day.end))
        return self._day_bars[position]

    # --- sessions and slots ------------------------------------------------------------------

    def session_on(self, position: int, name: str) -> tuple[int, int]:
        """Start and end of a session on one trading day."""
        session = self.market.session(name)
        zone = session.zone or self.market.zone
        lower = self.days[position].start - (DAY if session.before else 0)
        start = next_minute(lower, session.start, zone)
        return start, next_minute(start + 1, session.end, zone)

    @cached_property
    def sessions(self) -> list[tuple[int, int]]:
        """Every session of every trading day, by its end."""
        spans = [
            self.session_on(position, session.name)
            for position in range(len(self.days))
            for session in self.market.sessions
        ]
        return sorted(spans, key=lambda span: span[1])

    @cached_property
    def slots(self) -> list[Slot]:
        """Every opening range of every trading day, whether it formed or not."""
        return list(self._slots())

    def _slots(self) -> Iterator[Slot]:
        for position, day in enumerate(self.days):
            for number, spec in enumerate(self.market.ranges):
                session = self.market.session(spec.session)
                zone = spec.zone or session.zone or self.market.zone
                start = next_minute(day.start, spec.start, zone)
                scan_end = self.session_on(position, spec.session)[1]
                if self.next_day_start:
                    scan_end = min(day.start + DAY, day.end)
                yield Slot(position, number, start, start + spec.minutes, scan_end)

    def window(self, slot: Slot) -> list[Bar]:
        """Return the bars of an opening range; none if it did not form."""
        day = self.days[slot.day]
        shut = slot.start < day.exchange_open or slot.t0 > day.exchange_close
        return [] if shut or slot.t0 > self.horizon else self.bars(slot.start, slot.t0)


def _trading_days(market: Market, first: date, last: date) -> list[TradingDay]:
    exchange: Any = pandas_market_calendars.get_calendar(market.calendar)
    table = exchange.schedule(f"{first}", f"{last + timedelta(days=10)}")
    early = set(exchange.early_closes(table).index)
    back = timedelta(days=1) if market.day_start_on_previous_date else timedelta(0)
    dates = [stamp.date() for stamp in table.index]
    starts = [minute_at(day - back, market.day_start, market.zone) for day in dates]
    opens, closes = (_minutes_of(table[name]) for name in ("market_open", "market_close"))
    return [
        TradingDay(day, starts[row], starts[row + 1], opens[row], closes[row], stamp in early)
        for row, (day, stamp) in enumerate(zip(dates, table.index, strict=True))
        if day <= last
    ]


def _minutes_of(stamps: Iterable[Any]) -> list[int]:
    return [int(stamp.timestamp()) // 60 for stamp in stamps]
