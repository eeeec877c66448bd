"""The training rows of a question: inputs, targets, and the baseline's predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import Baselines
from ml_core.learning.models.calibration import logit
from ml_core.learning.models.inputs import Inputs, nearer_side
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import Question
from ml_core.ranges.labels import DOWN, UP, WIN


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows for one question: inputs, targets and the baseline's predictions.

    Attributes
    ----------
    inputs
        Shape (n, k), or (n, k + 1) with the side.
    answer
        Shape (n,), the target: 0/1, or net R.
    start
        Shape (n,): the baseline's prediction as a margin (log-odds) or as net R.
    rows
        Shape (n,): each row's position in the dataset.
    """

    inputs: NDArray[np.float64]
    answer: NDArray[np.float64]
    start: NDArray[np.float64]
    rows: NDArray[np.int64]


def sample(data: Dataset, baselines: Baselines, question: Question, recipe: Recipe) -> Sample:
    """Return the rows of a dataset that a question can be trained on.

    ``directional``: every breakout; was it UP (mirrored recipe: through the nearer edge)?
    ``quality``: every finished trade; did it reach the target before the stop and in time?
    ``r_multiple``: every finished trade; its net R.
    """
    inputs = inputs_of(data, question, recipe)
    if question == "directional":
        rows = np.flatnonzero(np.isin(data.direction, (UP, DOWN)))
        side = nearer_side(data)[rows] if recipe.mirrored else np.ones(len(rows))
        start = side * logit(baselines.corridor(data))[rows]
        answer = (data.direction[rows] == side).astype(float)
        return Sample(inputs.of(data.features[rows], side), answer, start, rows)
    if question == "quality":
        rows = data.ended
        answer = (data.outcome[rows] == WIN).astype(float)
        start = logit(baselines.entry(data).p_win)[rows]
    else:
        rows = np.flatnonzero(np.isin(data.direction, (UP, DOWN)) & ~np.isnan(data.r_net))
        answer = data.r_net[rows]
        start = baselines.entry(data).net_r[rows]
    side = data.direction[rows].astype(np.float64)
    return Sample(inputs.of(data.features[rows], side), answer, start, rows)


def inputs_of(data: Dataset, question: Question, recipe: Recipe) -> Inputs:
    """Return the columns of a dataset that a recipe's model reads."""
    return Inputs(data.feature_names, data.categorical, question, recipe.mirrored, data.own)
