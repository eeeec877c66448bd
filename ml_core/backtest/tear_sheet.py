"""The figures of a tear sheet: results by day and month, and the deepest drawdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.metrics import deepest_fall
from ml_core.strategy.trades import PlanResult

DAYS_A_YEAR = 252
"""Trading days in a year, to annualise a daily ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """The deepest fall of the running sum: its depth in R, and its trading days.

    ``recovered`` is the first day on which the sum reached its former high again; None if it had
    not by the end.
    """

    r: float
    began: date | None
    lowest: date | None
    recovered: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TearSheet:
    """Results of trades, day by day; every trading day that had a slot counts.

    Attributes
    ----------
    days, net_r, gross_r
        Trading days in order, and net and gross R of each, times size; shape (n,). A trade belongs
        to the day of its slot, whenever it was closed.
    trades
        Number of settled trades.
    months
        Net R by year and month.
    days_up, best_day, worst_day
        Share of the days with a trade that ended above 0; R of the best and the worst day.
    profit_factor
        R won divided by R lost; None without a loss.
    longest_losing_run
        Most trades lost in a row, in order of decision.
    fall
        The deepest fall.
    sharpe, sharpe_error
        Mean of the daily R over its standard deviation, times the square root of
        :data:`DAYS_A_YEAR`; and its standard error for independent days (Lo, Financial Analysts
        Journal 58, 2002, eq. 9 at the day's horizon). None with fewer than two days, or if all
        days are equal.
    """

    days: tuple[date, ...]
    net_r: NDArray[np.float64]
    gross_r: NDArray[np.float64]
    trades: int
    months: dict[tuple[int, int], float]
    days_up: float | None
    best_day: float
    worst_day: float
    profit_factor: float | None
    longest_losing_run: int
    fall: Fall
    sharpe: float | None
    sharpe_error: float | None

    @property
    def running_net(self) -> NDArray[np.float64]:
        """Running sum of net R, shape (n,)."""
        return np.cumsum(self.net_r)

    @property
    def below_high(self) -> NDArray[np.float64]:
        """Running sum less its highest value so far: 0 or less, shape (n,)."""
        running = self.running_net
        return running - np.maximum(np.maximum.accumulate(running), 0.0)


def tear_sheet(taken: Sequence[PlanResult]) -> TearSheet:
    """Calculate the figures; trades that are not settled are left out.

    Parameters
    ----------
    taken
        The result of each slot, at least one, in order of decision.
    """
    days = tuple(sorted({trade.slot.trading_day for trade in taken}))
    place = {day: at for at, day in enumerate(days)}
    net, gross, traded = np.zeros(len(days)), np.zeros(len(days)), np.zeros(len(days), bool)
    settled = [trade for trade in taken if trade.size > 0 and trade.slot.r_net is not None]
    for trade in settled:
        at = place[trade.slot.trading_day]
        net[at] += trade.r
        gross[at] += trade.size * (trade.slot.r_gross or 0.0)
        traded[at] = True
    months: dict[tuple[int, int], float] = {}
    for day, r in zip(days, net.tolist(), strict=True):
        months[day.year, day.month] = months.get((day.year, day.month), 0.0) + r
    results = np.array([trade.r for trade in settled])
    won, lost = results[results > 0].sum(), -results[results < 0].sum()
    runs = [len(list(run)) for below, run in groupby(results < 0) if below]
    sharpe, error = _sharpe(net)
    return TearSheet(
        days=days,
        net_r=net,
        gross_r=gross,
        trades=len(settled),
        months=months,
        days_up=float((net[traded] > 0).mean()) if traded.any() else None,
        best_day=float(net.max(initial=0.0)),
        worst_day=float(net.min(initial=0.0)),
        profit_factor=float(won / lost) if lost > 0 else None,
        longest_losing_run=max(runs, default=0),
        fall=_deepest(days, net),
        sharpe=sharpe,
        sharpe_error=error,
    )


def _deepest(days: Sequence[date], net: NDArray[np.float64]) -> Fall:
    fall = deepest_fall(net)
    if not fall.lowest:
        return Fall(r=0.0, began=None, lowest=None, recovered=None)
    return Fall(
        r=fall.r,
        began=days[fall.began],  # the first day after the high
        lowest=days[fall.lowest - 1],
        recovered=None if fall.recovered is None else days[fall.recovered - 1],
    )


def _sharpe(net: NDArray[np.float64]) -> tuple[float | None, float | None]:
    spread = float(net.std(ddof=1)) if len(net) > 1 else 0.0
    if spread <= 0.0:
        return None, None
    daily = float(net.mean()) / spread
    error = np.sqrt((1.0 + 0.5 * daily**2) / len(net))
    year = np.sqrt(DAYS_A_YEAR)
    return float(year * daily), float(year * error)
