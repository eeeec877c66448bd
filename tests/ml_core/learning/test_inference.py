"""The live prediction: sums to one, gives its reasons, and is cached for five minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from ml_core.json_values import json_values
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.inference import OneRowError, Predictor
from ml_core.learning.predictions.predict import Predictions, predict
from ml_core.learning.predictions.reasons import model_reasons
from ml_core.learning.recipe import Recipe
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, NONE, UP
from tests.ml_core.builders import mgc, walk


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Breakouts that mostly follow the hour before, so that there are trees and reasons."""
    bars = walk(date(2023, 1, 3), date(2023, 12, 29), seed=8, contracts=("MGCG3", "MGCJ3"))
    drawn = assemble(
        bars, mgc(), LabelSpec(), first=date(2023, 3, 1), last=date(2023, 12, 29)
    ).dataset
    follows = np.random.default_rng(8).random(len(drawn)) < 0.9
    rising = drawn.column("change_60m") > 0
    direction = np.where(rising == follows, UP, DOWN).astype(np.int16)
    return replace(drawn, direction=np.where(np.abs(drawn.direction) == UP, direction, NONE))


@pytest.fixture(scope="module")
def predictor(data: Dataset) -> Predictor:
    spec = {"min_data_in_leaf": 20, "early_stopping_rounds": 300, "learning_rate": 0.1}
    recipe = Recipe.model_validate(
        {"name": "eager", "kind": "residual", "directional": spec, "r_multiple": spec}
    )
    return Predictor(fit(data, recipe, "x").bundle)


def _row(data: Dataset, index: int) -> Dataset:
    return data.rows(np.array([index]))


def test_the_prediction_is_complete(data: Dataset, predictor: Predictor) -> None:
    answer = predictor.predict(_row(data, 700), 0.0)

    assert answer.p_up + answer.p_down + answer.p_none == pytest.approx(1.0)
    assert answer.confidence == pytest.approx(abs(2 * answer.p_up_given_break - 1))
    assert 0.5 <= answer.risk_adjustment <= 1.5
    assert answer.long.baseline_p_win == answer.short.baseline_p_win
    assert 0.4 < answer.long.baseline_p_win <= 0.5
    assert answer.long.win_worth == answer.short.win_worth
    assert answer.long.win_worth == pytest.approx(1.85, abs=0.15)
    assert answer.version == predictor.bundle.version
    assert json_values(answer)["long"]["expected_net_r"] == answer.long.expected_net_r


@pytest.mark.parametrize(("choice", "word"), [(1, "long"), (0, "skip"), (-1, "short")])
def test_the_side_that_is_recommended_is_named(
    data: Dataset,
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
    choice: int,
    word: str,
) -> None:
    def recommending(*given: Any, **more: Any) -> Predictions:
        return replace(predict(*given, **more), recommendation=np.array([choice]))

    monkeypatch.setattr("ml_core.learning.inference.predict", recommending)
    assert Predictor(predictor.bundle).predict(_row(data, 700), 0.0).recommendation == word


def test_reasons_are_in_words_and_add_up(data: Dataset, predictor: Predictor) -> None:
    answer = predictor.predict(_row(data, 700), 0.0)

    corridor, *pushes = answer.reasons
    assert pushes[0].feature == "change_60m"
    assert pushes[0].value == _row(data, 700).column("change_60m")[0]
    assert corridor.feature == "corridor"
    assert corridor.words.startswith("price closed in the")
    assert "driftless price would break up" in corridor.words
    assert [abs(push.contribution) for push in pushes] == sorted(
        (abs(push.contribution) for push in pushes), reverse=True
    )
    for push in pushes:
        assert push.words.endswith(f"{push.contribution:+.2f}")


def test_the_pushes_of_all_features_add_up_to_the_models_margin(
    data: Dataset, predictor: Predictor
) -> None:
    booster = predictor.bundle.boosters()["directional"]
    assert booster is not None
    rows = data.rows(np.arange(0, len(data), 50))

    pushes = [model_reasons(booster, _row(rows, index), 80) for index in range(len(rows))]

    margins = booster.predict(rows.features, raw_score=True)
    common = margins - [sum(reason.contribution for reason in row) for row in pushes]
    assert len(rows) > 20
    assert np.ptp(margins) > 1
    np.testing.assert_allclose(common, common[0])


def test_a_prediction_is_cached_for_five_minutes(data: Dataset, predictor: Predictor) -> None:
    first = predictor.predict(_row(data, 710), 100.0)

    assert predictor.predict(_row(data, 710), 399.0) is first
    assert predictor.predict(_row(data, 711), 399.0) is not first
    later = predictor.predict(_row(data, 710), 401.0)
    assert later is not first
    assert later == first
    # a clock that steps back must not make an old prediction valid
    assert predictor.predict(_row(data, 710), 50.0) is not later


def test_one_row_is_the_same_as_many(data: Dataset, predictor: Predictor) -> None:
    predictions = predictor.bundle.predict(data)

    for index in (0, 500, 900):
        answer = predictor.predict(_row(data, index), 0.0)
        assert answer.p_up_given_break == predictions.p_up[index]
        assert answer.short.net_r == predictions.net_r[index, 1]


def test_a_decision_is_one_row(data: Dataset, predictor: Predictor) -> None:
    with pytest.raises(OneRowError, match="one row, not 2"):
        predictor.predict(data.rows(slice(0, 2)), 0.0)
