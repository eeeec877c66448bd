"""Walk-forward predictions on synthetic rows, made once by the real code."""

from __future__ import annotations

from functools import cache

from ml_core.evidence.out_of_sample import OutOfSamplePredictions, joined, predict_fold
from ml_core.learning.folds import walk_recipe
from ml_core.learning.recipe import BoosterSpec, Recipe
from tests.ml_core.learning.synthetic import dataset

QUICK = BoosterSpec(max_rounds=60, early_stopping_rounds=10, min_data_in_leaf=40)
RECIPE = Recipe(name="quick", kind="residual", directional=QUICK, quality=QUICK, r_multiple=QUICK)
BASELINE = Recipe(name="baseline", kind="baseline")


@cache
def walk_predictions(
    effect: float = 0.0, seed: int = 0, days: int = 900, kind: str = "residual"
) -> OutOfSamplePredictions:
    """Return the predictions of a quick recipe, or the baseline, on rows with a planted effect."""
    return by_seed(effect, seed, days, kind)[0]


@cache
def by_seed(
    effect: float = 0.0, seed: int = 0, days: int = 900, kind: str = "residual"
) -> tuple[OutOfSamplePredictions, ...]:
    """Return the same with each training seed."""
    recipe = RECIPE if kind == "residual" else BASELINE
    data = dataset(days, effect=effect, seed=seed)
    walk = walk_recipe(data, recipe)
    count = recipe.seeds if kind == "residual" else 1
    return tuple(
        joined(
            [
                predict_fold(data, fold, recipe.with_seed(number), "data", ("directional",))
                for fold in walk.folds
            ]
        )
        for number in range(count)
    )
