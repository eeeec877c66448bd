"""The ranges a trade rule is simulated on, and all that the rule may know of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from ml_core.array_types import BoolArray, FloatArray, IntArray
from ml_core.bars.continuous import Tape
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule, from_minute, to_minute
from ml_core.ranges.opening_range import OpeningRanges
from ml_core.strategy.levels import stop_distance
from ml_core.strategy.rules import SIGN_OF, Rules
from ml_core.strategy.trade_rule import TradeRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Setups:
    """n ranges that one trade rule is simulated on.

    Attributes
    ----------
    rule
        The trade rule applied to each.
    high, low, close
        Shape (n,), adjusted ticks: high, low and close of the window.
    long, short
        Shape (n,): whether the side is traded, as known when the range closes.
    stop_ticks
        Shape (n,): distance from entry to stop if the rule gives one (see
        :func:`ml_core.strategy.levels.stop_distance`).
    first_bar, entry_bar, end_bar
        Shape (n,), tape positions: the first bar after the window; the end (exclusive) of the bars
        in which the trade may be entered; and the end of those in which it is open.
    decision, entry_end, end
        Shape (n,), UTC minutes: when the window has closed, and those two ends.
    """

    rule: TradeRule
    high: IntArray
    low: IntArray
    close: IntArray
    long: BoolArray
    short: BoolArray
    stop_ticks: IntArray
    first_bar: IntArray
    entry_bar: IntArray
    end_bar: IntArray
    decision: IntArray
    entry_end: IntArray
    end: IntArray

    def with_every_break(self) -> Setups:
        """Return the same with both sides traded, if the first breakout decides anyway."""
        if not self.rule.first_break_only:
            return self
        has_stop = self.stop_ticks >= 0
        return replace(self, long=has_stop, short=has_stop)

    def __len__(self) -> int:
        return len(self.high)


def setups_of(
    tape: Tape,
    market: Market,
    ranges: OpeningRanges,
    rows: IntArray,
    rules: Rules,
    atr: FloatArray,
) -> Setups:
    """Return what a rule may know of ranges when they close.

    Parameters
    ----------
    tape, market, ranges
        The bars, their market, and the opening ranges measured on them.
    rows
        Shape (n,): positions in ``ranges`` of usable ranges.
    rules
        The rules of these ranges (see :meth:`Rules.for_range`).
    atr
        Shape (n,), ticks: 14-day ATR known at the decision, NaN if it is not; a stop in ATR then
        trades neither side.
    """
    rule = rules.trade_rule
    end = (ranges.session_end if rule.scan_end == "session_end" else ranges.day_end)[rows]
    day_start = tape.schedule.day_start[ranges.day[rows]]
    entry_end = np.minimum(end, last_entry(market, day_start, rule.last_entry))
    stop_ticks = stop_distance(rule, atr)
    has_stop = stop_ticks >= 0
    candle = ranges.close[rows] - ranges.open[rows]
    long, short = (
        has_stop & (side in rules.allowed_sides)
        & (candle * sign > 0 if rule.side == "first_candle" else True)
        for side, sign in SIGN_OF.items()
    )  # fmt: skip
    return Setups(
        rule=rule,
        high=ranges.high[rows],
        low=ranges.low[rows],
        close=ranges.close[rows],
        long=long,
        short=short,
        stop_ticks=stop_ticks,
        first_bar=ranges.stop_bar[rows],
        entry_bar=tape.first_at(entry_end),
        end_bar=tape.first_at(end),
        decision=ranges.decision[rows],
        entry_end=entry_end,
        end=end,
    )


def never_entered(market: Market, schedule: Schedule, rules: Rules) -> tuple[str, ...]:
    """Return the ranges that close at or after their last entry, on a schedule's last day."""
    allowed = rules.allowed_ranges
    names = [opening_range.name for opening_range in market.ranges]
    clocks = [rules.for_range(name).trade_rule.last_entry for name in names]
    ends = [int(last_entry(market, schedule.day_start[-1:], clock)[0]) for clock in clocks]
    closes = schedule.range_end[-1].tolist()
    return tuple(
        name
        for name, end, close in zip(names, ends, closes, strict=True)
        if end <= close and (allowed == "all" or name in allowed)
    )


def last_entry(market: Market, day_start: IntArray, clock: str | None) -> IntArray:
    """Return the minute of each trading day's last entry; far in the future without one.

    Parameters
    ----------
    market
        The market, whose time zone applies.
    day_start
        Shape (n,), UTC minutes: when the trading days begin.
    clock
        HH:MM, or None.
    """
    if clock is None:
        return np.full(len(day_start), np.iinfo(np.int64).max)
    hour, minute = map(int, clock.split(":"))
    zone = ZoneInfo(market.zone)
    starts, which = np.unique(day_start, return_inverse=True)
    moments = []
    for start in starts.tolist():
        begins = from_minute(start).astimezone(zone)
        last = begins.replace(hour=hour, minute=minute)
        moments.append(to_minute(last if last >= begins else last + timedelta(days=1)))
    return np.array(moments, np.int64)[which]
