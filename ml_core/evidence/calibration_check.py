"""Whether probabilities are calibrated, judged at the number of rows at hand.

One limit on the expected calibration error is no test: the error that chance alone brings falls
with the number of rows, so that 0.03 refuses nearly every perfect forecaster of 300 rows. Here
the limit is what a perfect forecaster exceeds one time in twenty with these very probabilities.
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
"""Chance that a perfect forecaster is refused, at most."""

MATERIAL_ECE = 0.03
"""A calibration error that does no harm worth speaking of: up to it, nobody is refused."""

_DRAWS = 9_999
_SEED = 0


@cache
def _misses() -> NDArray[np.float64]:
    """Return how far the bins miss by chance, in their own spreads, shape (draws, bins)."""
    return np.abs(np.random.default_rng(_SEED).normal(size=(_DRAWS, RELIABILITY_BINS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCheck:
    """What the rows say of a forecaster's calibration.

    Attributes
    ----------
    rows
        Events forecast.
    ece
        Expected calibration error.
    by_chance
        What a perfect forecaster shows on average with these probabilities.
    at_most
        What the error may be: a perfect forecaster exceeds it with a chance of
        ``CALIBRATION_LEVEL``, or less often where it is ``MATERIAL_ECE``.
    """

    rows: int
    ece: Figure
    by_chance: Figure
    at_most: Figure


def check_calibration(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> CalibrationCheck:
    """Return the calibration error and the limit for so many rows with these probabilities.

    The limit is a parametric bootstrap: were the probabilities right, the events of a bin would
    miss their expected number by a deviate of variance sum(p (1 - p)), which is drawn normal for
    each bin; the error of each draw is what chance alone brings. The draws are always the same
    ones, so the same rows have the same limit. With many rows the limit would fall below what
    does harm, and refuse a model for a trifle that log loss and Brier score, which decide, have
    counted already; so it is ``MATERIAL_ECE`` at least.

    Cox's test of slope and shift of the log-odds, and Spiegelhalter's z, find an overconfident
    forecaster with about half the rows. They were tried and left: of thirty models with a gain
    over the corridor, on simulated markets with an edge of three points, Cox's test at the same
    level refused nine for what cost 4 % to 8 % of their gain; this one refuses five.
    Spiegelhalter's z does not see a shift at all.

    Rows count as independent given their forecasts. That holds of rows decided one after another
    by who knows what came before; ranges of one day that are open at once share a little.

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
    variance = summed.astype(np.float64)  # which it is; numpy's types say integers
    return CalibrationCheck(
        rows=len(p),
        ece=ece,
        by_chance=calibration_error_by_chance(variance, len(p)),
        at_most=limit_by_chance(variance, len(p)),
    )


def limit_by_chance(variance: NDArray[np.float64], rows: int) -> float:
    """Return what the error of so many rows may be, ``MATERIAL_ECE`` at least.

    Parameters
    ----------
    variance
        Shape (bins,): the sum of p (1 - p) of each bin's rows.
    rows
        In all bins.
    """
    chance = _misses() @ np.sqrt(variance) / rows
    return max(MATERIAL_ECE, float(np.quantile(chance, 1.0 - CALIBRATION_LEVEL)))
