"""The cost of questions, and that their thresholds keep the family-wise error rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from ml_core.evidence.promotion.rule import decide
from ml_core.evidence.promotion.trial_cost import trial_cost
from ml_core.evidence.sequential import e_process
from ml_core.json_values import json_values
from ml_core.learning.models.calibration import expit, logit
from tests.ml_core.evidence.test_promotion import GOOD, failed, with_first


def test_one_question_alone_costs_nothing_more() -> None:
    cost = trial_cost(1, 1)

    assert (cost.paid_for, cost.e_wanted, cost.z_wanted) == (1, 20.0, cost.z_alone)
    assert cost.z_alone == pytest.approx(norm.isf(0.025))
    assert cost.words.startswith("1 question tested: no further correction; a gain of 0.01 ")
    assert cost.rows_needed == cost.rows_alone


def test_questions_and_families_share_one_budget() -> None:
    cost = trial_cost(25, 2)

    assert cost.paid_for == 50
    assert cost.e_wanted == pytest.approx(1000.0)
    assert cost.z_wanted == pytest.approx(norm.isf(1 - (1 - 0.025) ** (1 / 50)))
    assert (
        "25 questions tested on this family of 2, corrected for as 50: 3.29 standard"
    ) in cost.words
    assert cost.rows_needed is not None
    assert cost.rows_alone is not None
    assert cost.rows_needed > cost.rows_alone
    # the level of all questions of all families together is at most alpha
    assert 2 * 25 / cost.e_wanted <= 0.05 + 1e-12


def test_another_family_makes_the_rule_as_much_stricter_as_twice_the_questions() -> None:
    enough_for_ten = with_first(e_value=10 / 0.05)

    assert decide(replace(enough_for_ten, trials=10)).promote
    assert decide(replace(enough_for_ten, trials=5, families=2)).promote
    refused = decide(replace(enough_for_ten, trials=6, families=2))
    assert set(failed(refused)) == {"valid at any look", "enough rows"}


def test_every_verdict_states_the_cost_of_its_questions() -> None:
    decision = decide(replace(GOOD, trials=7))

    assert decision.cost is not None
    assert decision.cost.words in decision.reasons
    assert json_values(decision)["cost"]["questions"] == 7
    assert decide(replace(GOOD, trials=None)).cost is None


def test_fifty_questions_on_five_null_markets_are_wrong_at_most_as_often_as_alpha() -> None:
    """Checked after each day; the markets of a world share their days' luck, like real ones."""
    draw = np.random.default_rng(20261129)
    worlds, families, questions, rows = 40, 5, 10, 120
    day = np.repeat(np.arange(rows // 6), 6).astype("datetime64[D]")
    wrong = 0
    wanted = trial_cost(questions, families).e_wanted
    for _ in range(worlds):
        truth = (draw.random(rows) + 0.15) / 1.3
        happened = draw.random(rows) < truth
        highest = 0.0
        for _ in range(families * questions):
            ours = expit(logit(truth) + draw.normal(0.0, 0.3, rows))
            highest = max(highest, float(e_process(ours, truth, happened, day, True).max()))
        wrong += highest >= wanted
    assert wrong <= 2 + 0.05 * worlds
