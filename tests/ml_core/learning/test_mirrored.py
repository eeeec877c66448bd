"""Mirrored recipes: they predict the nearer edge, with features seen from that side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.models.calibration import logit
from ml_core.learning.models.inputs import FROM_SIDE, SIDE, Inputs, nearer_side
from ml_core.learning.predictions.reasons import model_reasons
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle, write_bundle
from ml_core.ranges.labels import DOWN, LOSS, UP, WIN
from tests.ml_core.learning.synthetic import dataset

UNMIRRORED = Recipe(name="as-ever", kind="residual", calibration="identity")
MIRRORED = UNMIRRORED.model_copy(update={"name": "mirrored", "mirrored": True})
NAMES = ("atr_trend", "change_60m", "above_yesterday_high", "above_yesterday_low", "current_sweep")
LEFT = np.array([[3.0, 0.5, -1.0, 2.0, 1.0], [3.0, -0.2, -4.0, np.nan, 0.0]])


def fair(days: int, seed: int) -> Dataset:
    """Return breakouts that follow the corridor, with features named as in the catalogue."""
    names = (
        "change_60m",
        "atr_trend",
        "above_yesterday_high",
        "above_yesterday_low",
        "body",
        "session_ratio",
    )
    return replace(dataset(days, seed=seed), feature_names=names)


def crossed(days: int, seed: int) -> Dataset:
    """Return breakouts at the nearer edge after a rising hour, and at the other after a fall."""
    data = fair(days, seed)
    towards = np.sign(data.column("change_60m")) * nearer_side(data)
    followed = np.random.default_rng([seed, 1]).random(len(data)) < 0.35
    direction = np.where(followed, np.where(towards > 0, UP, DOWN), data.direction)
    return replace(data, direction=direction.astype(data.direction.dtype))


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return fit(crossed(1000, 1), MIRRORED, "fingerprint", questions=("directional",)).bundle


def gain(bundle: Bundle, data: Dataset) -> float:
    """Return the corridor's log loss minus the model's, on breakouts."""
    broke = data.direction != 0
    up = data.direction[broke] == UP

    def loss(p: NDArray[np.float64]) -> float:
        return -float(np.mean(np.log(np.where(up, p[broke], 1 - p[broke]))))

    predictions = bundle.predict(data)
    return loss(predictions.baseline_p_up) - loss(predictions.p_up)


def test_seen_from_above_a_feature_is_itself_from_below_its_mirror_image() -> None:
    inputs = Inputs(NAMES, ("current_sweep",), "quality", mirrored=True)

    above, below = inputs.of(LEFT, 1.0), inputs.of(LEFT, -1.0)

    turning = NAMES[1:]
    assert inputs.names == [*NAMES, *(name + FROM_SIDE for name in turning), SIDE]
    assert [inputs.names[index] for index in inputs.codes] == [
        "current_sweep",
        "current_sweep" + FROM_SIDE,
    ]
    np.testing.assert_array_equal(above[:, :5], LEFT)
    np.testing.assert_array_equal(below[:, :5], LEFT)
    np.testing.assert_array_equal(above[:, 5:9], LEFT[:, 1:])
    wanted = [[-0.5, -2.0, 1.0, 2.0], [0.2, np.nan, 4.0, 0.0]]
    np.testing.assert_array_equal(below[:, 5:9], wanted)
    assert (above[:, 9] == 1).all()
    assert (below[:, 9] == -1).all()


def test_a_feature_without_its_counterpart_is_given_as_it_is_alone() -> None:
    inputs = Inputs(NAMES[:3], (), "quality", mirrored=True)
    assert inputs.names == [*NAMES[:3], "change_60m" + FROM_SIDE, SIDE]


def test_of_the_direction_a_feature_that_does_not_turn_is_given_times_the_side() -> None:
    inputs = Inputs(("atr_trend", "current_sweep"), (), "directional", mirrored=True)
    below = inputs.of(np.array([[3.0, 1.0]]), -1.0)
    assert below[0, inputs.names.index("atr_trend" + FROM_SIDE)] == -3.0
    code = Inputs(("atr_trend",), ("atr_trend",), "directional", mirrored=True)
    assert code.names == ["atr_trend", SIDE]


def test_an_effect_independent_of_the_nearer_edge_is_found_by_a_mirrored_recipe_too() -> None:
    def rising(seed: int) -> Dataset:
        data = fair(1000, seed)
        followed = np.random.default_rng([seed, 1]).random(len(data)) < 0.35
        towards = np.where(data.column("atr_trend") > 0, UP, DOWN)
        direction = np.where(followed, towards, data.direction)
        return replace(data, direction=direction.astype(data.direction.dtype))

    bundles = [
        fit(rising(1), recipe, "fingerprint", questions=("directional",)).bundle
        for recipe in (UNMIRRORED, MIRRORED)
    ]
    usual, mirrored = (gain(bundle, rising(2)) for bundle in bundles)
    assert mirrored > 0.01
    assert mirrored > 0.7 * usual


def test_a_recipe_that_is_not_mirrored_reads_what_it_always_read() -> None:
    assert Inputs(NAMES, (), "directional", mirrored=False).names == list(NAMES)
    assert Inputs(NAMES, (), "r_multiple", mirrored=False).names == [*NAMES, SIDE]
    assert UNMIRRORED.model_copy(update={"mirrored": False}).hash == UNMIRRORED.hash
    assert MIRRORED.hash != UNMIRRORED.model_copy(update={"name": "mirrored"}).hash


def test_an_effect_crossed_with_the_nearer_edge_is_found_by_a_mirrored_recipe_alone(
    bundle: Bundle,
) -> None:
    usual = fit(crossed(1000, 1), UNMIRRORED, "fingerprint", questions=("directional",)).bundle
    unseen = crossed(1000, 2)

    assert gain(bundle, unseen) > 0.01
    assert gain(usual, unseen) < 0.002


def test_without_trees_the_corridor_is_served_to_the_bit() -> None:
    data = fair(600, 3)
    alone = fit(data, MIRRORED, "fingerprint").bundle
    alone = replace(alone, texts=dict.fromkeys(alone.texts), calibrators={})
    predictions = alone.predict(data)
    np.testing.assert_array_equal(predictions.p_up, predictions.baseline_p_up)


def test_contributions_towards_up_add_up_to_the_model_s_margin(bundle: Bundle) -> None:
    data = crossed(400, 4)
    booster = bundle.boosters()["directional"]
    predictions = bundle.predict(data)
    margin = logit(predictions.p_up) - logit(predictions.baseline_p_up)

    pushes = np.array(
        [
            sum(
                reason.contribution
                for reason in model_reasons(
                    booster, data.rows(np.array([index])), 80, mirrored=True
                )
            )
            for index in range(len(data))
        ]
    )

    # what trees predict for every row alike is no feature's push: it goes to the nearer edge
    common = (margin - pushes) * nearer_side(data)
    assert np.ptp(margin) > 0.3
    np.testing.assert_allclose(common, common[0], atol=1e-9)


def test_importance_counts_both_columns_of_a_feature_as_one(bundle: Bundle) -> None:
    shares = bundle.importance["directional"]
    assert max(shares, key=shares.__getitem__) == "change_60m"
    assert set(shares) <= {*bundle.feature_names, SIDE}
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_saved_version_predicts_what_it_did(bundle: Bundle, tmp_path: Path) -> None:
    data = crossed(400, 5)
    write_bundle(bundle, tmp_path, metrics={}, card="", reference=crossed(1000, 1))
    loaded = load_bundle(tmp_path)
    np.testing.assert_array_equal(loaded.predict(data).p_up, bundle.predict(data).p_up)


def test_a_trade_is_judged_from_its_own_side() -> None:
    """Trades with the last hour's move win: one split seen from the side, two useless without."""
    data = fair(1000, 6)
    along = np.sign(data.column("change_60m")) == data.direction
    wins = np.random.default_rng(7).random(len(data)) < np.where(along, 0.75, 0.25)
    outcome = np.where(wins, WIN, LOSS).astype(data.outcome.dtype)
    data = replace(data, outcome=outcome)
    version = fit(data, MIRRORED, "fingerprint", questions=("quality",)).bundle

    p_win = version.predict(data).p_win
    rising = data.column("change_60m") > 0
    assert p_win[rising, 0].mean() > p_win[rising, 1].mean() + 0.05
    assert p_win[~rising, 1].mean() > p_win[~rising, 0].mean() + 0.05
