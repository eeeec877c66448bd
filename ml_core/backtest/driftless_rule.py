"""What a driftless price gives a strategy: the baseline that its result stands beside.

A rule's exact geometry, break-even, trailing and partial targets among it, has no closed form. It
is therefore simulated: the kernel that trades the real bars trades the same bars turned over by
coins (:func:`ml_core.strategy.feeds.driftless_bars`), so that what the conventions within a bar
cost a rule is in its baseline too. With a target and a stop alone and time enough the chance of
the target is a / (a + b), the first passage of :mod:`ml_core.learning.models.driftless`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml_core.array_types import FloatArray
from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.learning.datasets.assemble import Assembly
from ml_core.strategy.feeds import driftless_bars
from ml_core.strategy.rules import Rules
from ml_core.strategy.simulate import simulate
from ml_core.strategy.slots import rule_setups, usable_of
from ml_core.strategy.trades import Taken

WALKS, SEED = 10, 0

OnWalk = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftlessTrades:
    """What a rule makes of a driftless price in n slots, w walks.

    Attributes
    ----------
    r_gross, r_net
        Shape (w, n): R before and after costs; NaN where the walk gave no settled trade.
    """

    r_gross: FloatArray
    r_net: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideDriftless:
    """A result beside what a driftless price gives the same rule in the same slots.

    Attributes
    ----------
    hit_rate, gross_per_trade, net_per_trade
        Of the driftless price: the share of trades above 0 after costs, and R a trade at the
        sizes traded.
    error
        Standard error of its net R a trade, from one walk to the next.
    above
        Net R a trade above the driftless one, with its day-block interval.
    walks
        Simulated.
    """

    hit_rate: float
    gross_per_trade: float
    net_per_trade: float
    error: float
    above: Interval
    walks: int

    @property
    def words(self) -> str:
        """One plain sentence."""
        above = self.above
        sure = (
            "above it" if above.above_zero else
            "below it" if above.below_zero else "not to be told from it"
        )  # fmt: skip
        return (
            f"a price without drift gives this rule {self.net_per_trade:+.3f} R net a trade "
            f"(+-{self.error:.3f}), {self.gross_per_trade:+.3f} before costs, and "
            f"{self.hit_rate:.1%} above 0; the rule made {above.estimate:+.3f} "
            f"({above.low:+.3f} to {above.high:+.3f}) more: {sure}"
        )


def driftless_trades(
    assembly: Assembly,
    rules: Rules,
    *,
    walks: int = WALKS,
    seed: int = SEED,
    on_walk: OnWalk | None = None,
) -> DriftlessTrades:
    """Trade driftless prices in every usable slot of a period, in the order of its slots.

    Parameters
    ----------
    assembly, rules
        The period, and how it is traded.
    walks, seed
        How many prices are simulated, and which.
    on_walk
        Called with (walks done, walks in all).
    """
    cost = assembly.market.instrument.round_trip_cost_ticks
    shape = (walks, len(usable_of(assembly)))
    gross, net = np.full(shape, np.nan), np.full(shape, np.nan)
    setups_of_rules = rule_setups(assembly, rules)
    for walk in range(walks):
        for rows, setups in setups_of_rules:
            feed = driftless_bars(assembly.tape, setups.close, seed, np.full(len(setups), walk))
            trades = simulate(assembly.tape, setups, cost, feed)
            gross[walk, rows], net[walk, rows] = trades.r_gross, trades.r_net
        if on_walk is not None:
            on_walk(walk + 1, walks)
    return DriftlessTrades(r_gross=gross, r_net=net)


def beside_driftless(
    taken: Sequence[Taken], driftless: DriftlessTrades, only: str | None = None
) -> BesideDriftless | None:
    """Compare the settled trades with what a driftless price gives the very slots; None of none.

    Parameters
    ----------
    taken
        n slots in their order, as they were traded.
    driftless
        The same n slots.
    only
        Name of a range; None, all.
    """
    at = np.array(
        [
            place
            for place, trade in enumerate(taken)
            if trade.size > 0
            and trade.slot.r_net is not None
            and only in {None, trade.slot.opening_range}
        ],
        np.int64,
    )
    net = driftless.r_net[:, at]
    if not np.isfinite(net).any():
        return None
    size = np.array([taken[place].size for place in at.tolist()])
    expected = size * _expected(net)
    made = np.array([taken[place].r for place in at.tolist()])
    day = np.array([taken[place].slot.trading_day for place in at.tolist()], "datetime64[D]")
    by_walk = np.nanmean(size * net, axis=1)
    return BesideDriftless(
        hit_rate=float((net[np.isfinite(net)] > 0).mean()),
        gross_per_trade=float((size * _expected(driftless.r_gross[:, at])).mean()),
        net_per_trade=float(expected.mean()),
        error=float(np.nanstd(by_walk, ddof=1) / np.sqrt(len(by_walk))),
        above=mean_interval(made - expected, day),
        walks=len(net),
    )


def _expected(values: FloatArray) -> FloatArray:
    """Return the mean over the walks that traded, shape (n,); where none did, of all slots."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    expected: FloatArray = np.where(count > 0, mean, values[there].mean())
    return expected
