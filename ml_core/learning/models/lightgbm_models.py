"""The three LightGBM models: corrections of their driftless baselines, or plain for comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.learning import models
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.splits import TooFewSamplesError, settled_before
from ml_core.learning.models.baselines import Baselines
from ml_core.learning.models.calibration import log_losses
from ml_core.learning.models.gain import Gain, gain_over_days
from ml_core.learning.models.sample import Sample, inputs_of, sample
from ml_core.learning.recipe import BoosterSpec, Recipe
from ml_core.learning.version_folder import QUESTIONS, Question

if TYPE_CHECKING:
    from lightgbm import Booster

STOPPING_SHARE = 0.25
"""Share of the training days, the latest ones, that decides how many trees are used.

Features are selected on rows settled before those days, with the recipe's embargo between."""

_TREES_TO_SELECT_BY = 100

OnProgress = Callable[[str], None]


class BadLabelsError(InputError):
    """Some training labels are not numbers."""

    question: str
    rows: int
    template = "{question}: {rows} training labels are not finite; check the bars"


class NothingVariesError(InputError):
    """Every feature is constant over the training rows."""

    features: int
    template = "all {features} features are constant over the training rows; check the bars"


@dataclass(frozen=True, slots=True)
class Trained:
    """One trained model and the record of its training.

    Attributes
    ----------
    text
        The model file's content; None if only the baseline is used.
    rounds
        Number of trees kept.
    rows
        Training rows.
    loss_baseline, loss_model
        Loss on the stopping days with no tree and with the best number of trees, whether or not
        they are kept (log loss, or mean squared error for net R).
    gain
        The difference of the two. A residual model keeps its trees only if the gain exceeds one
        standard error.
    constant
        Features that did not vary, from which nothing can be learned.
    allowed
        1 for each selected column, 0 for the others; None if none was left out.
    """

    text: str | None
    rounds: int
    rows: int
    loss_baseline: float
    loss_model: float
    gain: Gain
    constant: tuple[str, ...]
    allowed: tuple[float, ...] | None


def train(
    data: Dataset,
    train_rows: NDArray[np.int64],
    baselines: Baselines,
    recipe: Recipe,
    on_progress: OnProgress | None = None,
    *,
    questions: tuple[Question, ...] = QUESTIONS,
) -> dict[Question, Trained]:
    """Train the models on the training rows; the same inputs give the same bytes.

    Parameters
    ----------
    train_rows
        Positions in ``data`` of the training rows.
    baselines
        Baselines fitted on the same rows; the models learn corrections to them.
    on_progress
        Called with each question before its model is trained.
    questions
        The models to train.

    Raises
    ------
    BadLabelsError, NothingVariesError, TooFewSamplesError
        The rows cannot be learned from.
    """
    part = data.rows(train_rows)
    trained: dict[Question, Trained] = {}
    for question in questions:
        if on_progress is not None:
            on_progress(question)
        trained[question] = _train_one(part, baselines, question, recipe)
    return trained


def refit(
    part: Dataset, baselines: Baselines, question: Question, recipe: Recipe, trained: Trained
) -> str:
    """Retrain a model on more rows, with the number of trees and columns found before.

    Parameters
    ----------
    part
        The training rows.
    baselines
        Fitted on the same rows.
    question, recipe
        The model's question, and the recipe with its settings.
    trained
        The result of training on fewer rows.

    Returns
    -------
    str
        LightGBM's model text.
    """
    rows, inputs = sample(part, baselines, question, recipe), inputs_of(part, question, recipe)
    grower = _Grower(rows, inputs.names, inputs.codes, question, recipe, trained.allowed)
    everything = np.ones(len(rows.answer), bool)
    return grower.grow(everything, trained.rounds).model_to_string(num_iteration=trained.rounds)


def _train_one(part: Dataset, baselines: Baselines, question: Question, recipe: Recipe) -> Trained:
    rows = sample(part, baselines, question, recipe)
    inputs = inputs_of(part, question, recipe)
    names = inputs.names
    if not np.isfinite(rows.answer).all():
        raise BadLabelsError(question, int((~np.isfinite(rows.answer)).sum()))
    constant = _constant(rows.inputs, names)
    if len(constant) == len(names):
        raise NothingVariesError(len(names))
    days = part.trading_day[rows.rows]
    unique = np.unique(days)
    late = days >= unique[int(len(unique) * (1 - STOPPING_SHARE))]
    everything = np.ones(len(days), bool)
    grower = _Grower(rows, names, inputs.codes, question, recipe, None)
    if recipe.select_features is not None:
        # the stopping days also judge the selection, so it must not use them
        decided, settled = part.decision_minute[rows.rows], part.resolved_minute[rows.rows]
        before = settled_before(settled, decided[late], recipe.embargo_days)
        if not before.any():
            raise TooFewSamplesError("feature selection", 0, 1, "opening ranges")
        first = grower.grow(before, _TREES_TO_SELECT_BY)
        gain = first.feature_importance("gain")
        kept = np.argsort(-gain, kind="stable")[: recipe.select_features]
        allowed = np.isin(np.arange(len(names)), kept).astype(np.float64)
        grower = replace(grower, allowed=tuple(allowed.tolist()))
    stopping = _best_rounds(grower, late, days[late])
    rounds, saved = stopping.rounds, stopping.gain
    if grower.residual and not saved.exceeds_one_error:
        rounds = 0
    text = None
    if rounds:
        text = grower.grow(everything, rounds).model_to_string(num_iteration=rounds)
    baseline = stopping.loss_baseline
    return Trained(
        text,
        rounds,
        len(days),
        loss_baseline=baseline,
        loss_model=baseline - saved.mean,
        gain=saved,
        constant=constant,
        allowed=grower.allowed,
    )


