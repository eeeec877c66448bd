"""Metrics, as row-wise losses where they are means; each knows which direction is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError

_EDGE = 1e-15
EVEN_ODDS = 0.5
"""Probability from which an event is predicted to happen."""
RELIABILITY_BINS = 10

RowLoss = Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]]


class NotScorableError(InputError):
    """No metric can be computed from the probabilities or outcomes."""

    metric: str
    fault: str
    template = "{metric}: {fault}; no conclusion is drawn"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that is the mean of one figure per row.

    Attributes
    ----------
    name
        Its name in all output.
    smaller_is_better
        Part of the metric, so that no comparison can get the direction wrong.
    rows
        Maps probabilities of the event (n,) and whether it happened (n,) to a figure per row (n,).
    """

    name: str
    smaller_is_better: bool
    rows: RowLoss

    def __call__(self, p: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
        """Return the metric; a NaN raises an error instead of propagating.

        Raises
        ------
        NotScorableError
            No rows, or a probability that is missing or outside 0..1.
        """
        require_probabilities(self.name, p)
        return float(self.rows(p, happened).mean())


def require_probabilities(metric: str, p: NDArray[np.float64]) -> None:
    """Check that ``p``, shape (n,), holds probabilities.

    Raises
    ------
    NotScorableError
        There are no rows, or a probability is missing or outside 0..1.
    """
    if not len(p):
        raise NotScorableError(metric, "there are no rows")
    if not (np.isfinite(p) & (p >= 0) & (p <= 1)).all():
        raise NotScorableError(metric, "a probability is missing or outside 0..1")


def _right(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> NDArray[np.float64]:
    right: NDArray[np.bool_] = (p >= EVEN_ODDS) == happened
    return right.astype(np.float64)


def _log_loss(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> NDArray[np.float64]:
    kept = np.clip(p, _EDGE, 1.0 - _EDGE)
    return np.negative(np.log(np.where(happened, kept, 1.0 - kept)))


def _squared(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> NDArray[np.float64]:
    miss: NDArray[np.float64] = p - happened
    return miss * miss


ACCURACY = Metric("accuracy", smaller_is_better=False, rows=_right)
LOG_LOSS = Metric("log_loss", smaller_is_better=True, rows=_log_loss)
BRIER = Metric("brier", smaller_is_better=True, rows=_squared)
METRICS = (ACCURACY, LOG_LOSS, BRIER)


def auc(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve.

    It is the probability that a row where the event happened has a higher prediction than a row
    where it did not: the Mann-Whitney statistic over all such pairs, ties counted half.

    Parameters
    ----------
    p
        Shape (n,), predicted probability of the event, in [0, 1].
    happened
        Shape (n,), whether the event happened.

    Returns
    -------
    float
        In [0, 1]; NaN where all rows are of one class.
    """
    require_probabilities("auc", p)
    ups = int(happened.sum())
    downs = len(p) - ups
    if not ups or not downs:
        return float("nan")
    values, value_index, counts = np.unique(p, return_inverse=True, return_counts=True)
    del values
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    ranks = middle[value_index]
    return float((ranks[happened].sum() - ups * (ups + 1) / 2.0) / (ups * downs))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The rows of one bin of probability: mean prediction, share that happened, and count."""

    predicted: float = field(metadata={"alias": "said"})  # its name in existing JSON
    happened: float
    rows: int


def bin_of(p: NDArray[np.float64], bins: int = RELIABILITY_BINS) -> NDArray[np.int64]:
    """Return the index of the equal-width bin of each probability, from 0.

    ``p`` and the result have shape (n,); a probability of 1 is in the last bin.
    """
    return np.minimum((p * bins).astype(np.int64), bins - 1)


def reliability(
    p: NDArray[np.float64], happened: NDArray[np.bool_], bins: int = RELIABILITY_BINS
) -> tuple[ReliabilityBin, ...]:
    """Return the points of the reliability diagram, in bins of equal width.

    Parameters
    ----------
    p
        Shape (n,), predicted probability of the event, in [0, 1].
    happened
        Shape (n,), whether the event happened.
    bins
        Number of bins; empty ones are left out of the result.
    """
    require_probabilities("reliability", p)
    index = bin_of(p, bins)
    rows = np.bincount(index, minlength=bins)
    predicted = np.bincount(index, p, bins)
    seen = np.bincount(index, happened.astype(np.float64), bins)
    return tuple(
        ReliabilityBin(float(predicted[b] / rows[b]), float(seen[b] / rows[b]), int(rows[b]))
        for b in np.flatnonzero(rows)
    )


def expected_calibration_error(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width.

    It is the mean over bins, weighted by their rows, of the absolute difference between the mean
    probability and the share of rows where the event happened (Naeini et al., Obtaining well
    calibrated probabilities using Bayesian binning, 2015).

    Parameters
    ----------
    p
        Shape (n,), predicted probability of the event, in [0, 1].
    happened
        Shape (n,), whether the event happened.
    """
    return sum(
        abs(bin_.predicted - bin_.happened) * bin_.rows for bin_ in reliability(p, happened)
    ) / len(p)


def calibration_error_by_chance(variance: NDArray[np.float64], rows: int) -> float:
    """Return the average expected calibration error of probabilities that are right.

    The number of events in a bin deviates from its expectation by a normal variable, whose mean
    absolute value is the square root of 2/pi times its variance.

    Parameters
    ----------
    variance
        Shape (bins,): the sum of p (1 - p) of each bin's rows.
    rows
        Number of rows in all bins.
    """
    return float(np.sqrt(2.0 / np.pi * variance).sum() / rows)


def max_drawdown(r: NDArray[np.float64]) -> float:
    """Return the maximum drawdown of the cumulative R from its highest point so far.

    ``r`` has shape (n,): results in R in trading order. The result is 0 or above, in R; the
    cumulative sum begins at 0.

    >>> max_drawdown(np.array([1.0, -2.0, 0.5, 3.0]))
    2.0
    """
    return deepest_fall(r).r


@dataclass(frozen=True, slots=True)
class DeepestFall:
    """The deepest fall of a running sum of R.

    Attributes
    ----------
    r
        How deep, 0 or above.
    began, lowest, recovered
        Results up to the high before it, to its lowest point, and to where the sum was at that
        high again; ``recovered`` is None if it was not by the end. All 0 without a fall.
    """

    r: float
    began: int
    lowest: int
    recovered: int | None


def deepest_fall(r: NDArray[np.float64]) -> DeepestFall:
    """Return where the running sum of R fell deepest below its highest point so far.

    ``r`` has shape (n,), results in R in the order of trading; the running sum begins at 0.

    >>> deepest_fall(np.array([1.0, -2.0, 0.5, 3.0]))
    DeepestFall(r=2.0, began=1, lowest=2, recovered=4)
    """
    running = np.concatenate([[0.0], np.cumsum(r)])
    high = np.maximum.accumulate(running)
    lowest = int(np.argmax(high - running))
    depth = float(high[lowest] - running[lowest])
    if depth <= 0.0:
        return DeepestFall(0.0, 0, 0, 0)
    began = int(np.flatnonzero(running[:lowest] == high[lowest])[-1])
    back = np.flatnonzero(running[lowest:] >= high[lowest])
    return DeepestFall(depth, began, lowest, lowest + int(back[0]) if len(back) else None)
