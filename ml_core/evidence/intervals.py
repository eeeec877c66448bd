"""Day-block bootstrap: ranges of one day are dependent, so days are resampled, not rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ml_core.json_form import Figure

RESAMPLES = 2000
COVERAGE = 0.95
Z95 = 1.959964
"""Standard errors on each side of an estimate that give a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval.

    Attributes
    ----------
    estimate, low, high
        NaN if there was nothing to estimate.
    rows, days
        Number of rows and days behind the estimate.
    error
        Bootstrap standard error; NaN if there was nothing to estimate.
    """

    estimate: Figure
    low: Figure
    high: Figure
    rows: int
    days: int
    error: Figure = float("nan")

    @property
    def is_known(self) -> bool:
        """Whether there was enough data for an estimate and an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def from_days(self, fewest: int) -> Interval:
        """Return this, without its ends where it rests on fewer days: few days vary too little."""
        return self if self.days >= fewest else self.without_ends

    @property
    def without_ends(self) -> Interval:
        """The estimate alone."""
        return replace(self, low=float("nan"), high=float("nan"), error=float("nan"))

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below 0; False with a NaN."""
        return bool(self.high < 0)

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above 0; False with a NaN."""
        return bool(self.low > 0)


ENDS = {"json": lambda interval: (interval.estimate, interval.low, interval.high)}
"""Metadata of a field whose JSON form holds only the estimate and the interval's ends."""


@lru_cache(maxsize=4)
def _times_drawn(days: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return how often each day is drawn, shape (resamples, days); the days' order is ignored.

    Cached, because one evaluation computes many intervals over the same days.
    """
    draw = np.random.default_rng(seed)
    times = draw.multinomial(days, np.full(days, 1.0 / days), size=resamples)
    return times.astype(np.float64)


def mean_interval(
    values: NDArray[np.float64],
    day: NDArray[np.datetime64],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of rows with its day-block bootstrap percentile interval.

    Days are drawn with replacement, each with all its rows, and the mean is taken over the rows
    drawn (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13; blocks as in
    Kuensch 1989 with the trading day as the block).

    Parameters
    ----------
    values
        Shape (n,), one figure per row: a loss, a difference of losses on common rows, net R.
    day
        Shape (n,), trading day of each row.
    resamples, seed
        Of the bootstrap.
    """
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0, 0)
    days, day_index = np.unique(day, return_inverse=True)
    total = np.bincount(day_index, values)
    count = np.bincount(day_index).astype(np.float64)
    times = _times_drawn(len(days), resamples, seed)
    drawn = times @ count
    # a resample without any row is skipped
    means = ((times @ total)[drawn > 0]) / drawn[drawn > 0]
    low, high = _ends_of(means)
    return Interval(
        estimate=float(values.mean()),
        low=low,
        high=high,
        rows=len(values),
        days=len(days),
        error=float(means.std()),
    )


def difference_interval(
    values: NDArray[np.float64],
    day: NDArray[np.datetime64],
    inside: NDArray[np.bool_],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of some rows minus the mean of the others, with its day-block interval.

    Both groups use the same drawn days, so a day with rows of both counts in both.

    Parameters
    ----------
    values, day
        Shape (n,), as in :func:`mean_interval`.
    inside
        Shape (n,), which rows are in the first group.
    resamples, seed
        Of the bootstrap.
    """
    if not inside.any() or inside.all():
        return Interval(float("nan"), float("nan"), float("nan"), 0, 0)
    days, day_index = np.unique(day, return_inverse=True)
    times = _times_drawn(len(days), resamples, seed)
    means, enough = [], np.ones(resamples, bool)
    for group in (inside, ~inside):
        total = np.bincount(day_index[group], values[group], minlength=len(days))
        count = np.bincount(day_index[group], minlength=len(days)).astype(np.float64)
        drawn = times @ count
        enough &= drawn > 0
        means.append(np.divide(times @ total, drawn, out=np.zeros(resamples), where=drawn > 0))
    differences = (means[0] - means[1])[enough]
    low, high = _ends_of(differences)
    return Interval(
        estimate=float(values[inside].mean() - values[~inside].mean()),
        low=low,
        high=high,
        rows=int(inside.sum()),
        days=len(np.unique(day[inside])),
        error=float(differences.std()),
    )


def _ends_of(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the interval of resampled estimates."""
    tail = 100 * (1.0 - COVERAGE) / 2.0
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of independent rows (Wilson 1927).

    >>> low, high = wilson(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    middle = share + Z95**2 / (2 * rows)
    spread = Z95 * math.sqrt(share * (1 - share) / rows + Z95**2 / (4 * rows**2))
    scale = 1 + Z95**2 / rows
    return (middle - spread) / scale, (middle + spread) / scale
