"""Tuning never uses held-out days, and equal values give the same recipe."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ml_core.evidence.out_of_sample import joined, predict_fold
from ml_core.evidence.promotion.collect_evidence import collect_evidence
from ml_core.evidence.promotion.rule import decide
from ml_core.evidence.tuning import (
    NothingToScoreError,
    NotTunableError,
    TooFewFoldsError,
    fold_losses,
    mean_losses,
    suggested,
    tuning_folds,
)
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.folds import Fold, walk_recipe
from ml_core.learning.recipe import Recipe, load_recipe, write_recipe
from ml_core.learning.version_folder import QUESTIONS, Question
from ml_core.ranges.labels import NONE
from tests.ml_core.evidence.walks import BASELINE, RECIPE
from tests.ml_core.learning.synthetic import dataset


def score(data: Dataset, folds: tuple[Fold, ...], recipe: Recipe) -> float:
    """Return a recipe's mean loss of the direction."""
    losses = [fold_losses(data, fold, recipe, "d", "directional") for fold in folds]
    return mean_losses(losses, "directional")[0]


class Middle:
    """A trial that suggests the middle of every range."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        del name, log
        return (low + high) // 2

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        del name, log
        return (low + high) / 2


class Drawn:
    """A trial that suggests seeded random values."""

    def __init__(self, seed: int) -> None:
        self._draw = np.random.default_rng(seed)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return int(self.suggest_float(name, low, high, log=log))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        del name
        if log:
            return float(np.exp(self._draw.uniform(np.log(low), np.log(high))))
        return float(self._draw.uniform(low, high))


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
    write_recipe(path, made)
    assert load_recipe(path) == made


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_score_is_over_all_unseen_rows_so_far(question: Question) -> None:
    data = dataset(700, effect=0.8)
    tuning = tuning_folds(data, RECIPE, 2, 2)
    losses = [fold_losses(data, fold, RECIPE, "d", question) for fold in tuning.folds]
    model, baseline = mean_losses(losses, question)
    rows = np.concatenate([fold.model for fold in losses])
    assert model == pytest.approx(sum(rows) / len(rows))
    assert len(losses[0]) < len(rows)
    if question == "directional":
        assert model < baseline


def test_the_holdout_is_counted_in_whole_months() -> None:
    tuning = tuning_folds(dataset(900), RECIPE, 2, 6)
    assert tuning.holdout_from == date(2023, 1, 1)


def test_bars_that_come_in_later_leave_the_search_the_same() -> None:
    data = dataset(900)
    early = data.rows(np.arange(len(data) - 9))  # three days fewer, of the same month
    one, other = tuning_folds(data, RECIPE, 2, 6), tuning_folds(early, RECIPE, 2, 6)
    assert one.digest == other.digest
    assert one.digest != tuning_folds(data, RECIPE, 2, 5).digest
    revised = replace(data, size_ticks=data.size_ticks + (np.arange(len(data)) == 5))
    assert tuning_folds(revised, RECIPE, 2, 6).digest != one.digest


def test_held_out_days_never_change_a_score() -> None:
    data = dataset(900)
    held_out = data.trading_day >= np.datetime64(tuning_folds(data, RECIPE, 2, 6).holdout_from)
    other = replace(
        data,
        direction=np.where(held_out, -data.direction, data.direction),
        features=np.where(held_out[:, None], 99.0, data.features),
    )
    before, after = (
        score(part, tuning_folds(part, RECIPE, 2, 6).folds, RECIPE) for part in (data, other)
    )
    assert before == after


def test_folds_without_an_outcome_are_named() -> None:
    data = dataset(700)
    tuning = tuning_folds(data, RECIPE, 1, 2)
    silent = data.direction.copy()
    silent[tuning.folds[0].split.test] = NONE
    with pytest.raises(NothingToScoreError, match="no opening range in 2022Q"):
        score(replace(data, direction=silent), tuning.folds, RECIPE)


def test_the_best_of_many_trials_on_noise_is_not_promoted() -> None:
    trials = 8
    data = dataset(900, seed=5)
    tuning = tuning_folds(data, RECIPE, 2, 6)
    tried = [suggested(Drawn(seed), RECIPE, "directional") for seed in range(trials)]
    assert tried == [suggested(Drawn(seed), RECIPE, "directional") for seed in range(trials)]

    best = min(tried, key=lambda recipe: score(data, tuning.folds, recipe))
    by_seed = tuple(
        joined(
            [
                predict_fold(data, fold, best.with_seed(number), "d", ("directional",))
                for fold in walk_recipe(data, best).folds
            ]
        )
        for number in range(best.seeds)
    )
    evidence = collect_evidence(
        best.name,
        by_seed,
        None,
        champion_is_baseline=True,
        lookahead_clean=True,
        signal_found=True,
        trials=trials,
    )
    assert not decide(evidence).promote