@dataclass(frozen=True, slots=True)
class _Stopping:
    """The number of trees that does best on the stopping days, and its gain there."""

    rounds: int
    loss_baseline: float
    gain: Gain


def _best_rounds(
    grower: _Grower, late: NDArray[np.bool_], day: NDArray[np.datetime64]
) -> _Stopping:
    """Return the number of trees (at least one) that does best on the latest training days."""
    rows, question = grower.rows, grower.question
    booster = grower.grow(~late, grower.spec.max_rounds, late)
    start, answer = rows.start[late], rows.answer[late]
    baseline = losses(question, start, answer)
    margin = start.copy() if grower.residual else np.zeros(len(start))
    best, least = 0, baseline
    for tree in range(booster.current_iteration()):
        margin = margin + booster.predict(
            rows.inputs[late], raw_score=True, start_iteration=tree, num_iteration=1, num_threads=1
        )
        loss = losses(question, margin, answer)
        if not best or loss.mean() < least.mean():
            best, least = tree + 1, loss
    return _Stopping(best, float(baseline.mean()), gain_over_days(baseline - least, day))


@dataclass(frozen=True, slots=True)
class _Grower:
    """One question's rows and training settings; ``allowed`` is 0 for columns left out."""

    rows: Sample
    names: list[str]
    codes: list[int]
    question: Question
    recipe: Recipe
    allowed: tuple[float, ...] | None

    @property
    def residual(self) -> bool:
        return self.recipe.kind == "residual"

    @property
    def spec(self) -> BoosterSpec:
        spec: BoosterSpec = getattr(self.recipe, self.question)
        return spec

    def grow(
        self, chosen: NDArray[np.bool_], rounds: int, stopping: NDArray[np.bool_] | None = None
    ) -> Booster:

        params = self._params(chosen)

        def data(
            which: NDArray[np.bool_], reference: models.boosting.lgb.Dataset | None = None
        ) -> models.boosting.lgb.Dataset:
            return models.boosting.lgb.Dataset(
                self.rows.inputs[which],
                self.rows.answer[which],
                init_score=self.rows.start[which] if self.residual else None,
                feature_name=self.names,
                categorical_feature=self.codes,
                reference=reference,
                params={"verbosity": -1, "num_threads": 1},
                free_raw_data=False,
            )

        fitted = data(chosen)
        if stopping is None:
            return models.boosting.lgb.train(params, fitted, rounds)
        stop = models.boosting.lgb.early_stopping(self.spec.early_stopping_rounds, verbose=False)
        judged = data(stopping, fitted)
        return models.boosting.lgb.train(
            params, fitted, rounds, valid_sets=[judged], callbacks=[stop]
        )

    def _params(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        spec = self.spec
        params: dict[str, Any] = {
            "objective": "regression" if self.question == "r_multiple" else "binary",
            "boost_from_average": not self.residual,
            "num_leaves": spec.num_leaves,
            "learning_rate": spec.learning_rate,
            "min_data_in_leaf": spec.min_data_in_leaf,
            "lambda_l2": spec.lambda_l2,
            "feature_fraction": spec.feature_fraction,
            "bagging_fraction": spec.bagging_fraction,
            "bagging_freq": 1,
            "seed": self.recipe.seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
            "metric": "l2" if self.question == "r_multiple" else "binary_logloss",
        }
        if self.allowed is not None:
            params["feature_contri"] = list(self.allowed)
        if self.recipe.class_weights and self.question != "r_multiple":
            happened = self.rows.answer[chosen].mean()
            params["scale_pos_weight"] = float((1.0 - happened) / max(happened, 1e-9))
        return params


def losses(
    question: Question, margin: NDArray[np.float64], answer: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each row's loss by the measure its model is trained on, shape (n,).

    This is the log loss of a margin in log-odds, or the squared error of net R.
    """
    if question == "r_multiple":
        return np.asarray((answer - margin) ** 2)
    return log_losses(margin, answer > 0)


def _constant(inputs: NDArray[np.float64], names: list[str]) -> tuple[str, ...]:
    """Return the columns with at most one value (a missing value counts as one)."""
    first = inputs[:1]
    same = (inputs == first) | (np.isnan(inputs) & np.isnan(first))
    return tuple(name for name, fixed in zip(names, same.all(axis=0), strict=True) if fixed)
