"""The injected-signal control: a recipe must find a planted signal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.comparison import compare
from ml_core.evidence.out_of_sample import predict_unseen
from ml_core.evidence.promotion.collect_evidence import BASELINE
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.models.baselines import fit_baselines
from ml_core.learning.models.calibration import expit, logit
from ml_core.learning.recipe import Recipe
from ml_core.ranges.labels import DOWN, UP

SIGNAL = "injected_signal"
STRENGTH = 0.8
"""Log-odds by which the planted column shifts a breakout: about six points of accuracy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionReport:
    """Whether and how well a recipe found a planted signal.

    Attributes
    ----------
    recovered
        Whether the 95 % interval of its log loss minus the corridor's was below 0.
    gain, possible
        Log loss gained over the corridor, and the gain from knowing the signal exactly.
    rows
        Number of unseen breakouts.
    """

    recovered: bool
    gain: float
    possible: float
    rows: int


def with_signal(
    data: Dataset, corridor: NDArray[np.float64], strength: float, seed: int
) -> Dataset:
    """Return rows whose breakout directions depend on one added feature of +1 and -1.

    The direction of each breakout is redrawn with P(UP) = expit(logit(corridor) + strength *
    feature). Everything else stays as it is, including the outcomes of trades, because the test
    concerns only the direction.

    Parameters
    ----------
    data
        n rows.
    corridor
        Shape (n,), the corridor's P(UP | breakout).
    strength
        In log-odds; with 0 the feature carries no information.
    seed
        Of the draws.
    """
    draw = np.random.default_rng([seed, 5])
    signal = draw.choice([-1.0, 1.0], len(data))
    up = draw.random(len(data)) < expit(logit(corridor) + strength * signal)
    broke = np.isin(data.direction, (UP, DOWN))
    return replace(
        data,
        direction=np.where(broke, np.where(up, UP, DOWN), data.direction).astype(np.int16),
        features=np.column_stack([data.features, signal]),
        feature_names=(*data.feature_names, SIGNAL),
    )


def finds_injected_signal(
    data: Dataset, recipe: Recipe, *, strength: float = STRENGTH, seed: int = 0
) -> InjectionReport:
    """Plant a signal in the rows a recipe is judged on; return whether the recipe finds it.

    Raises
    ------
    InputError
        The rows cannot be learned from.
    """
    corridor = fit_baselines(data).corridor(data)
    planted = with_signal(data, corridor, strength, seed)
    fitted = fit(planted, recipe, "injected", questions=("directional",))
    answers = predict_unseen(fitted.bundle, planted.rows(fitted.split.test))
    change = compare((answers,), None, BASELINE, seed=seed).changes[0]
    return InjectionReport(
        recovered=change.better is True,
        gain=-change.interval.estimate,
        possible=_possible(corridor[fitted.split.test], strength),
        rows=change.interval.rows,
    )


def _possible(corridor: NDArray[np.float64], strength: float) -> float:
    """Return the corridor's expected log loss minus that of a forecaster who knows the signal."""
    gains = []
    for sign in (-1.0, 1.0):
        truth = expit(logit(corridor) + sign * strength)
        gains.append(
            truth * (np.log(truth) - np.log(corridor))
            + (1.0 - truth) * (np.log1p(-truth) - np.log1p(-corridor))
        )
    return float(np.mean(gains))
