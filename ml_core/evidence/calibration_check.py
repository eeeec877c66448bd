"""Checks whether probabilities are calibrated, given the number of rows at hand.

A fixed limit on the expected calibration error is not a test: the error due to chance falls with
the number of rows, so that a limit of 0.03 rejects nearly every perfect forecaster with 300 rows.
Here the limit is the value that a perfect forecaster with these very probabilities exceeds one
time in twenty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.metrics import (
    RELIABILITY_BINS,
    bin_of,
    calibration_error_by_chance,
    expected_calibration_error,
)
from ml_core.json_form import Figure

CALIBRATION_LEVEL = 0.05
"""Maximum probability that a perfect forecaster is rejected."""

MATERIAL_ECE = 0.03
"""A calibration error too small to do harm: up to it no forecaster is rejected."""

_DRAWS = 9_999
_SEED = 0


@cache
def _misses() -> NDArray[np.float64]:
    """Return the bins' deviations by chance, in units of their spreads, shape (draws, bins)."""
    return np.abs(np.random.default_rng(_SEED).normal(size=(_DRAWS, RELIABILITY_BINS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCheck:
    """The calibration of a forecaster on the given rows.

    Attributes
    ----------
    rows
        Events forecast.
    ece
        Expected calibration error.
    by_chance
        The average error of a perfect forecaster with these probabilities.
    at_most
        The limit: a perfect forecaster exceeds it with probability ``CALIBRATION_LEVEL``, or less
        where the limit is ``MATERIAL_ECE``.
    """

    rows: int
    ece: Figure
    by_chance: Figure
    at_most: Figure


def check_calibration(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> CalibrationCheck:
    """Return the calibration error and its limit for this number of rows and probabilities.

    The limit comes from a parametric bootstrap. If the probabilities were right, the number of
    events in a bin would deviate from its expectation with variance sum(p (1 - p)); the deviation
    is drawn as normal for each bin, and the error of each draw is an error due to chance. The
    draws are always the same, so the same rows have the same limit. With many rows the limit would
    fall below any harmful error and reject a model for a deviation that log loss and Brier score,
    which decide, have already counted; so it is never below ``MATERIAL_ECE``.

    Cox's test of slope and shift of the log-odds, and Spiegelhalter's z, detect an overconfident
    forecaster with about half the rows. They were tried and rejected. Among thirty models with a
    gain over the corridor, on simulated markets with an edge of three points, Cox's test at the
    same level rejected nine for a miscalibration that cost 4 % to 8 % of their gain; this test
    rejects five. Spiegelhalter's z does not detect a shift at all.

    Rows are treated as independent given their forecasts. That holds for rows decided one after
    another with knowledge of the earlier ones; ranges of one day that are open at the same time
    are slightly dependent.

    Sources: Bröcker and Smith, Increasing the reliability of reliability diagrams, Weather and
    Forecasting 22, 2007 (the resampling); Cox, Two further applications of a model for binary
    regression, Biometrika 45, 1958; Spiegelhalter, Probabilistic prediction in patient management
    and clinical trials, Statistics in Medicine 5, 1986.

    Parameters
    ----------
    p
        Shape (n,), predicted probability of the event, in [0, 1].
    happened
        Shape (n,), whether the event happened.

    Raises
    ------
    NotScorableError
        There are no rows, or a probability is missing or outside 0..1.
    """
    ece = expected_calibration_error(p, happened)
    summed = np.bincount(bin_of(p), p * (1.0 - p), minlength=RELIABILITY_BINS)
    variance = summed.astype(np.float64)  # it is float already; numpy's types say integers
    return CalibrationCheck(
        rows=len(p),
        ece=ece,
        by_chance=calibration_error_by_chance(variance, len(p)),
        at_most=limit_by_chance(variance, len(p)),
    )


def limit_by_chance(variance: NDArray[np.float64], rows: int) -> float:
    """Return the limit of the error for this number of rows, at least ``MATERIAL_ECE``.

    Parameters
    ----------
    variance
        Shape (bins,): the sum of p (1 - p) of each bin's rows.
    rows
        Number of rows in all bins.
    """
    chance = _misses() @ np.sqrt(variance) / rows
    return max(MATERIAL_ECE, float(np.quantile(chance, 1.0 - CALIBRATION_LEVEL)))
