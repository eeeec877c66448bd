"""A small walk-forward study in ml_core's form, from invented rows."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from ml_core.evidence.evaluate import evaluate_predictions
from ml_core.evidence.out_of_sample import joined, predict_fold
from ml_core.json_values import json_values
from ml_core.learning.folds import walk_recipe
from ml_core.learning.recipe import Recipe
from tests.ml_core.learning.synthetic import dataset

RECIPE = Recipe(name="baseline", kind="baseline")
SETTINGS: dict[str, Any] = {
    "recipe": "baseline",
    "recipe_hash": RECIPE.hash,
    "refit": "quarter",
    "window": "rolling:24",
    "from": "2021-10-01",
    "to": None,
    "embargo_days": 1,
    "interval": 0.8,
}
_INTERVAL = {"estimate", "low", "high", "rows", "days", "error"}


@cache
def _walked() -> dict[str, Any]:
    data = dataset(days=700)
    walk = walk_recipe(data, RECIPE)
    predictions = joined([predict_fold(data, fold, RECIPE, "f" * 64) for fold in walk.folds])
    return json_values(evaluate_predictions(predictions, "baseline", "walk-1"))


def study() -> dict[str, Any]:
    """Return a fresh copy of what Evaluation.to_json returns for all folds."""
    return copy.deepcopy(_walked())


def without_figures(value: Any) -> Any:
    """Make all its intervals and scores unknown, except counts."""
    if isinstance(value, list):
        return [without_figures(item) for item in value]
    if not isinstance(value, dict):
        return None if isinstance(value, float) else value
    if value.keys() == _INTERVAL:
        return {name: value[name] if name in {"rows", "days"} else None for name in value}
    kept = {"reliability", "equity"}
    return {name: item if name in kept else without_figures(item) for name, item in value.items()}
