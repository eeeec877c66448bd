"""From predictions to a decision: planted skill is promoted, noise and chance are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.judge_traps import best_of_noise
from ml_core.evidence.out_of_sample import OutOfSamplePredictions
from ml_core.evidence.promotion.collect_evidence import collect_evidence
from ml_core.evidence.promotion.injection import finds_injected_signal
from ml_core.evidence.promotion.rule import Decision, decide
from ml_core.ranges.labels import DOWN, UP
from tests.ml_core.evidence.walks import RECIPE, by_seed, walk_predictions
from tests.ml_core.learning.synthetic import dataset


def promotion_decision(
    mine: tuple[OutOfSamplePredictions, ...],
    champion: OutOfSamplePredictions | None = None,
    trials: int = 1,
) -> Decision:
    return decide(
        collect_evidence(
            "mine",
            mine,
            champion,
            champion_is_baseline=champion is None,
            lookahead_clean=True,
            signal_found=True,
            trials=trials,
        )
    )


def test_a_planted_effect_is_promoted_over_the_baseline() -> None:
    decision = promotion_decision(by_seed(0.8))
    assert [
        condition.name for condition in decision.conditions if condition.status != "holds"
    ] == []


def test_nothing_planted_is_not_promoted() -> None:
    assert not promotion_decision(by_seed(0.0, seed=1)).promote


def test_a_champion_that_is_as_good_stays() -> None:
    decision = promotion_decision(by_seed(0.8), champion=walk_predictions(0.8))
    assert not decision.promote
    assert "log loss better than champion fails" in decision.verdict


def test_sixty_per_cent_accuracy_with_losing_trades_is_no_trading_claim() -> None:
    mine = tuple(
        replace(
            seeded,
            predictions=replace(
                seeded.predictions, recommendation=np.where(seeded.predictions.p_up >= 0.5, 1, -1)
            ),
            test=replace(seeded.test, r_net=np.full(len(seeded), -0.1)),
        )
        for seeded in by_seed(0.8)
    )
    broke = np.isin(mine[0].test.direction, (UP, DOWN))
    right = (mine[0].predictions.p_up >= 0.5) == (mine[0].test.direction == UP)
    assert right[broke].mean() > 0.6
    decision = promotion_decision(mine)
    assert decision.promote
    assert not decision.trading_claim
    assert decision.trading.status == "fails"


def test_the_best_of_five_hundred_noise_recipes_is_refused() -> None:
    decision = best_of_noise(walk_predictions(0.0, kind="baseline"), 500, seed=1)
    states = {condition.name: condition.status for condition in decision.conditions}
    assert not decision.promote
    assert states["trials paid for"] == "fails"


def test_a_recipe_that_can_learn_finds_the_injected_signal_and_one_that_cannot_does_not() -> None:
    data = dataset(900, seed=4)
    injected = finds_injected_signal(data, RECIPE)
    assert injected.recovered
    assert 0.4 * injected.possible < injected.gain < 1.3 * injected.possible
    deaf = RECIPE.model_copy(
        update={"directional": RECIPE.directional.model_copy(update={"min_data_in_leaf": 5000})}
    )
    assert not finds_injected_signal(data, deaf).recovered


def test_a_signal_of_no_strength_is_not_found() -> None:
    assert not finds_injected_signal(dataset(900, seed=4), RECIPE, strength=0.0).recovered
