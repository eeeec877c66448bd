"""Drift: whether recently logged features resemble those that the version learned from.

The checked columns are those of :mod:`monitoring.drift.columns`. The mean of each over the last
days is compared with all stretches of as many days in the reference, so that a column that wanders
slowly in quiet times has a wide null distribution. p-values are those of Student's t with as many
degrees of freedom as there are independent stretches (after their own autocorrelation). The
step-up procedure of Benjamini and Hochberg 1995 controls the false discovery rate, separately for
all feature columns and for the two columns prediction and target.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_core.health.drift import PREDICTION, TARGET, ColumnShift
from ml_core.on_demand import library
from monitoring.drift.columns import Daily, Reference

special = library("scipy.special")

WINDOW_DAYS = 10
"""Number of trading days that are checked, without roll days and half-days."""

LEAST_DAYS = 8
"""Fewer days with rows than this are not judged."""

LEAST_REFERENCE_DAYS = 120
RATE = 1e-6
"""False discovery rate of one check of the features; there are 250 checks a year. It is far lower
than a year of checks requires, because slowly wandering columns have fatter tails than so few
independent stretches can show."""

ANSWERS_RATE = 1e-4
"""The same for prediction and target, which hardly depend on the day before."""

LEAST_SHIFT = 0.5
"""Smallest shift, in standard deviations, that is worth an alarm, however certain it is."""


def p_value(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Return the p-value of the last days' mean against earlier stretches of as many days.

    Parameters
    ----------
    reference
        Shape (d,): a column by day, in order of time.
    current
        Shape (w,): the same for the checked days.
    """
    return float(_against(reference[:, np.newaxis], current[:, np.newaxis])[1][0])


def column_shifts(reference: Reference, current: Daily) -> tuple[ColumnShift, ...]:
    """Judge every column of the last days; the statistical discoveries have drifted."""
    shift, p = _against(reference.daily.values, current.values)
    groups = [reference.group_of(name) for name in current.names]
    answers = np.isin(groups, [PREDICTION, TARGET])
    limit = np.where(answers, threshold(p[answers], ANSWERS_RATE), threshold(p[~answers], RATE))
    return tuple(
        ColumnShift(name, group, float(by), float(p_value), float(most))
        for name, group, by, p_value, most in zip(
            current.names, groups, shift, p, limit, strict=True
        )
    )


def threshold(p: Sequence[float] | NDArray[np.float64], rate: float) -> float:
    """Return the limit for p-values at a false discovery rate; -1 if there is no discovery.

    Benjamini and Hochberg, Controlling the false discovery rate, 1995: i / m x rate for the
    largest i with p(i) <= i / m x rate. It lies between the last discovery and the next p-value,
    so that a computation in another order, such as Evidently's, gives the same result.
    """
    ordered = np.sort(np.asarray(p, np.float64))
    steps = rate * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    passes = np.flatnonzero(ordered <= steps)
    return float(steps[passes[-1]]) if len(passes) else -1.0


def _against(
    reference: NDArray[np.float64], current: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each column's shift and p-value; ``reference`` (d, c), ``current`` (w, c)."""
    days = len(current)
    total = np.vstack([np.zeros(reference.shape[1]), np.cumsum(reference, axis=0)])
    stretch = (total[days:] - total[:-days]) / days
    center = reference.mean(axis=0)
    apart = stretch - center
    spread = np.sqrt((apart**2).mean(axis=0))
    later, before = apart[days:], apart[:-days]
    memory = (later * before).mean(axis=0) / np.maximum(spread**2, 1e-12)
    memory = np.clip(memory, 0.0, 0.95)
    count = np.maximum(len(reference) / days * (1.0 - memory) / (1.0 + memory), 3.0)
    # the reference's own mean is only as certain as that many stretches make it
    error = spread * np.sqrt((1.0 + 1.0 / count) * count / (count - 1.0))
    shift = current.mean(axis=0) - center
    still = error < 1e-9  # noqa: PLR2004 - a column that never moves
    size = np.abs(shift) / np.where(still, 1.0, error)
    p = 2.0 * special.stdtr(count - 1.0, -size)
    return shift, np.where(np.abs(shift) < LEAST_SHIFT, 1.0, np.where(still, 0.0, p))
