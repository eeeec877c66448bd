"""The JSON form of a prediction, and of its part in a ledger entry."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ml_core.decision.entry import Outputs
from ml_core.json_values import json_values
from ml_core.learning.predictions.prediction import NoveltyScore, Prediction
from tests.predictions import NOVEL, predicted


@pytest.mark.parametrize(
    "outputs",
    [
        Outputs(),
        Outputs(detail="20240601-ab expired on 2024-07-16"),
        Outputs(detail="late", breaker="open", breaker_cause="drawdown", clock_behind_seconds=9.5),
        Outputs(prediction=predicted(novelty=None)),
        Outputs(
            prediction=predicted(novelty=replace(NOVEL, too_many_silenced=True)),
            fallback="champion v-1 is not usable",
            code="c" * 64,
            last_bar_minute=28_620_000,
            after_training=False,
            breaker="half_open",
            breaker_cause="drift",
        ),
    ],
)
def test_outputs_are_read_back_from_json_text_as_they_were(outputs: Outputs) -> None:
    assert Outputs.from_json(json.loads(json.dumps(outputs.to_json()))) == outputs


def test_outputs_without_a_prediction_name_only_what_there_is() -> None:
    assert Outputs().to_json() == {}
    assert Outputs(detail="too old").to_json() == {"detail": "too old"}


def test_a_prediction_s_values_and_where_it_comes_from_stand_side_by_side() -> None:
    values = Outputs(prediction=predicted(), code="c").to_json()
    assert (values["p_up_given_break"], values["level"], values["code"]) == (0.6, "low", "c")
    assert (values["fallback"], values["novelty"]["novel"]) == (None, False)
    assert values["reasons"][0]["feature"] == "day_of_week"
    assert not {"detail", "breaker", "clock_behind_seconds", "prediction"} & set(values)


def test_a_row_of_a_release_that_judged_no_novelty_is_read() -> None:
    values = json_values(predicted())
    del values["novelty"]
    assert Prediction.from_json(values) == predicted(novelty=None)


def test_an_old_score_without_stored_words_names_its_features() -> None:
    before = {"dissimilarity": 1.5, "threshold": 0.7, "novel": True, "features": [["atr20", 0.9]]}
    assert NoveltyScore.from_json(before) == replace(NOVEL, words=("atr20 (90%)",))
