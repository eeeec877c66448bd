"""Calibration: a probability that says 0.6 should be right six times in ten."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6
_MIN_ROWS = 100
_NEWTON_STEPS = 50


def logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give log(p/(1 - p)), finite at 0 and 1.

    >>> logit(np.array([0.5]))
    array([0.])
    """
    p = np.clip(p, _EDGE, 1.0 - _EDGE)
    return np.log(p) - np.log1p(-p)


def expit(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give 1/(1 + exp(-margin)).

    >>> expit(np.array([0.0]))
    array([0.5])
    """
    return 1.0 / (1.0 + np.exp(-margin))


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Platt's map of a margin: slope * margin + intercept; (1, 0) leaves it alone.

    Platt, Probabilistic outputs for support vector machines, 1999.
    """

    method: Literal["identity", "platt"]
    slope: float
    intercept: float
    rows: int

    def __call__(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the calibrated probability of a margin (log-odds)."""
        return expit(self.slope * margin + self.intercept)

    def to_json(self) -> dict[str, Any]:
        """Give the parameters as plain values."""
        return asdict(self)


IDENTITY = Calibrator("identity", 1.0, 0.0, 0)


def fit_calibrator(
    margin: NDArray[np.float64],
    label: NDArray[np.bool_],
    day: NDArray[np.datetime64],
) -> Calibrator:
    """Choose between leaving a margin alone and Platt's map, on rows not used for fitting.

    Platt is fitted on every second day and scored on the others, both ways round; it is taken
    only if it wins by more than one standard error, because a calibrator fitted to noise harms.

    Parameters
    ----------
    margin, label, day
        Shape (n,): log-odds, whether it happened, trading day.
    """
    if len(margin) < _MIN_ROWS or label.all() or not label.any():
        return Calibrator("identity", 1.0, 0.0, len(margin))
    odd = np.unique(day, return_inverse=True)[1] % 2 == 1
    gain = np.empty(len(margin))
    for part in (odd, ~odd):
        slope, intercept = _platt(margin[~part], label[~part])
        plain = _log_loss(margin[part], label[part])
        gain[part] = plain - _log_loss(slope * margin[part] + intercept, label[part])
    if gain.mean() <= gain.std() / np.sqrt(len(gain)):
        return Calibrator("identity", 1.0, 0.0, len(margin))
    slope, intercept = _platt(margin, label)
    return Calibrator("platt", slope, intercept, len(margin))


def _log_loss(margin: NDArray[np.float64], label: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.logaddexp(0.0, np.where(label, -margin, margin))


def _platt(margin: NDArray[np.float64], label: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit logistic regression of the label on the margin by Newton's method."""
    design = np.column_stack([margin, np.ones(len(margin))])
    weights = np.array([1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        p = expit(design @ weights)
        gradient = design.T @ (label - p)
        # a thousandth of a row keeps the step finite where the classes are separated
        hessian = (design.T * (p * (1 - p))) @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights + step
        if np.abs(step).max() < _EDGE:
            break
    return float(weights[0]), float(weights[1])
