"""The price feed of a simulation: the tape itself, or a driftless price in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.array_types import BoolArray, IntArray
from ml_core.bars.continuous import Tape
from ml_core.ranges.labels import UP


@dataclass(frozen=True, slots=True)
class BarPrices:
    """One bar of each of k setups, shape (k,) each, ticks."""

    open: IntArray
    high: IntArray
    low: IntArray
    close: IntArray

    def of(self, which: BoolArray) -> BarPrices:
        """Return the bars of some of the setups."""
        return BarPrices(self.open[which], self.high[which], self.low[which], self.close[which])

    def seen_from(self, side: IntArray) -> BarPrices:
        """Return the bars mirrored for short trades, so that up always favours the trade."""
        up = side == UP
        return BarPrices(
            side * self.open,
            np.where(up, self.high, -self.low),
            np.where(up, self.low, -self.high),
            side * self.close,
        )


Feed = Callable[[IntArray, IntArray], BarPrices]
"""Maps setups (k,) and tape positions (k,) to a bar of each; called bar after bar."""


def bars_of(tape: Tape) -> Feed:
    """Return the feed of the tape's own bars."""

    def prices(_: IntArray, bar: IntArray) -> BarPrices:
        return BarPrices(tape.open[bar], tape.high[bar], tape.low[bar], tape.close[bar])

    return prices


def driftless_bars(tape: Tape, start: IntArray, seed: int, walk: IntArray) -> Feed:
    """Return a driftless feed: the tape's bars, each mirrored or not by a coin toss.

    Every bar is taken relative to the close before it and mirrored with probability 1/2. Up and
    down moves are then equally likely, while the size and timing of moves (gaps, quiet minutes,
    busy hours) stay as they were.

    Parameters
    ----------
    tape
        The bars.
    start
        Shape (n,): the price of each setup when its range closes.
    seed, walk
        The seed of the coins, and each setup's walk, shape (n,). At a given minute a walk has the
        same coin for every rule, whatever else the tape holds.
    """
    key, price = _keys(seed, walk), start.copy()

    def prices(rows: IntArray, bar: IntArray) -> BarPrices:
        before, up = tape.close[bar - 1], _coins(tape.minute[bar], key[rows])
        turned = np.where(up, 1, -1)
        high, low = tape.high[bar] - before, tape.low[bar] - before
        now = price[rows]
        price[rows] = now + turned * (tape.close[bar] - before)
        return BarPrices(
            now + turned * (tape.open[bar] - before),
            now + np.where(up, high, -low),
            now + np.where(up, low, -high),
            price[rows],
        )

    return prices


def _keys(seed: int, walk: IntArray) -> NDArray[np.uint64]:
    """Return a unique number for each walk, shape (n,)."""
    walks, which = np.unique(walk, return_inverse=True)
    states = (np.random.SeedSequence([seed, one]).generate_state(1, np.uint64) for one in walks)
    return np.array([int(state[0]) for state in states], np.uint64)[which]


def _coins(minute: IntArray, key: NDArray[np.uint64]) -> BoolArray:
    """Toss a coin for each minute: the highest bit of SplitMix64 (Steele and others, 2014)."""
    mixed = minute.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    up: BoolArray = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(63) == 1
    return up
