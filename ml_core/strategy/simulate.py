"""The one simulation kernel, from bars and a rule to trades: for backtest, replay and live.

The order of prices within one bar is unknown, so the order that is worse for the trade is assumed:

- the stop comes first, also in the bar in which a stop order or a retest is entered;
- a stop order is filled at the worse of its price and the bar's open, and so is a stop if the
  rule says ``open``; a retest and a target are filled at their own price, never at a better one;
- a bar that touches both stop orders enters the one nearer to its open, and long if equal;
- only a stop-order entry can reach its target in the entry bar: a retest's bar may have been
  at the target before it came back to the edge;
- a stop moves only when a bar has closed, by its close.

Slippage is part of the costs, once for each side, for every kind of order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ml_core.array_types import BoolArray, FloatArray, IntArray
from ml_core.bars.continuous import Tape
from ml_core.ranges.labels import DOWN, NONE, NOT_RESOLVED, UNKNOWN, UP
from ml_core.strategy.feeds import BarPrices, Feed, bars_of
from ml_core.strategy.levels import levels_of, whole
from ml_core.strategy.setups import Setups


class Exit(IntEnum):
    """How a trade ended."""

    OPEN = 0
    """There was no trade, or it has not ended yet."""
    TARGET = 1
    STOP = 2
    MOVED_STOP = 3
    """A stop that had been moved, to break-even or behind the price."""
    TIME = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """The trades of n setups; prices are adjusted ticks, minutes UTC minutes since the epoch.

    Attributes
    ----------
    direction
        UP or DOWN of the trade entered, NONE without one, UNKNOWN while that is not known.
    entry_minute
        When the entry became known: the close of its bar; ``NOT_RESOLVED`` without one.
    entry, stop, target
        Prices of the entry, of the initial stop, and of the target; without a target, the entry
        price.
    reason
        Codes of :class:`Exit`.
    exit
        The price at which the rest of the trade ended.
    best, worst
        The most and the least favourable price while the trade was open, including the entry bar
        of a stop order or a retest; no worse than a stop's fill, no better than a target's.
    partial
        Whether the partial target was filled.
    at_once
        Whether the trade ended in the bar of its entry.
    r_gross, r_net
        R-multiple before and after the round-trip cost; NaN without a finished trade.
    resolved_minute
        When it was settled: the close of the last bar, or the end of the period for an entry or an
        exit; ``NOT_RESOLVED`` before that.
    """

    direction: NDArray[np.int16]
    entry_minute: IntArray
    entry: IntArray
    stop: IntArray
    target: IntArray
    reason: NDArray[np.int16]
    exit: IntArray
    best: IntArray
    worst: IntArray
    partial: BoolArray
    at_once: BoolArray
    r_gross: FloatArray
    r_net: FloatArray
    resolved_minute: IntArray

    @property
    def risk(self) -> IntArray:
        """Distance from entry to stop, ticks, shape (n,); positive where there is a trade."""
        distance: IntArray = np.abs(self.entry - self.stop)
        return distance


def simulate(tape: Tape, setups: Setups, cost_ticks: float, feed: Feed | None = None) -> Trades:
    """Trade every setup by its rule, with the tape's bars up to the tape's horizon.

    Parameters
    ----------
    tape
        The bars.
    setups
        The ranges, and the rule.
    cost_ticks
        Round-trip cost, ticks.
    feed
        Prices used in place of the tape's, minute by minute; by default the tape's.
    """
    run = _Run(tape, setups, feed or bars_of(tape))
    run.through_every_bar()
    run.settle()
    return run.trades(cost_ticks)


class _Run:
    """The state of n setups as their bars are processed, seen from each trade's side."""

    def __init__(self, tape: Tape, setups: Setups, feed: Feed) -> None:
        count = len(setups)
        self.tape, self.setups, self.rule, self.feed = tape, setups, setups.rule, feed
        self.past = 1 if setups.rule.limit_fill == "through" else 0

        def zeros() -> IntArray:
            return np.zeros(count, np.int64)

        self.side, self.broke = zeros(), zeros()
        self.entry, self.first_stop, self.stop = zeros(), zeros(), zeros()
        self.target, self.half_way, self.part = zeros(), zeros(), zeros()
        self.best, self.last, self.exit, self.reason = zeros(), zeros(), zeros(), zeros()
        self.top, self.bottom = zeros(), zeros()
        self.ended, self.partial, self.at_once = (np.zeros(count, bool) for _ in range(3))
        self.entered_at, self.resolved_at = (
            np.full(count, NOT_RESOLVED, np.int64) for _ in range(2)
        )

    def through_every_bar(self) -> None:
        """Process the bars of all setups in parallel: the first of each, then the second ..."""
        setups = self.setups
        idle = ~(setups.long | setups.short)
        self.ended |= idle
        self.resolved_at[idle] = setups.decision[idle]
        rows, offset = np.flatnonzero(~self.ended), 0
        while len(rows := rows[self._has_a_bar(rows, offset)]):
            bar = setups.first_bar[rows] + offset
            prices, closed_at = self.feed(rows, bar), self.tape.minute[bar] + 1
            held = self.side[rows] != NONE
            entered = np.zeros(len(rows), bool)
            entered[~held] = self._enter(rows[~held], prices.of(~held), closed_at[~held])
            now = held if self.rule.entry == "close" else held | entered
            self._leave(rows[now], prices.of(now), closed_at[now], entered[now])
            self.last[rows] = prices.close
            rows, offset = rows[~self.ended[rows]], offset + 1

    def _has_a_bar(self, rows: IntArray, offset: int) -> BoolArray:
        setups = self.setups
        ends = np.where(self.side[rows] == NONE, setups.entry_bar[rows], setups.end_bar[rows])
        has: BoolArray = setups.first_bar[rows] + offset < ends
        return has

    # --- entries -----------------------------------------------------------------------------

    def _enter(self, rows: IntArray, prices: BarPrices, closed_at: IntArray) -> BoolArray:
        """Enter the trades that this bar triggers; return which."""
        if self.rule.entry == "retest":
            return self._retest(rows, prices, closed_at)
        side, price = (
            self._closed_beyond(rows, prices)
            if self.rule.entry == "close"
            else self._stop_order(rows, prices)
        )
        side = self._traded(rows, side, closed_at)
        entered: BoolArray = side != NONE
        self._open(rows[entered], side[entered], price[entered], closed_at[entered])
        return entered

    def _closed_beyond(self, rows: IntArray, prices: BarPrices) -> tuple[IntArray, IntArray]:
        away = self.rule.entry_offset_ticks
        up = prices.close > self.setups.high[rows] + away
        down = prices.close < self.setups.low[rows] - away
        return np.where(up, UP, np.where(down, DOWN, NONE)), prices.close

    def _stop_order(self, rows: IntArray, prices: BarPrices) -> tuple[IntArray, IntArray]:
        setups, away = self.setups, self.rule.entry_offset_ticks
        above, below = setups.high[rows] + away, setups.low[rows] - away
        up, down = prices.high >= above, prices.low <= below
        if not self.rule.first_break_only:
            up, down = up & setups.long[rows], down & setups.short[rows]
        to_above = np.maximum(above - prices.open, 0)
        to_below = np.maximum(prices.open - below, 0)
        side = np.where(
            up & (~down | (to_above <= to_below)), UP, np.where(down, DOWN, NONE)
        )  # fmt: skip
        fill = np.where(
            side == UP, np.maximum(above, prices.open), np.minimum(below, prices.open)
        )  # fmt: skip
        return side, fill

    def _retest(self, rows: IntArray, prices: BarPrices, closed_at: IntArray) -> BoolArray:
        """Fill the limit orders resting at a broken edge, then record edges that broke now."""
        side = self.broke[rows]
        edge = np.where(side == UP, self.setups.high[rows], self.setups.low[rows])
        low = prices.seen_from(side).low
        filled: BoolArray = (side != NONE) & (low <= side * edge - self.past)
        self._open(rows[filled], side[filled], edge[filled], closed_at[filled])
        fresh = side == NONE
        broke, _ = self._closed_beyond(rows[fresh], prices.of(fresh))
        self.broke[rows[fresh]] = self._traded(rows[fresh], broke, closed_at[fresh])
        return filled

    def _traded(self, rows: IntArray, side: IntArray, closed_at: IntArray) -> IntArray:
        """Return breakouts to a traded side; others end the range if only the first counts."""
        traded = np.where(side == UP, self.setups.long[rows], self.setups.short[rows])
        other = (side != NONE) & ~traded
        if self.rule.first_break_only:
            self.ended[rows[other]] = True
            self.resolved_at[rows[other]] = closed_at[other]
        return np.where(other, NONE, side)

    def _open(
        self,
        rows: IntArray,
        side: IntArray,
        price: IntArray,
        closed_at: IntArray,
    ) -> None:
        """Set the levels of new trades."""
        setups = self.setups
        levels = levels_of(
            self.rule,
            side,
            high=setups.high[rows],
            low=setups.low[rows],
            entry=price,
            stop_ticks=setups.stop_ticks[rows],
        )
        self.side[rows], self.entered_at[rows] = side, closed_at
        self.entry[rows], self.best[rows] = levels.entry, levels.entry
        self.top[rows], self.bottom[rows] = levels.entry, levels.entry
        self.first_stop[rows], self.stop[rows] = levels.stop, levels.stop
        self.target[rows], self.half_way[rows] = levels.target, levels.part

    # --- exits -------------------------------------------------------------------------------

    def _leave(
        self,
        rows: IntArray,
        prices: BarPrices,
        closed_at: IntArray,
        entered: BoolArray,
    ) -> None:
        """Close the trades that end in this bar, and move the stops of the others."""
        bar, stop = prices.seen_from(self.side[rows]), self.stop[rows]
        stopped = bar.low <= stop
        ahead = ~stopped & ~(entered & (self.rule.entry == "retest"))
        part = ahead & ~self.partial[rows] & (bar.high >= self.half_way[rows] + self.past)
        won = ahead & (bar.high >= self.target[rows] + self.past)
        fill = stop
        if self.rule.stop_fill == "open":  # the open of the entry bar was before the entry
            fill = np.where(entered, stop, np.minimum(stop, bar.open))
        self.partial[rows[part]] = True
        self.top[rows] = np.maximum(self.top[rows], np.where(won, self.target[rows], bar.high))
        self.bottom[rows] = np.minimum(self.bottom[rows], np.where(stopped, fill, bar.low))
        stop_reason = np.where(stop > self.first_stop[rows], Exit.MOVED_STOP, Exit.STOP)
        over = stopped | won
        ended = rows[over]
        self.exit[ended] = np.where(stopped, fill, self.target[rows])[over]
        self.reason[ended] = np.where(stopped, stop_reason, Exit.TARGET)[over]
        self.resolved_at[ended], self.at_once[ended] = closed_at[over], entered[over]
        self.ended[ended] = True
        self._move_stops(rows[~over], bar.close[~over])

    def _move_stops(self, rows: IntArray, close: IntArray) -> None:
        rule = self.rule
        if rule.break_even_after_r is None and rule.trail_r is None:
            return
        entry, risk = self.entry[rows], self.entry[rows] - self.first_stop[rows]
        best = np.maximum(self.best[rows], close)
        stop, self.best[rows] = self.stop[rows], best
        if rule.break_even_after_r is not None:
            safe = best >= entry + whole(rule.break_even_after_r, risk)
            stop = np.where(safe, np.maximum(stop, entry), stop)
        if rule.trail_r is not None:
            stop = np.maximum(stop, best - whole(rule.trail_r, risk))
        self.stop[rows] = stop

    # --- what is left at the end ----------------------------------------------------------------

    def settle(self) -> None:
        """Close the trades whose time has ended, as far as that end is known."""
        setups, horizon = self.setups, self.tape.horizon
        still = ~self.ended
        late = still & (self.side != NONE) & (setups.end <= horizon)
        self.exit[late], self.reason[late] = (self.side * self.last)[late], Exit.TIME
        self.resolved_at[late] = setups.end[late]
        quiet = still & (self.side == NONE) & (setups.entry_end <= horizon)
        self.resolved_at[quiet] = setups.entry_end[quiet]
        self.ended |= late | quiet

    def trades(self, cost_ticks: float) -> Trades:
        """Return the trades of the setups."""
        traded = self.side != NONE
        side = np.where(traded, self.side, 1)
        gain = (self.exit - self.entry).astype(np.float64)
        if self.rule.partial is not None:
            share = self.rule.partial.share
            mixed = share * (self.half_way - self.entry) + (1.0 - share) * gain
            gain = np.where(self.partial, mixed, gain)
        done = traded & self.ended
        risk = np.where(done, self.entry - self.first_stop, 1)
        target = self.target if self.rule.rr is not None else self.entry
        return Trades(
            direction=np.where(
                traded, self.side, np.where(self.ended, NONE, UNKNOWN)
            ).astype(np.int16),
            entry_minute=self.entered_at,
            entry=side * self.entry,
            stop=side * self.first_stop,
            target=side * target,
            reason=self.reason.astype(np.int16),
            exit=side * self.exit,
            best=side * self.top,
            worst=side * self.bottom,
            partial=self.partial,
            at_once=self.at_once,
            r_gross=np.where(done, gain / risk, np.nan),
            r_net=np.where(done, (gain - cost_ticks) / risk, np.nan),
            resolved_minute=self.resolved_at,
        )  # fmt: skip
