"""Fits a bundle to a dataset: split, baselines, models, calibration, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml_core.json_values import json_values
from ml_core.learning import models
from ml_core.learning.bundle import Bundle, gains
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.splits import Split, chronological, up_to_the_end
from ml_core.learning.models.baselines import Baselines, fit_baselines
from ml_core.learning.models.calibration import (
    Calibrator,
    Method,
    fit_calibrator,
    unseen_losses,
)
from ml_core.learning.models.gain import gain_over_days
from ml_core.learning.models.lightgbm_models import OnProgress, Trained, losses, refit, train
from ml_core.learning.models.own_baseline import JUDGED_HERE, ModelRecord, beats_baseline
from ml_core.learning.models.sample import sample
from ml_core.learning.predictions.intervals import NetRIntervals, fit_intervals
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import OWN_FEATURES, QUESTIONS, Question
from ml_core.ranges.labels import TIMEOUT


@dataclass(frozen=True, slots=True)
class Fitted:
    """A bundle and the split it was made on.

    Attributes
    ----------
    bundle
        The model version.
    split
        Positions of the three parts in the dataset.
    """

    bundle: Bundle
    split: Split


def fit(
    data: Dataset,
    recipe: Recipe,
    data_fingerprint: str,
    on_progress: OnProgress | None = None,
    *,
    split: Split | None = None,
    questions: tuple[Question, ...] = QUESTIONS,
    judged_on: Dataset | None = None,
) -> Fitted:
    """Train a recipe by the one procedure used both for studies and for versions that serve.

    The number of trees is found on the training part. The calibration part, which the trees have
    not seen, gives each model's calibration and decides whether the model is used. Then baselines
    and trees are refitted with these settings on every row of both parts. The test part is not
    touched.

    Parameters
    ----------
    data
        Usable rows in time order; unsettled rows are dropped at the cuts.
    recipe
        The recipe to train.
    data_fingerprint
        Hash of the bars behind the dataset; part of the version's name.
    on_progress
        Called with a description of the current step.
    split
        Where to cut; by default chronologically, by the recipe's shares.
    questions
        The models to train; baselines answer the other questions.
    judged_on
        Rows on which the same procedure, trained on earlier rows, was evaluated; by default the
        test part.

    Raises
    ------
    InputError
        Too few samples, one class only, labels that are not numbers, nothing that varies.
    """
    if split is None:
        split = chronological(data, recipe.fractions, recipe.embargo_days, recipe.rolling_months)
    if judged_on is None:
        judged_on = data.rows(split.test)
    everything = data.rows(split.learned)
    baselines = fit_baselines(everything)
    judged: dict[Question, _Judged] = {}
    intervals = None
    if recipe.kind != "baseline":
        held_back, before = data.rows(split.calibrate), fit_baselines(data.rows(split.train))
        trained = train(data, split.train, before, recipe, on_progress, questions=questions)
        judged = {
            question: _judge(held_back, before, recipe, question, model)
            for question, model in trained.items()
        }
        intervals = _intervals(held_back, before, judged, recipe)
    texts = {
        question: refit(everything, baselines, question, recipe, model.trained)
        for question, model in judged.items()
        if model.record.serves
    }
    periods = {
        "train": data.trading_day[split.learned],
        "calibrate": data.trading_day[split.calibrate],
        "test": judged_on.trading_day,
    }
    bundle = Bundle(
        recipe=recipe,
        baselines=baselines,
        texts=texts,
        calibrators={
            question: model.calibrator
            for question, model in judged.items()
            if model.calibrator is not None
        },
        intervals=intervals,
        feature_names=data.feature_names,
        categorical=data.categorical,
        trained={
            "market": data.market,
            "market_hash": data.market_hash,
            "label": data.label_spec.key,
            "data_fingerprint": data_fingerprint,
            "last_day": str(data.trading_day[split.learned[-1]]),
            "cost_ticks": data.cost_ticks,
            **{
                period: {"rows": len(days), "first_day": str(days[0]), "last_day": str(days[-1])}
                for period, days in periods.items()
            },
            "models": {question: json_values(model.record) for question, model in judged.items()},
            **({OWN_FEATURES: json_values(data.own)} if data.own else {}),
        },
        importance={},
    )
    boosters = bundle.boosters()
    importance: dict[str, dict[str, float]] = {
        question: gains(boosters[question]) for question in judged
    }
    return Fitted(replace(bundle, importance=importance), split)


def fit_to_serve(
    data: Dataset, recipe: Recipe, data_fingerprint: str, judged_on: Dataset
) -> Fitted:
    """Train a recipe on every row of its window that has settled; see :func:`fit`.

    Parameters
    ----------
    data, recipe, data_fingerprint
        As in :func:`fit`.
    judged_on
        Rows on which the same procedure, trained on earlier rows, was evaluated.

    Raises
    ------
    InputError
        Too few samples, one class only, labels that are not numbers, nothing that varies.
    """
    split = up_to_the_end(data, recipe.fractions, recipe.embargo_days, recipe.rolling_months)
    return fit(data, recipe, data_fingerprint, split=split, judged_on=judged_on)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The result for one model on the held-back rows: its calibration and its margins there.

    ``margin`` has the shape of the question's rows; it is the baseline's if the baseline serves.
    """

    trained: Trained
    record: ModelRecord
    calibrator: Calibrator | None
    margin: NDArray[np.float64]


