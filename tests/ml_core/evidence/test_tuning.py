"""Tuning looks at nothing that is held out, and the same values are the same recipe."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ml_core.evidence.tuning import (
    NotTunableError,
    TooFewFoldsError,
    scores_by_fold,
    suggested,
    tuning_folds,
)
from ml_core.learning.models import QUESTIONS, Question
from ml_core.learning.recipe import load_recipe, recipe_text
from tests.ml_core.evidence.walks import BASELINE, RECIPE
from tests.ml_core.learning.synthetic import dataset


class Middle:
    """Suggests the middle of every span."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        del name, log
        return (low + high) // 2

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        del name, log
        return (low + high) / 2


@pytest.mark.parametrize("holdout", [0, 1, 6])
def test_no_fold_reaches_into_the_holdout(holdout: int) -> None:
    data = dataset(900)
    tuning = tuning_folds(data, RECIPE, 3, holdout)
    assert len(tuning.folds) == 3
    for fold in tuning.folds:
        rows = np.concatenate([fold.split.train, fold.split.calibrate, fold.split.test])
        assert data.trading_day[rows].max() < np.datetime64(tuning.holdout_from)
    months = (
        data.trading_day[-1].astype("M8[M]") - np.datetime64(tuning.holdout_from).astype("M8[M]")
    ).astype(int)
    assert months == max(holdout - 1, 0)


def test_too_short_a_history_says_how_many_folds_there_are() -> None:
    with pytest.raises(TooFewFoldsError, match=r"\d folds can be judged before the holdout"):
        tuning_folds(dataset(900), RECIPE, 40, 6)
    with pytest.raises(NotTunableError, match="nothing to tune"):
        tuning_folds(dataset(900), BASELINE, 3, 6)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_values_are_the_same_recipe_and_only_one_model_changes(
    question: Question,
) -> None:
    one, other = (suggested(Middle(), RECIPE, question) for _ in range(2))
    assert one == other
    assert one.name.startswith("tuned-")
    assert one.hash != RECIPE.hash
    for unchanged in set(QUESTIONS) - {question}:
        assert getattr(one, unchanged) == getattr(RECIPE, unchanged)


def test_a_recipe_is_read_back_from_its_text(tmp_path: Path) -> None:
    made = suggested(Middle(), RECIPE, "quality")
    path = tmp_path / "r.toml"
    path.write_text(recipe_text(made))
    assert load_recipe(path) == made


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_score_is_over_all_unseen_rows_so_far(question: Question) -> None:
    data = dataset(700, effect=0.8)
    tuning = tuning_folds(data, RECIPE, 2, 2)
    scores = list(scores_by_fold(data, tuning.folds, RECIPE, "d", question))
    again = list(scores_by_fold(data, tuning.folds[:1], RECIPE, "d", question))
    assert len(scores) == 2
    assert scores[0] == again[0]
    if question == "directional":
        assert scores[-1][0] < scores[-1][1]


def test_the_holdout_is_counted_in_whole_months() -> None:
    tuning = tuning_folds(dataset(900), RECIPE, 2, 6)
    assert tuning.holdout_from == date(2023, 1, 1)
