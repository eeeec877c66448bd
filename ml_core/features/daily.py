"""Completed trading days: their bars, average true range and closes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.continuous import Tape
from ml_core.features.aggregates import aggregate
from ml_core.features.wilder import wilder_average

HISTORY = 21
"""Completed days used: 20 true ranges, each of which needs the close before it."""


@dataclass(frozen=True, slots=True)
class Daily:
    """The last 21 completed trading days before each of n decisions, oldest first.

    Days without a bar are skipped. All values are NaN where the lookback holds fewer than 21 days.

    Attributes
    ----------
    high, low, close
        Shape (n, 21), adjusted ticks.
    true_range
        Shape (n, 20), ticks: Wilder's true range, the greatest of high - low and the distances of
        high and low from the previous close (Wilder, New Concepts in Technical Trading Systems,
        1978).
    """

    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    true_range: NDArray[np.float64]

    def atr(self, days: int) -> NDArray[np.float64]:
        """Return Wilder's average true range over ``days``, ticks, shape (n,).

        It starts with the mean of the first ``days`` of the 20 true ranges and is smoothed over
        the rest, as TA-Lib does on the same 21 days. The window is fixed so that live values and
        history agree.
        """
        return wilder_average(self.true_range, days)

    def mean_true_range(self, days: int) -> NDArray[np.float64]:
        """Return the plain mean of the last ``days`` true ranges, ticks, shape (n,)."""
        total: NDArray[np.float64] = self.true_range[:, -days:].sum(axis=1)
        return total / days


def daily_history(tape: Tape, day: NDArray[np.int64], lookback_days: int) -> Daily:
    """Collect the completed days before each decision's trading day.

    Parameters
    ----------
    tape
        The bars.
    day
        Shape (n,): row in the schedule of each decision; that day itself is left out.
    lookback_days
        Calendar days before the decision's day beyond which no day is used.
    """
    schedule = tape.schedule
    bars = aggregate(tape, schedule.day_start, schedule.day_end)
    traded = np.flatnonzero(bars.count)
    # many decisions share a day: compute each day once
    days, back = np.unique(day, return_inverse=True)
    before = np.searchsorted(traded, days)
    index = before[:, None] - HISTORY + np.arange(HISTORY)
    enough = index[:, 0] >= 0
    chosen = traded[np.maximum(index, 0)] if len(traded) else np.zeros_like(index)
    age = schedule.days[days] - schedule.days[chosen[:, 0]]
    enough &= age <= np.timedelta64(lookback_days, "D")

    def as_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(enough[:, None], values[chosen], np.nan)

    high, low, close = as_of(bars.high), as_of(bars.low), as_of(bars.close)
    previous = close[:, :-1]
    true_range = np.maximum(high[:, 1:], previous) - np.minimum(low[:, 1:], previous)
    return Daily(high[back], low[back], close[back], true_range[back])
