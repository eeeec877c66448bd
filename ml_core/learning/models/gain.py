"""A model's gain over its baseline, with a standard error that treats each day as one unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Gain:
    """Mean difference of losses over rows, baseline minus model: positive if the model is better.

    Attributes
    ----------
    mean
        Mean over the rows.
    error
        Standard error of that mean; rows of one day count as one draw.
    rows, days
        How many rows and days it is computed from.
    """

    mean: float
    error: float
    rows: int
    days: int

    @property
    def exceeds_one_error(self) -> bool:
        """Whether the gain is more than one standard error; False without a standard error."""
        return self.days > 1 and self.mean > self.error


def blocks_of_days(day: NDArray[np.datetime64], count: int) -> NDArray[np.int64]:
    """Return which of ``count`` runs of consecutive days each row lies in, from 0, shape (n,).

    ``day`` holds the trading day of each of n rows, at least one.

    >>> blocks_of_days(np.array(["2024-01-02", "2024-01-02", "2024-01-03"], "datetime64[D]"), 2)
    array([0, 0, 1])
    """
    place = np.unique(day, return_inverse=True)[1]
    block: NDArray[np.int64] = place * count // (place.max() + 1)
    return block


def gain_over_days(saved: NDArray[np.float64], day: NDArray[np.datetime64]) -> Gain:
    """Return the mean over rows with its standard error, clustered by day.

    The variance of the mean is the sum, over days, of the squared sum of the day's deviations,
    divided by the squared number of rows (Liang and Zeger, Biometrika 73, 1986), times d/(d - 1)
    for d days.

    Parameters
    ----------
    saved
        Shape (n,), loss of the baseline minus loss of the model.
    day
        Shape (n,), trading day of each row.

    Examples
    --------
    >>> day = np.array(["2024-01-02", "2024-01-02", "2024-01-03"], "datetime64[D]")
    >>> gain_over_days(np.array([1.0, 3.0, 2.0]), day)
    Gain(mean=2.0, error=0.0, rows=3, days=2)
    """
    if not len(saved):
        return Gain(0.0, 0.0, 0, 0)
    which = np.unique(day, return_inverse=True)[1]
    mean, days = float(saved.mean()), int(which.max()) + 1
    by_day = np.bincount(which, saved - mean)
    error = float(np.sqrt((by_day**2).sum() * days / max(days - 1, 1))) / len(saved)
    return Gain(mean, error, len(saved), days)
