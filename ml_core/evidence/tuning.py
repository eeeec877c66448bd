"""Tuning: the values a trial may try, and the walk-forward folds that judge it.

The latest months are a holdout that tuning never uses, so that a tuned recipe can be tested on
rows its tuning did not see. On the folds used for tuning its figures are too good, as those of the
best of many always are; so the promotion rule counts every trial and raises its bar accordingly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.evidence.metrics import LOG_LOSS
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, of_side_that_broke, predict_fold
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.folds import Fold, walk_recipe
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import Question
from ml_core.ranges.labels import DOWN, UP, WIN


class TooFewFoldsError(InputError):
    """Too little history before the holdout for the requested folds."""

    have: int
    requested: int
    until: str
    template = (
        "{have} folds can be judged before the holdout that begins on {until}, {requested} were "
        "requested; use fewer folds or a shorter holdout"
    )


class NotTunableError(InputError):
    """The recipe has no models."""

    recipe: str
    template = "recipe {recipe!r} is a baseline: it has nothing to tune; name another"


class NothingToScoreError(InputError):
    """The folds have no row that the question can be scored on."""

    question: str
    folds: tuple[str, ...]
    template = (
        "no opening range in {folds:, } has an outcome that {question} can be scored by; tune "
        "another question, or on more folds"
    )


class Suggest(Protocol):
    """An object that suggests the next values to try, such as an Optuna trial."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """Return a whole number within bounds."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Return a number within bounds."""


@dataclass(frozen=True, slots=True)
class TuningFolds:
    """The data tuning may use.

    Attributes
    ----------
    folds
        The folds, in time order.
    holdout_from
        The first day that is held out.
    digest
        Hash of every row before that day. Later bars do not change it, so a search can continue
        although new data arrive every night.
    """

    folds: tuple[Fold, ...]
    holdout_from: date
    digest: str


def suggested(trial: Suggest, base: Recipe, question: Question) -> Recipe:
    """Return the recipe of a trial; the same values give the same recipe and name."""
    values: dict[str, Any] = {
        "num_leaves": trial.suggest_int("num_leaves", 2, 16, log=True),
        "learning_rate": round(trial.suggest_float("learning_rate", 0.01, 0.1, log=True), 4),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 20, 400, log=True),
        "lambda_l2": round(trial.suggest_float("lambda_l2", 0.1, 50.0, log=True), 3),
        "feature_fraction": round(trial.suggest_float("feature_fraction", 0.2, 1.0), 3),
        "bagging_fraction": round(trial.suggest_float("bagging_fraction", 0.5, 1.0), 3),
    }
    spec = getattr(base, question).model_copy(update=values)
    text = f"{base.hash} {question} {spec.model_dump_json()}"
    name = f"tuned-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    about = f"Tuned from {base.name}, its {question} model."
    return Recipe.model_validate(
        {**base.model_dump(), "name": name, "about": about, question: spec.model_dump()}
    )


def tuning_folds(data: Dataset, recipe: Recipe, folds: int, holdout_months: int) -> TuningFolds:
    """Return the latest folds that end before the holdout.

    Raises
    ------
    TooFewFoldsError, NoUnseenDaysError
        There is too little history.
    NotTunableError
        The recipe has no models.
    """
    if recipe.kind == "baseline":
        raise NotTunableError(recipe.name)
    last_month = data.trading_day[-1].astype("datetime64[M]")
    held_out = (last_month - holdout_months + 1).astype("datetime64[D]")
    if not holdout_months:
        held_out = data.trading_day[-1] + 1
    walk = walk_recipe(data, recipe, last=(held_out - 1).item())
    if len(walk.folds) < folds:
        raise TooFewFoldsError(len(walk.folds), folds, str(held_out))
    return TuningFolds(walk.folds[-folds:], held_out.item(), _digest(data, held_out))


@dataclass(frozen=True, slots=True)
class FoldLosses:
    """A recipe's loss on every row of a fold that can be scored; smaller is better.

    This is the log loss of the direction or of the win, or the squared error of net R.

    Attributes
    ----------
    fold
        The fold's name.
    model, baseline
        Losses of the recipe and of the driftless baseline, each of shape (n,).
    """

    fold: str
    model: NDArray[np.float64]
    baseline: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.model)


def fold_losses(
    data: Dataset, fold: Fold, recipe: Recipe, data_fingerprint: str, question: Question
) -> FoldLosses:
    """Train a recipe before a fold, and return its losses on the fold."""
    answers = predict_fold(data, fold, recipe, data_fingerprint, (question,))
    return FoldLosses(fold.name, *_losses(answers, question))


def mean_losses(folds: Sequence[FoldLosses], question: Question) -> tuple[float, float]:
    """Return the mean loss over all rows of some folds, and the baseline's.

    Raises
    ------
    NothingToScoreError
        No fold has a row that can be scored.
    """
    model = np.concatenate([np.empty(0), *(losses.model for losses in folds)])
    if not len(model):
        raise NothingToScoreError(question, tuple(losses.fold for losses in folds))
    baseline = np.concatenate([losses.baseline for losses in folds])
    return float(model.mean()), float(baseline.mean())


def _digest(data: Dataset, until: np.datetime64) -> str:
    rows = data.rows(data.trading_day < until)
    digest = hashlib.sha256()
    for field in fields(Dataset):
        value = getattr(rows, field.name)
        if isinstance(value, np.ndarray) and value.dtype.kind != "U":
            value = np.ascontiguousarray(value).tobytes()
        else:
            value = repr(value.tolist() if isinstance(value, np.ndarray) else value).encode()
        digest.update(f"{field.name} {len(value)} ".encode() + value)
    return digest.hexdigest()


def _losses(
    answers: OutOfSamplePredictions, question: Question
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    predictions, test = answers.predictions, answers.test
    if question == "directional":
        rows = np.flatnonzero(np.isin(test.direction, (UP, DOWN)))
        up = test.direction[rows] == UP
        return LOG_LOSS.rows(predictions.p_up[rows], up), LOG_LOSS.rows(
            predictions.baseline_p_up[rows], up
        )
    if question == "quality":
        rows = test.ended
        won = test.outcome[rows] == WIN
        model = of_side_that_broke(predictions.p_win, test, rows)
        return LOG_LOSS.rows(model, won), LOG_LOSS.rows(predictions.baseline_p_win[rows], won)
    rows = np.flatnonzero(np.isfinite(test.r_net))
    actual = test.r_net[rows]
    model = of_side_that_broke(predictions.net_r, test, rows)
    return (actual - model) ** 2, (actual - predictions.baseline_net_r[rows]) ** 2
