"""Wilder's smoothing over a fixed window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def wilder_average(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Return Wilder's moving average at the end of each row.

    The first ``period`` values are averaged. Each later value moves the average by 1/period of the
    difference (Wilder 1978; TA-Lib's ATR and RSI do the same).

    Parameters
    ----------
    values
        Shape (n, w), oldest first, w >= period. A NaN makes its row NaN.
    period
        Smoothing period.

    Returns
    -------
    NDArray[float64]
        Shape (n,).

    >>> wilder_average(np.array([[1.0, 2.0, 3.0, 6.0]]), 3)
    array([3.33333333])
    """
    columns = np.asfortranarray(values)
    average = columns[:, 0].copy()
    for column in range(1, period):
        average += columns[:, column]
    average /= period
    for column in range(period, columns.shape[1]):
        average = (average * (period - 1) + columns[:, column]) / period
    return average


def relative_strength(closes: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Return Wilder's RSI at the end of each row of closes, 0..100.

    Parameters
    ----------
    closes
        Shape (n, w), oldest first, w > period.
    period
        Smoothing period.

    Returns
    -------
    NDArray[float64]
        Shape (n,); NaN where a close is missing or the price never moved.
    """
    change = np.diff(closes, axis=1)
    gain = wilder_average(np.maximum(change, 0.0), period)
    loss = wilder_average(np.maximum(-change, 0.0), period)
    total = gain + loss
    return np.where(total > 0, 100.0 * gain / np.where(total > 0, total, 1.0), np.nan)
