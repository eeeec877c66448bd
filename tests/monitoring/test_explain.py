"""Explained predictions: the gate that decided, and the change that would really suffice."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.decision.entry import Outputs
from ml_core.learning.predictions.predict import ensemble
from ml_core.learning.predictions.prediction import Prediction
from monitoring.explain import Explanation, explain
from tests.ml_core.learning.synthetic import entry_of
from tests.predictions import NOVEL, SIDE, predicted

COST = -0.2


def prediction_of(
    p_up: float, p_win: float, net_r: float, reward: float, otherwise: float = -1.0
) -> Prediction:
    both = np.array([[p_win, p_win]]), np.array([[net_r, net_r]])
    entry = entry_of(reward=reward, otherwise=otherwise, cost=COST)
    expected = ensemble(*both, entry)[0, 0]
    side = replace(
        SIDE,
        p_win=p_win,
        net_r=net_r,
        expected_net_r=float(expected),
        baseline_p_win=1.0 / (1.0 + reward),
        # an older version has no time limit and no recorded worth of a win
        win_worth=None if otherwise == -1.0 else float(entry.win_worth[0]),
    )
    return predicted(p_up_given_break=p_up, long=side, short=side, reasons=(), novelty=None)


def taken_apart(outputs: Outputs | Prediction, **more: Any) -> Explanation:
    usual = {"status": "predicted", "reason": None, "recommendation": "skip", "late": False}
    if isinstance(outputs, Prediction):
        outputs = Outputs(prediction=outputs)
    return explain(**{**usual, "outputs": outputs, **more})


@given(
    st.floats(0.5, 1.0),
    st.floats(0.1, 0.6),
    st.floats(-1.0, 0.1),
    st.sampled_from([1.0, 2.0]),
    st.sampled_from([-1.0, -0.7]),
)
def test_the_named_change_would_have_sufficed_and_a_smaller_one_would_not(
    p_up: float, p_win: float, net_r: float, reward: float, otherwise: float
) -> None:
    prediction = prediction_of(p_up, p_win, net_r, reward, otherwise)
    expected = prediction.long.expected_net_r
    if expected > 0:
        assert taken_apart(prediction).gates[2].passed
        return
    change = taken_apart(prediction).gates[2].change
    needed = p_win - 2.0 * expected / (reward - otherwise)
    if needed <= 1.0:
        assert f"P(win) of {needed:.1%}" in change
        done = prediction_of(p_up, needed, net_r, reward, otherwise).long.expected_net_r
        assert done == pytest.approx(0.0, abs=1e-9)
    else:
        assert "no P(win) alone" in change
    figure = re.search(r"or ([+-]\d+\.\d+) R from the R model", change)
    assert figure is not None
    with_figure = prediction_of(p_up, p_win, float(figure.group(1)), reward, otherwise)
    assert with_figure.long.expected_net_r == pytest.approx(0.0, abs=0.001)


def test_an_open_breaker_is_the_reason_even_for_a_profitable_trade() -> None:
    worth_it = prediction_of(0.7, 0.9, 0.5, 1.0)
    explanation = taken_apart(
        Outputs(prediction=worth_it, breaker="half_open", breaker_cause="drawdown")
    )
    assert explanation.gates[2].passed
    assert "circuit breaker was half open (drawdown)" in explanation.verdict


def test_a_recommendation_is_explained_too() -> None:
    explanation = taken_apart(prediction_of(0.3, 0.9, 0.5, 1.0), recommendation="short")
    assert explanation.verdict.startswith("Short was recommended")
    assert all(gate.passed for gate in explanation.gates)


def test_a_novel_range_names_its_index_threshold_features_and_a_sufficient_change() -> None:
    novel = replace(prediction_of(0.7, 0.9, 0.5, 1.0), novelty=NOVEL)
    explanation = taken_apart(novel, status="abstained", reason="novel_input", recommendation=None)
    assert "unlike anything the version was trained on" in explanation.verdict
    (gate,) = explanation.gates
    assert not gate.passed
    assert "dissimilarity 1.50, at most 0.70" in gate.words
    assert "20-day average true range (90%)" in gate.words
    assert gate.change == "a dissimilarity of 0.70 or less"


@pytest.mark.parametrize(
    ("too_many", "why"),
    [(False, "the corridor uses only"), (True, "too many recent slots")],
)
def test_a_novel_range_that_was_predicted_anyway_does_not_count_against_the_trade(
    too_many: bool, why: str
) -> None:
    score = replace(NOVEL, too_many_silenced=too_many)
    novel = replace(prediction_of(0.7, 0.9, 0.5, 1.0), novelty=score)
    explanation = taken_apart(novel, recommendation="long")
    assert explanation.verdict.startswith("Long was recommended")
    assert explanation.gates[1].passed
    assert f"predicted anyway, since {why}" in explanation.gates[1].words


def test_an_expired_version_is_named_with_its_expiry_and_the_remedy() -> None:
    explanation = taken_apart(
        Outputs(detail="20240601-abc expired on 2024-07-16"),
        status="abstained",
        reason="model_expired",
        recommendation=None,
    )
    assert "past its maximum age" in explanation.verdict
    assert "20240601-abc expired on 2024-07-16" in explanation.gates[0].words
    assert "nightly-retrain" in explanation.gates[0].change


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("holiday", "closed that day"),
        ("missed", "no prediction was made in time"),
        ("new_reason", "new reason"),
    ],
)
def test_an_abstention_states_its_reason_in_words(reason: str, words: str) -> None:
    explanation = taken_apart(Outputs(), status="abstained", reason=reason, recommendation=None)
    assert words in explanation.verdict
    assert not explanation.gates[0].passed
