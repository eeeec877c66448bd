"""What serves is what was judged: one procedure, finally fitted on all settled rows."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from ml_core.evidence.out_of_sample import predict_fold
from ml_core.learning import models
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.splits import TooFewSamplesError, up_to_the_end
from ml_core.learning.fit import fit, fit_to_serve
from ml_core.learning.folds import walk_recipe
from ml_core.learning.models.baselines import fit_baselines
from ml_core.learning.predictions.predict import Predictions
from ml_core.learning.recipe import Recipe
from ml_core.ranges.labels import NOT_RESOLVED
from tests.ml_core.learning.synthetic import dataset

RECIPE = Recipe(name="r", kind="residual", embargo_days=0)
BASELINE = Recipe(name="b", kind="baseline", embargo_days=0)
ROLLING = RECIPE.model_copy(update={"window": "rolling:8"})


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(700, effect=0.8, seed=4)


@pytest.mark.parametrize(
    "recipe", [RECIPE, BASELINE, ROLLING], ids=["residual", "baseline", "rolling"]
)
def test_a_fold_is_predicted_to_the_bit_by_the_version_that_would_have_served(
    data: Dataset, recipe: Recipe
) -> None:
    # the version that serves learned in the month before the fold: its window begins one earlier
    fold = walk_recipe(data, recipe).folds[-1]
    test = data.rows(fold.split.test)
    if recipe.rolling_months is not None:
        recipe = recipe.model_copy(update={"window": f"rolling:{recipe.rolling_months - 1}"})
    until_then = data.rows(data.trading_day < test.trading_day.min())

    predictions = predict_fold(data, fold, recipe, "x").predictions
    served = fit_to_serve(until_then, recipe, "x", judged_on=until_then).bundle.predict(test)

    for field in fields(Predictions):
        np.testing.assert_array_equal(
            getattr(predictions, field.name), getattr(served, field.name)
        )


def test_the_judged_version_trains_on_the_recipe_s_window_alone(data: Dataset) -> None:
    split = fit(data, ROLLING, "x", questions=("directional",)).split
    months = data.trading_day.astype("datetime64[M]").astype(int)

    assert months[split.learned].min() == months[split.test].min() - 8
    assert len(split.calibrate) / len(split.learned) == pytest.approx(0.25, abs=0.01)


def test_a_version_trains_on_all_settled_rows(data: Dataset) -> None:
    open_rows = np.arange(len(data)) >= len(data) - 4
    latest = replace(data, resolved_minute=np.where(open_rows, NOT_RESOLVED, data.resolved_minute))
    fitted = fit_to_serve(latest, RECIPE, "x", judged_on=data.rows(slice(0, 30)))
    trained = fitted.bundle.trained

    np.testing.assert_array_equal(fitted.split.learned, np.arange(len(data) - 4))
    assert trained["train"]["rows"] == len(data) - 4
    assert trained["last_day"] == str(data.trading_day[-5])
    assert fitted.bundle.version.startswith(trained["last_day"].replace("-", ""))
    assert trained["test"]["last_day"] == str(data.trading_day[29])
    assert fitted.bundle.baselines == fit_baselines(data.rows(~open_rows))


def test_trees_are_grown_anew_as_many_as_were_found(data: Dataset) -> None:
    first = fit(data, RECIPE, "x", questions=("directional",))
    # breaks of the held-back days turned round: as many trees, of other leaves
    held_back = np.isin(np.arange(len(data)), first.split.calibrate)
    turned = replace(
        data, direction=np.where(held_back, -data.direction, data.direction).astype(np.int16)
    )
    second = fit(turned, RECIPE, "x", questions=("directional",))
    counts = []
    for fitted in (first, second):
        text = fitted.bundle.texts["directional"]
        assert text is not None
        counts.append(models.boosting.lgb.Booster(model_str=text).num_trees())
        assert counts[-1] == fitted.bundle.records["directional"].rounds

    assert counts[0] == counts[1]
    assert first.bundle.texts["directional"] != second.bundle.texts["directional"]


def test_the_rows_judged_on_are_not_trained_on(data: Dataset) -> None:
    first = fit(data, RECIPE, "x")
    unseen = np.isin(np.arange(len(data)), first.split.test)
    turned = replace(
        data, direction=np.where(unseen, -data.direction, data.direction).astype(np.int16)
    )
    assert fit(turned, RECIPE, "x").bundle.version == first.bundle.version


@pytest.mark.parametrize(
    ("days", "message"),
    [(12, "training part has 9 trading days"), (39, "calibration part has 9 .*10")],
)
def test_too_little_history_to_serve_is_refused_with_what_is_needed(
    days: int, message: str
) -> None:
    data = dataset(days)
    fractions = (0.6, 0.2, 0.2) if days == 12 else (0.6, 0.18, 0.22)
    with pytest.raises(TooFewSamplesError, match=message):
        up_to_the_end(data, fractions, 0)
