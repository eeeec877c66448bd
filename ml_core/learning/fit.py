"""From a dataset to a bundle: split, baselines, models, calibration, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_core.learning.bundle import Bundle, gains
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.splits import Split, chronological
from ml_core.learning.models.baselines import Baselines, fit_baselines
from ml_core.learning.models.calibration import Calibrator, Method, fit_calibrator, logit
from ml_core.learning.models.lightgbm_models import OnProgress, Trained, sample, train
from ml_core.learning.predictions.predict import Predictions, predict
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import QUESTIONS, Question

_CALIBRATED: tuple[Question, ...] = ("directional", "quality")


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
) -> Fitted:
    """Train a recipe on the first part, calibrate on the second, leave the third untouched.

    Parameters
    ----------
    data
        Usable rows in order of time; those not settled yet drop out at the cuts.
    recipe
        What to train.
    data_fingerprint
        Hash of the bars behind the dataset; part of the version's name.
    on_progress
        Called with what is being done.
    split
        Where to cut; chronologically by the recipe's shares when left out.
    questions
        Models wanted; the others are their baselines.

    Raises
    ------
    InputError
        Too few samples, one class only, labels that are not numbers, nothing that varies.
    """
    if split is None:
        split = chronological(data, recipe.fractions, recipe.embargo_days)
    baselines = fit_baselines(data.rows(split.train))
    trained: dict[Question, Trained] = {}
    if recipe.kind != "baseline":
        trained = train(data, split.train, baselines, recipe, on_progress, questions=questions)
    bundle = Bundle(
        recipe=recipe,
        baselines=baselines,
        texts={question: model.text for question, model in trained.items()},
        calibrators={},
        quantiles=None,
        feature_names=data.feature_names,
        categorical=data.categorical,
        trained=_tale(data, split, trained, data_fingerprint),
        importance={},
    )
    if not trained:
        return Fitted(bundle, split)
    boosters = bundle.boosters()
    held_out = data.rows(split.calibrate)
    raw = predict(held_out, baselines, boosters, {}, None, residual=recipe.kind == "residual")
    calibrators = {
        question: _calibrate(held_out, baselines, raw, question, methods_of(recipe))
        for question in _CALIBRATED
        # a baseline is served as it is
        if boosters[question] is not None
    }
    return Fitted(
        Bundle(
            recipe=recipe,
            baselines=baselines,
            texts=bundle.texts,
            calibrators=calibrators,
            quantiles=_interval(held_out, baselines, raw, recipe.interval),
            feature_names=bundle.feature_names,
            categorical=bundle.categorical,
            trained=bundle.trained,
            importance={question: gains(boosters[question]) for question in questions},
        ),
        split,
    )


def methods_of(recipe: Recipe) -> tuple[Method, ...]:
    """Return the calibration methods a recipe may choose from, the one to stay with first.

    Class weights move the probabilities, so that leaving them alone is none.
    """
    if recipe.calibration != "auto":
        return (recipe.calibration,)
    return ("platt", "isotonic") if recipe.class_weights else ("identity", "platt", "isotonic")


def _calibrate(
    held_out: Dataset,
    baselines: Baselines,
    raw: Predictions,
    question: Question,
    methods: tuple[Method, ...],
) -> Calibrator:
    rows = sample(held_out, baselines, question)
    if question == "directional":
        p = raw.p_up[rows.rows]
    else:
        side = np.where(held_out.direction[rows.rows] > 0, 0, 1)
        p = raw.p_win[rows.rows, side]
    return fit_calibrator(logit(p), rows.answer > 0, held_out.trading_day[rows.rows], methods)


def _interval(
    held_out: Dataset, baselines: Baselines, raw: Predictions, coverage: float
) -> tuple[float, float] | None:
    """Return split-conformal offsets around E[net R], one tail each, from calibration residuals.

    Lei et al., Distribution-free predictive inference for regression, 2018.
    """
    rows = sample(held_out, baselines, "r_multiple")
    if not len(rows.rows):
        return None
    side = np.where(held_out.direction[rows.rows] > 0, 0, 1)
    residual = np.sort(rows.answer - raw.net_r[rows.rows, side])
    count, tail = len(residual), (1.0 - coverage) / 2.0
    low = max(int(np.floor((count + 1) * tail)) - 1, 0)
    high = min(int(np.ceil((count + 1) * (1.0 - tail))) - 1, count - 1)
    return float(residual[low]), float(residual[high])


def _tale(
    data: Dataset, split: Split, trained: dict[Question, Trained], data_fingerprint: str
) -> dict[str, Any]:
    def period(part: Any) -> dict[str, Any]:
        days = data.trading_day[part]
        return {"rows": len(part), "first_day": str(days[0]), "last_day": str(days[-1])}

    return {
        "market": data.market,
        "market_hash": data.market_hash,
        "label": data.label_spec.key,
        "data_fingerprint": data_fingerprint,
        "last_day": str(data.trading_day[split.calibrate[-1]]),
        "cost_ticks": data.cost_ticks,
        "train": period(split.train),
        "calibrate": period(split.calibrate),
        "test": period(split.test),
        "models": {
            question: {
                "rounds": model.rounds,
                "rows": model.rows,
                "learned": model.rounds > 0,
                "stopping_loss_baseline": model.loss_baseline,
                "stopping_loss_model": model.loss_model,
                "stopping_gain": model.gain.to_json(),
                "constant_features": list(model.constant),
            }
            for question, model in trained.items()
        },
    }
