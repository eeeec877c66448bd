"""The search of the setup study: each setup's daily results, and which setups beat chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.superiority import (
    Superiority,
    false_discovery_rates,
    resampled_means,
    superiority,
    times_drawn,
)
from ml_core.on_demand import library
from ml_core.setups.plan import NoSetupJudgedError, StudyPlan
from ml_core.setups.setup_study import PeriodFigures
from ml_core.setups.trades import SetupReturns

special = library("scipy.special")


@dataclass(frozen=True, slots=True)
class Period:
    """The setups' daily results in one period, shape (days, k) each."""

    traded: NDArray[np.bool_]
    gross: NDArray[np.float64]
    net: NDArray[np.float64]

    def only(self, which: NDArray[np.intp]) -> Period:
        """Return these setups only."""
        return Period(self.traded[:, which], self.gross[:, which], self.net[:, which])

    @property
    def trades(self) -> NDArray[np.int64]:
        """Number of trades of each setup, shape (k,)."""
        count: NDArray[np.int64] = self.traded.sum(axis=0)
        return count

    def figures(self) -> list[PeriodFigures]:
        """Return each setup's figures of the period, without an interval."""
        trades = self.trades
        divisor = np.maximum(trades, 1)
        columns = (self.gross.sum(0), self.net.sum(0), ((self.net > 0) & self.traded).sum(0))
        means = np.stack([column / divisor for column in columns])
        return [
            PeriodFigures(
                trades=int(count),
                gross_r=float(before) if count else None,
                net_r=float(after) if count else None,
                won=float(won) if count else None,
            )
            for count, (before, after, won) in zip(trades, means.T, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Search:
    """The search period's results for the m judged setups.

    Attributes
    ----------
    judged, survivors
        Positions, among all setups, of the judged ones and of those that beat chance.
    test, p, q
        The stepwise test, p-values of each single setup, and false-discovery rates.
    low, high
        Interval of net R per trade.
    order
        The judged setups, best t first.
    """

    judged: NDArray[np.intp]
    test: Superiority
    p: NDArray[np.float64]
    q: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    survivors: NDArray[np.intp]
    order: NDArray[np.intp]


def periods_of(returns: SetupReturns) -> tuple[Period, Period]:
    """Return the days of the search, and the later days that confirm."""
    cut = returns.search_days
    return (
        Period(returns.traded[:cut], returns.gross[:cut], returns.net[:cut]),
        Period(returns.traded[cut:], returns.gross[cut:], returns.net[cut:]),
    )


def search(early: Period, plan: StudyPlan, seed: int) -> Search:
    """Test every setup that trades often enough against not trading.

    Raises
    ------
    NoSetupJudgedError
        No setup trades often enough.
    """
    trades = early.trades
    judged = np.flatnonzero(trades >= plan.min_trades)
    if not len(judged):
        raise NoSetupJudgedError(len(trades), int(trades.max(initial=0)), plan.min_trades)
    part = early.only(judged)
    times = times_drawn(len(part.net), plan.block_days, plan.resamples, seed)
    test = superiority(part.net, times, plan.size)
    means = resampled_means(part.net, part.traded.astype(np.float64), times)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    p = special.ndtr(-test.t)
    q = false_discovery_rates(p)
    order = np.argsort(-test.t, kind="stable")
    passed = order[(test.better & (q <= plan.size))[order]]
    return Search(judged, test, p, q, low, high, judged[passed], order)
