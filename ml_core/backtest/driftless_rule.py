"""The driftless baseline of a strategy, with which its result is compared.

A rule's exact geometry, including break-even, trailing and partial targets, has no closed form. It
is therefore simulated: the kernel that trades the real bars also trades the same bars mirrored by
coin tosses (:func:`ml_core.strategy.feeds.driftless_bars`), so that the baseline includes the cost
of the conventions within a bar. With only a target and a stop and enough time, the probability of
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
from ml_core.strategy.trades import PlanResult

WALKS, SEED = 10, 0

OnWalk = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftlessTrades:
    """A rule's trades on a driftless price in n slots, w walks.

    Attributes
    ----------
    r_gross, r_net
        Shape (w, n): R before and after costs; NaN if the walk had no settled trade.
    """

    r_gross: FloatArray
    r_net: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideDriftless:
    """A result compared with a driftless price under the same rule in the same slots.

    Attributes
    ----------
    hit_rate, gross_per_trade, net_per_trade
        For the driftless price: share of trades above 0 after costs, and R per trade at the sizes
        traded.
    error
        Standard error of its net R per trade, across walks.
    above
        Net R per trade above the driftless price, with its day-block interval.
    walks
        Number of simulated walks.
    """

    hit_rate: float
    gross_per_trade: float
    net_per_trade: float
    error: float
    above: Interval
    walks: int

    @property
    def words(self) -> str:
        """The comparison as one sentence."""
        above = self.above
        sure = (
            "above it" if above.above_zero else
            "below it" if above.below_zero else "not distinguishable from it"
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
    """Trade driftless prices in every usable slot of a period, in slot order.

    Parameters
    ----------
    assembly, rules
        The period, and the rules.
    walks, seed
        Number of simulated prices, and their seed.
    on_walk
        Called with (walks done, total walks).
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
    taken: Sequence[PlanResult], driftless: DriftlessTrades, only: str | None = None
) -> BesideDriftless | None:
    """Compare settled trades with a driftless price in the same slots; None without any.

    Parameters
    ----------
    taken
        n slots in order, as they were traded.
    driftless
        The same n slots.
    only
        Name of a range; None for all.
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
    """Return the mean over walks that traded, shape (n,); where none did, that of all slots."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    expected: FloatArray = np.where(count > 0, mean, values[there].mean())
    return expected
