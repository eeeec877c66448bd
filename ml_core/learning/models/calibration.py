"""Calibration: a predicted probability of 0.6 should be right six times in ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.learning.models.gain import blocks_of_days, gain_over_days
from ml_core.on_demand import library

optimize = library("scipy.optimize")

_EDGE = 1e-6
_STEEPEST = 0.01
_MIN_ROWS = 100
_MIN_ISOTONIC_ROWS = 1000  # below, steps follow noise (Niculescu-Mizil and Caruana, 2005)
_FOLDS = 5
_NEWTON_STEPS = 50

Method = Literal["identity", "platt", "isotonic"]


def logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(p/(1 - p)), finite at 0 and 1.

    >>> logit(np.array([0.5]))
    array([0.])
    """
    p = np.clip(p, _EDGE, 1.0 - _EDGE)
    return np.log(p) - np.log1p(-p)


def expit(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1/(1 + exp(-margin)).

    >>> expit(np.array([0.0]))
    array([0.5])
    """
    return 1.0 / (1.0 + np.exp(-margin))


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A map from a margin to a probability.

    ``identity`` leaves the margin unchanged. ``platt`` is slope * margin + intercept (Platt,
    Probabilistic outputs for support vector machines, 1999). ``isotonic`` is a rising piecewise
    linear curve through (``knots``, ``heights``) (Zadrozny and Elkan, 2002).
    """

    method: Method
    slope: float
    intercept: float
    rows: int
    knots: Sequence[float] = ()
    heights: Sequence[float] = ()

    def __call__(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probability of a margin (log-odds)."""
        if self.method == "isotonic":
            return np.interp(margin, self.knots, self.heights)
        return expit(self.slope * margin + self.intercept)


IDENTITY = Calibrator("identity", 1.0, 0.0, 0)


def fit_calibrator(
    margin: NDArray[np.float64],
    label: NDArray[np.bool_],
    day: NDArray[np.datetime64],
    methods: tuple[Method, ...] = ("identity", "platt", "isotonic"),
) -> Calibrator:
    """Choose the method that does best on unseen folds of rows that the model was not fitted on.

    Five times, each method is fitted on four fifths of the days and scored on the other fifth, a
    stretch of consecutive days. A method other than the first wins only by more than one standard
    error over days, because a calibrator fitted to noise does harm.

    Parameters
    ----------
    margin, label, day
        Shape (n,): log-odds, whether it happened, trading day.
    methods
        Candidates, the default first.
    """
    stay, *others = methods
    if len(margin) < _MIN_ROWS or label.all() or not label.any():
        return Calibrator("identity", 1.0, 0.0, len(margin))
    uncalibrated = unseen_losses(stay, margin, label, day)
    best, most = stay, 0.0
    for method in others:
        if method == "isotonic" and len(margin) < _MIN_ISOTONIC_ROWS:
            continue
        gain = gain_over_days(uncalibrated - unseen_losses(method, margin, label, day), day)
        if gain.exceeds_one_error and gain.mean > most:
            best, most = method, gain.mean
    return _fitted(best, margin, label)


def log_losses(margin: NDArray[np.float64], label: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each row's log loss for the log-odds ``margin``, shape (n,)."""
    return np.logaddexp(0.0, np.where(label, -margin, margin))


def unseen_losses(
    method: Method,
    margin: NDArray[np.float64],
    label: NDArray[np.bool_],
    day: NDArray[np.datetime64],
) -> NDArray[np.float64]:
    """Return each row's log loss under a calibrator fitted on the other fifths of the days.

    Parameters
    ----------
    method
        Calibration method; ``identity`` has nothing to fit.
    margin, label, day
        Shape (n,): log-odds, whether it happened, trading day.

    Returns
    -------
    NDArray[float64]
        Shape (n,).
    """
    if method == "identity":
        return log_losses(margin, label)
    fold = blocks_of_days(day, _FOLDS)
    loss = np.empty(len(margin))
    for left_out in range(_FOLDS):
        part = fold == left_out
        p = _fitted(method, margin[~part], label[~part])(margin[part])
        loss[part] = -np.log(np.where(label[part], p, 1.0 - p))
    return loss


def _fitted(method: Method, margin: NDArray[np.float64], label: NDArray[np.bool_]) -> Calibrator:
    if method == "platt":
        return Calibrator("platt", *_platt(margin, label), len(margin))
    if method == "isotonic":
        return Calibrator("isotonic", 1.0, 0.0, len(margin), *_isotonic(margin, label))
    return Calibrator("identity", 1.0, 0.0, len(margin))


def _isotonic(
    margin: NDArray[np.float64], label: NDArray[np.bool_]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fit a rising step function: knots at the steps' middles, heights kept off 0 and 1."""
    order = np.argsort(margin, kind="stable")
    fitted = optimize.isotonic_regression(label[order].astype(np.float64))
    edges = fitted.blocks
    middle = [float(margin[order][a:b].mean()) for a, b in pairwise(edges.tolist())]
    heights = np.clip(fitted.x[edges[:-1]], _STEEPEST, 1.0 - _STEEPEST)
    return tuple(middle), tuple(heights.tolist())


def _platt(margin: NDArray[np.float64], label: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit logistic regression of the label on the margin by Newton's method.

    A step that would raise the loss is halved: if the margins are much too confident, the start is
    so far from the solution that full steps diverge.
    """
    design = np.column_stack([margin, np.ones(len(margin))])
    weights = np.array([1.0, 0.0])

    def loss(at: NDArray[np.float64]) -> float:
        along = design @ at
        return float((np.logaddexp(0.0, along) - label * along).sum())

    for _ in range(_NEWTON_STEPS):
        p = expit(design @ weights)
        gradient = design.T @ (label - p)
        # a thousandth of a row keeps the step finite if the classes are separable
        hessian = (design.T * (p * (1 - p))) @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while loss(weights + step) > loss(weights) + _EDGE:
            step = step / 2.0
        weights = weights + step
        if np.abs(step).max() < _EDGE:
            break
    return float(weights[0]), float(weights[1])
