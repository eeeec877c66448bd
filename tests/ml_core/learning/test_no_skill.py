"""No skill means the baseline: trees that do not beat it do not serve."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml_core.evidence.evaluate import evaluate
from ml_core.json_values import json_values
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.inference import Predictor
from ml_core.learning.models.gain import Gain, gain_over_days
from ml_core.learning.models.own_baseline import (
    JUDGED_HERE,
    LEVEL,
    ModelRecord,
    beats_baseline,
)
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle, write_bundle
from ml_core.learning.version_folder import QUESTIONS, Question
from ml_core.ranges.labels import LOSS, WIN
from tests.ml_core.learning.synthetic import dataset

RESIDUAL = Recipe(name="test-residual", kind="residual")
DAYS = np.datetime64("2024-01-01") + np.arange(200)


def test_rows_of_one_day_count_as_one_draw() -> None:
    draw = np.random.default_rng(0)
    saved = draw.normal(0.1, 1.0, 200)

    once = gain_over_days(saved, DAYS)
    four_times = gain_over_days(np.repeat(saved, 4), np.repeat(DAYS, 4))

    assert once.error == pytest.approx(saved.std(ddof=1) / np.sqrt(200))
    assert (four_times.mean, four_times.error) == pytest.approx((once.mean, once.error))
    assert (four_times.rows, four_times.days) == (800, 200)


@pytest.mark.parametrize(
    ("gain", "kept"),
    [
        (Gain(0.002, 0.001, 900, 300), True),
        (Gain(0.001, 0.001, 900, 300), False),
        (Gain(-0.002, 0.001, 900, 300), False),
        (Gain(0.002, 0.0, 3, 1), False),
        (gain_over_days(np.empty(0), DAYS[:0]), False),
    ],
    ids=["more than one", "one", "a loss", "a single day", "no row"],
)
def test_a_gain_counts_from_more_than_one_standard_error(gain: Gain, kept: bool) -> None:
    assert gain.exceeds_one_error is kept
    assert Gain(**json_values(gain)) == gain


def test_of_markets_without_an_edge_four_in_five_are_served_the_corridor_to_the_bit() -> None:
    same = []
    for seed in range(100, 130):
        data = dataset(500, seed=seed)
        fitted = fit(data, RESIDUAL, "x", questions=("directional",))
        predictions = fitted.bundle.predict(data.rows(fitted.split.test))
        same.append(np.array_equal(predictions.p_up, predictions.baseline_p_up))
    assert np.mean(same) >= 0.8


def _no_model_learns(effect: float = 0.0) -> Dataset:
    """A market in which every breakout and trade follows the baselines."""
    data = dataset(500, effect=effect, seed=3)
    won = np.arange(len(data)) % 2 == 0
    return replace(
        data,
        outcome=np.where(won, WIN, LOSS).astype(np.int16),
        r_net=np.where(won, 1.0, -1.0) - data.cost_ticks / data.risk_ticks,
    )


@pytest.fixture(scope="module")
def without_trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Bundle, Path]:
    data = _no_model_learns()
    fitted = fit(data, RESIDUAL, "x")
    folder = tmp_path_factory.mktemp("version")
    metrics = json_values(evaluate(fitted.bundle, data.rows(fitted.split.test)))
    reference = data.rows(fitted.split.learned)
    write_bundle(fitted.bundle, folder, metrics=metrics, card="# A card", reference=reference)
    return data, load_bundle(folder), folder


def test_a_version_without_trees_is_its_baselines_when_read_back(
    without_trees: tuple[Dataset, Bundle, Path],
) -> None:
    data, bundle, folder = without_trees
    predictions = bundle.predict(data)

    assert not any((folder / f"{question}.txt").exists() for question in QUESTIONS)
    np.testing.assert_array_equal(predictions.p_up, predictions.baseline_p_up)
    for side in (0, 1):
        np.testing.assert_array_equal(predictions.p_win[:, side], predictions.baseline_p_win)
        np.testing.assert_array_equal(predictions.net_r[:, side], predictions.baseline_net_r)


def test_a_version_without_trees_explains_itself_by_the_corridor_and_judges_novelty(
    without_trees: tuple[Dataset, Bundle, Path],
) -> None:
    data, bundle, _ = without_trees
    prediction = Predictor(bundle).predict(data.rows(np.array([7])), 0.0)

    assert [reason.feature for reason in prediction.reasons] == ["corridor"]
    assert prediction.risk_adjustment == 1.0
    assert prediction.novelty is not None
    assert all(not shares for shares in bundle.importance.values())


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_model_records_the_gain_of_its_trees_and_that_none_was_kept(
    without_trees: tuple[Dataset, Bundle, Path], question: Question
) -> None:
    record = without_trees[1].trained["models"][question]

    assert (record["learned"], record["rounds"]) == (False, 0)
    gain = Gain(**record["stopping_gain"])
    assert gain.mean <= gain.error


def test_a_direction_that_is_found_leaves_entry_and_net_r_to_their_baselines() -> None:
    data = _no_model_learns(effect=0.8)
    bundle = fit(data, RESIDUAL, "x").bundle
    predictions = bundle.predict(data)

    assert not np.array_equal(predictions.p_up, predictions.baseline_p_up)
    np.testing.assert_array_equal(predictions.p_win[:, 0], predictions.baseline_p_win)
    np.testing.assert_array_equal(predictions.net_r[:, 1], predictions.baseline_net_r)


def _with_entries(data: Dataset, effect: float, until: int) -> Dataset:
    """Let feature ``f1`` shift trades by ``effect`` (log-odds) in the first ``until`` rows."""
    draw = np.random.default_rng(11)
    margin = np.where(np.arange(len(data)) < until, effect, 0.0) * np.sign(data.features[:, 1])
    won = draw.random(len(data)) < 1 / (1 + np.exp(-margin))
    return replace(
        data,
        outcome=np.where(won, WIN, LOSS).astype(np.int16),
        r_net=np.where(won, 1.0, -1.0) - data.cost_ticks / data.risk_ticks,
    )


def test_models_of_entry_and_net_r_that_beat_their_baselines_are_used() -> None:
    data = _with_entries(dataset(500, seed=3), 1.0, until=1500)
    bundle = fit(data, RESIDUAL, "x").bundle
    prediction = Predictor(bundle).predict(data.rows(np.array([7])), 0.0)

    assert {"quality", "r_multiple"} <= set(bundle.models)
    assert prediction.models == bundle.models
    assert "target before stop by its model, net R by its model" in prediction.answered_by


def test_models_whose_gain_ends_with_their_training_days_are_not_used() -> None:
    # of 500 days the first 300 train: the trees are kept, and fail on the held-back days
    data = _with_entries(dataset(500, seed=3), 1.0, until=900)
    bundle = fit(data, RESIDUAL, "x").bundle
    predictions = bundle.predict(data)

    for question in JUDGED_HERE:
        record = bundle.records[question]
        assert record.learned
        assert not record.serves
        assert not bundle.importance[question]
        assert question not in bundle.calibrators
    assert not set(bundle.models) & set(JUDGED_HERE)
    np.testing.assert_array_equal(predictions.p_win[:, 0], predictions.baseline_p_win)
    np.testing.assert_array_equal(predictions.net_r[:, 1], predictions.baseline_net_r)


def test_a_worthless_model_is_used_as_seldom_as_stated() -> None:
    draw = np.random.default_rng(0)
    day = np.repeat(DAYS, 3)
    # rows of a day move together
    tries = (
        gain_over_days(np.repeat(draw.standard_t(4, 200), 3) + draw.normal(0, 1, 600), day)
        for _ in range(4000)
    )
    share = np.mean([beats_baseline(gain) for gain in tries])
    assert share == pytest.approx(LEVEL, abs=0.015)


@pytest.mark.parametrize(
    ("gain", "say"),
    [
        (Gain(1.0, 0.1, 90, 30), True),
        (Gain(1.0, 0.1, 87, 29), False),
        (Gain(1.0, 0.0, 90, 30), False),
        (Gain(float("nan"), float("nan"), 90, 30), False),
    ],
    ids=["30 days", "29 days", "no spread", "not a number"],
)
def test_without_enough_days_or_a_figure_there_is_no_say(gain: Gain, say: bool) -> None:
    assert beats_baseline(gain) is say


def test_a_record_is_read_back_and_an_old_one_serves_if_it_learned() -> None:
    record = ModelRecord(
        rounds=9,
        rows=400,
        serves=False,
        stopping_loss_baseline=0.6,
        stopping_loss_model=0.59,
        stopping_gain=Gain(0.01, 0.005, 90, 30),
        held_back_gain=Gain(-0.01, 0.005, 90, 30),
        constant_features=("f1",),
    )
    assert ModelRecord.from_json(json.loads(json.dumps(json_values(record)))) == record
    for learned in (True, False):
        before = {"rounds": 9, "rows": 400, "learned": learned, "constant_features": []}
        assert ModelRecord.from_json(before).serves is learned