def _judge(
    held_back: Dataset,
    baselines: Baselines,
    recipe: Recipe,
    question: Question,
    trained: Trained,
) -> _Judged:
    """Calibrate a model on the held-back rows, and compare it there with its baseline."""
    rows = sample(held_back, baselines, question, recipe)
    day = held_back.trading_day[rows.rows]
    calibrator, gain = None, None
    margin, serves = rows.start, trained.text is not None
    if trained.text is not None:
        booster = models.boosting.lgb.Booster(model_str=trained.text)
        raw = np.asarray(booster.predict(rows.inputs, raw_score=True, num_threads=1), np.float64)
        margin = rows.start + raw if recipe.kind == "residual" else raw
        of_model = losses(question, margin, rows.answer)
        if question != "r_multiple":
            label = rows.answer > 0
            calibrator = fit_calibrator(margin, label, day, methods_of(recipe))
            # as it serves: calibrated, but by a calibrator that did not see the row
            of_model = unseen_losses(calibrator.method, margin, label, day)
        gain = gain_over_days(losses(question, rows.start, rows.answer) - of_model, day)
        serves = question not in JUDGED_HERE or beats_baseline(gain)
    record = ModelRecord(
        rounds=trained.rounds,
        rows=trained.rows,
        serves=serves,
        stopping_loss_baseline=trained.loss_baseline,
        stopping_loss_model=trained.loss_model,
        stopping_gain=trained.gain,
        held_back_gain=gain,
        constant_features=trained.constant,
    )
    if not serves:
        return _Judged(trained, record, None, rows.start)
    return _Judged(trained, record, calibrator, margin)


def methods_of(recipe: Recipe) -> tuple[Method, ...]:
    """Return the calibration methods a recipe may choose from, the default first.

    With class weights, ``identity`` is not among them, because the weights distort probabilities.
    """
    if recipe.calibration != "auto":
        return (recipe.calibration,)
    return ("platt", "isotonic") if recipe.class_weights else ("identity", "platt", "isotonic")


def _intervals(
    held_back: Dataset,
    baselines: Baselines,
    judged: Mapping[Question, _Judged],
    recipe: Recipe,
) -> NetRIntervals:
    """Fit the intervals of net R to the held-back trades, around their expected values."""
    rows = sample(held_back, baselines, "r_multiple", recipe)
    model = judged.get("r_multiple")
    return fit_intervals(
        rows.answer - (rows.start if model is None else model.margin),
        held_back.opening_range[rows.rows],
        held_back.outcome[rows.rows] == TIMEOUT,
        recipe.interval,
    )
