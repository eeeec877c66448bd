"""Early warning: what the probabilities themselves say their log loss and calibration will be.

Confidence-based performance estimation, as NannyML's CBPE does (NannyML documentation, How it
works, Estimation of performance of the monitored model): were the probabilities exactly what
happens, a row's expected loss is p loss(1) + (1 - p) loss(0), before any outcome is known. It
sees that a model has become less sure, or surer, than it was on its unseen days. It cannot see
that the market has changed its answer to the same questions (concept drift): that takes outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.intervals import Z95
from ml_core.evidence.metrics import (
    METRICS,
    RELIABILITY_BINS,
    Metric,
    bin_of,
    expected_calibration_error,
)
from ml_core.health.estimates import Estimate, Reconciled

WINDOW = 60
"""Answered rows an estimate is made of: ten days of six ranges."""

MIN_ROWS = 30
ECE = "ece"

_DRAWS = 1000
_BAND = 3.0  # standard errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Log loss of a version on its unseen days, and its standard error."""

    log_loss: float
    error: float


def expect(
    p: NDArray[np.float64], p_break: NDArray[np.float64], *, seed: int = 0
) -> dict[str, Estimate]:
    """Estimate accuracy, log loss, Brier and calibration error of answers without their outcomes.

    With loss l, e = p l(1) + (1 - p) l(0) and b the chance of a break, the mean over the rows that
    will break is about mu = sum(b e) / sum(b). Its standard error is that of a ratio: rows differ
    from mu by (l - mu) if they break and by 0 if not, so the variance of each is
    b (p (l(1) - mu)^2 + (1 - p) (l(0) - mu)^2) - (b (e - mu))^2. Rows are taken to be independent.
    The calibration error of probabilities that are exactly right is not 0 with few rows; it is
    drawn a thousand times.

    Parameters
    ----------
    p
        Shape (n,): P(UP | a break), calibrated.
    p_break
        Shape (n,): chance that the row breaks at all.
    seed
        Of the draws.

    Returns
    -------
    dict
        By name of the metric.
    """
    estimates = {metric.name: _expected(metric, p, p_break) for metric in METRICS}
    return {**estimates, ECE: _expected_ece(p, p_break, seed)}


def warning(expected: Estimate, reference: Reference) -> str | None:
    """Return that the expected log loss is not what unseen days showed; None if it is.

    It is if within three standard errors: the reference's own, and that of which ranges came
    along.
    """
    spread = float(np.hypot(reference.error, expected.of_mix))
    change = expected.value - reference.log_loss
    if not abs(change) > _BAND * spread:
        return None
    words = "less sure" if change > 0 else "surer"
    return (
        f"{words} than on unseen days: log loss expected {expected.value:.3f}, there "
        f"{reference.log_loss:.3f}, {abs(change) / spread:.1f} standard errors away"
    )


def reconcile(
    expected: Mapping[str, Estimate],
    p: NDArray[np.float64],
    up: NDArray[np.bool_],
    waiting: int = 0,
) -> Reconciled:
    """Set the truth beside an estimate.

    Parameters
    ----------
    expected
        As it was made.
    p, up
        Shape (m,): of its rows that broke.
    waiting
        How many of its rows have no outcome yet.

    Raises
    ------
    NotScorableError
        None of them broke.
    """
    realised = {metric.name: metric(p, up) for metric in METRICS}
    realised[ECE] = expected_calibration_error(p, up)
    return Reconciled(
        breaks=len(p),
        realised=realised,
        error={name: value - expected[name].value for name, value in realised.items()},
        inside={name: expected[name].holds(value) for name, value in realised.items()},
        open=waiting,
    )


def _expected(metric: Metric, p: NDArray[np.float64], p_break: NDArray[np.float64]) -> Estimate:
    if_up = metric.rows(p, np.ones(len(p), bool))
    if_down = metric.rows(p, np.zeros(len(p), bool))
    of_row = p * if_up + (1.0 - p) * if_down
    breaks = float(p_break.sum())
    value = float(p_break @ of_row) / breaks
    square = p * (if_up - value) ** 2 + (1.0 - p) * (if_down - value) ** 2
    variance = p_break * square - (p_break * (of_row - value)) ** 2
    error = float(np.sqrt(variance.sum())) / breaks
    mix = float(np.sqrt(p_break @ (of_row - value) ** 2)) / breaks
    half = Z95 * error
    return Estimate(value=value, low=value - half, high=value + half, of_mix=mix)


def _expected_ece(p: NDArray[np.float64], p_break: NDArray[np.float64], seed: int) -> Estimate:
    draw = np.random.default_rng(seed)
    size = (_DRAWS, len(p))
    broke = draw.random(size) < p_break
    miss = np.where(broke, p - (draw.random(size) < p), 0.0)
    inside = np.eye(RELIABILITY_BINS)[bin_of(p)]
    rows = broke.sum(axis=1)
    drawn = np.abs(miss @ inside).sum(axis=1)[rows > 0] / rows[rows > 0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(
        value=float(np.mean(drawn)), low=float(low), high=float(high), of_mix=float("nan")
    )
