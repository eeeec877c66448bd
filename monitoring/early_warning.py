"""Early warning: estimates of log loss and calibration from the probabilities alone.

This is confidence-based performance estimation, like NannyML's CBPE (NannyML documentation, How it
works, Estimation of performance of the monitored model): if the probabilities are exactly right,
a row's expected loss is p loss(1) + (1 - p) loss(0), before any outcome is known. It detects that
a model has become less or more confident than it was on its unseen days. It cannot detect that the
same features now lead to other outcomes (concept drift): that takes outcomes.
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
"""Number of predictions in an estimate: ten days of six ranges."""

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
    """Estimate accuracy, log loss, Brier and calibration error of predictions without outcomes.

    With loss l, e = p l(1) + (1 - p) l(0) and b the chance of a breakout, the mean over the rows
    that will break out is about mu = sum(b e) / sum(b). Its standard error is that of a ratio: a
    row differs from mu by (l - mu) if it breaks out and by 0 if not, so its variance is
    b (p (l(1) - mu)^2 + (1 - p) (l(0) - mu)^2) - (b (e - mu))^2. Rows are taken to be independent.
    With few rows, the calibration error of exactly right probabilities is not 0; its distribution
    is simulated with a thousand draws.

    Parameters
    ----------
    p
        Shape (n,): P(UP | a breakout), calibrated.
    p_break
        Shape (n,): chance of any breakout.
    seed
        Seed of the draws.

    Returns
    -------
    dict
        Estimates by name of the metric.
    """
    estimates = {metric.name: _expected(metric, p, p_break) for metric in METRICS}
    return {**estimates, ECE: _expected_ece(p, p_break, seed)}


def warning(expected: Estimate, reference: Reference) -> str | None:
    """Return a warning if the expected log loss differs from that on unseen days; None if not.

    It differs beyond three standard errors, which combine the reference's own error and the chance
    of which ranges came along.
    """
    spread = float(np.hypot(reference.error, expected.of_mix))
    change = expected.value - reference.log_loss
    if not abs(change) > _BAND * spread:
        return None
    words = "less certain" if change > 0 else "more certain"
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
    """Return the realised figures for an estimate.

    Parameters
    ----------
    expected
        The estimate.
    p, up
        Shape (m,): probabilities and directions of its rows that broke out.
    waiting
        Number of its rows without an outcome yet.

    Raises
    ------
    NotScorableError
        No row broke out.
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
