"""Limits of learning and predicting, each at its edge and against closed formulas."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.inference import Predictor, level_of
from ml_core.learning.models.baselines import Baselines, corridor_probability, fit_baselines
from ml_core.learning.models.calibration import IDENTITY, Method, fit_calibrator, logit
from ml_core.learning.predictions.intervals import conformal_ends
from ml_core.learning.predictions.novelty import Novelty, fit_novelty, may_silence
from ml_core.learning.predictions.predict import ensemble, recommend
from ml_core.learning.predictions.prediction import NoveltyScore
from ml_core.learning.recipe import Recipe
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, UP
from tests.ml_core.learning.synthetic import dataset, entry_of


def one_range(x: float, size: float, sigma: float, spec: LabelSpec | None = None) -> Dataset:
    data = dataset(1).rows(np.array([0]))
    return replace(
        data,
        label_spec=spec or LabelSpec(),
        close_position=np.array([x]),
        size_ticks=np.array([size]),
        sigma_ticks=np.array([sigma]),
    )


def baselines(k: float) -> Baselines:
    return Baselines(k=k, sigma_share=0.25, p_up=0.5, p_none={}, p_none_all=0.0)


def test_the_corridor_is_overshot_by_k_sigma_on_both_sides() -> None:
    # a walk from 14 + 6 between 0 and 20 + 2 * 6 ends at the upper end 20 times of 32
    assert baselines(1.5).corridor(one_range(0.7, 20.0, 4.0))[0] == pytest.approx(20 / 32)


def test_a_corridor_is_never_surer_than_one_in_ten_thousand() -> None:
    ends = corridor_probability(np.array([0.0, 1.0, 0.0002]), np.zeros(3))
    assert ends.tolist() == [0.0001, 0.9999, 0.0002]


@pytest.mark.parametrize(
    ("spec", "stop", "target"),
    [
        (LabelSpec(), 26.0, 26.0),
        (LabelSpec(rr=2), 26.0, 52.0),
        (LabelSpec(stop="half"), 16.0, 16.0),
        (LabelSpec(stop="half", rr=2, anchor="edge"), 16.0, 14.0),
        (LabelSpec(anchor="edge"), 26.0, 14.0),
    ],
    ids=["full", "twice", "half", "half from the edge", "from the edge"],
)
def test_distances_are_the_range_or_half_of_it_and_the_overshoot(
    spec: LabelSpec, stop: float, target: float
) -> None:
    entry = baselines(1.5).entry(one_range(0.7, 20.0, 4.0, spec))
    assert (entry.stop[0], entry.target[0]) == (stop, target)


@pytest.mark.parametrize(("sigma", "target"), [(12.8, 0.8), (13.0, 0.5), (14.0, 0.5)])
def test_a_target_at_or_behind_the_entry_is_half_a_tick_away(sigma: float, target: float) -> None:
    entry = baselines(1.5).entry(one_range(0.7, 20.0, sigma, LabelSpec(anchor="edge")))
    assert entry.target[0] == pytest.approx(target)


@pytest.mark.parametrize(("towards", "k"), [(True, 0.0), (False, 5.0)], ids=["near", "far"])
def test_the_overshoot_lies_between_nought_and_five_sigma(towards: bool, k: float) -> None:
    data = dataset(400)
    up = (data.close_position > 0.5) == towards
    sided = replace(data, direction=np.where(up, UP, DOWN).astype(np.int16))
    assert fit_baselines(sided).k == pytest.approx(k, abs=0.001)


@pytest.mark.parametrize(
    ("confidence", "level"),
    [
        (1.0, "high"),
        (0.5, "high"),
        (np.nextafter(0.5, 0), "medium"),
        (0.25, "medium"),
        (np.nextafter(0.25, 0), "low"),
        (0.1, "low"),
        (np.nextafter(0.1, 0), "none"),
        (0.0, "none"),
    ],
)
def test_a_level_of_confidence_begins_at_its_limit(confidence: float, level: str) -> None:
    assert level_of(confidence) == level


def test_a_prediction_is_made_anew_after_five_minutes_and_256_are_cached() -> None:
    data = dataset(260)
    predictor = Predictor(fit(data, Recipe(name="plain", kind="baseline"), "x").bundle)
    rows = [data.rows(np.array([index])) for index in range(257)]

    first = predictor.predict(rows[0], 100.0, reasons=False)
    assert predictor.predict(rows[0], 100.0, reasons=False) is first
    assert predictor.predict(rows[0], 399.999, reasons=False) is first
    first, before = predictor.predict(rows[0], 400.0, reasons=False), first
    assert first is not before

    for row in rows[1:256]:
        predictor.predict(row, 400.0, reasons=False)
    assert predictor.predict(rows[0], 400.0, reasons=False) is first
    predictor.predict(rows[256], 400.0, reasons=False)
    assert predictor.predict(rows[0], 400.0, reasons=False) is not first


def test_even_odds_are_long_and_a_side_worth_nothing_is_skipped() -> None:
    expected = np.array([[0.1, 0.1], [0.1, 0.1], [0.0, 0.1], [0.1, 0.0], [1e-9, 0.0]])
    p_up = np.array([0.5, np.nextafter(0.5, 0), 0.5, 0.4, 0.6])
    assert recommend(expected, p_up).tolist() == [1, -1, 0, 0, 1]


def test_the_expected_net_r_is_the_mean_of_both_views() -> None:
    p_win, net_r = np.array([[0.6, 0.3]]), np.array([[0.2, -0.4]])
    # a win is 2 R; 0.6 * 2 - 0.4 * 0.8 - 0.1 = 0.78 and 0.3 * 2 - 0.7 * 0.8 - 0.1 = -0.06 are
    # what the chances imply
    result = ensemble(p_win, net_r, entry_of(reward=2.0, otherwise=-0.8, cost=-0.1))
    assert result == pytest.approx(np.array([[(0.78 + 0.2) / 2, (-0.06 - 0.4) / 2]]))


@pytest.mark.parametrize("coverage", [0.8, 0.9])
@pytest.mark.parametrize("rows", [50, 99, 298])
def test_the_stated_interval_leaves_out_no_more_of_each_tail_than_it_may(
    rows: int, coverage: float
) -> None:
    residual = np.random.default_rng(0).permutation(np.arange(1.0, rows + 1.0))
    low, high = conformal_ends(residual, coverage)

    # a new row falls below the i-th of n with a chance of i / (n + 1)
    # in whole numbers, since (1 - 0.8) / 2 comes out below the tenth that it is
    count, tail = rows + 1, (1 - Fraction(str(coverage))) / 2
    low, high = int(low), int(high)
    assert Fraction(low, count) <= tail < Fraction(low + 1, count)
    assert Fraction(high - 1, count) < 1 - tail <= Fraction(high, count)


@pytest.mark.parametrize(
    ("rows", "methods", "chosen"),
    [
        (99, ("platt",), "identity"),
        (100, ("platt",), "platt"),
        (999, ("identity", "isotonic"), "identity"),
        (1000, ("identity", "isotonic"), "isotonic"),
    ],
)
def test_a_calibration_needs_a_hundred_rows_and_steps_need_a_thousand(
    rows: int, methods: tuple[Method, ...], chosen: str
) -> None:
    draw = np.random.default_rng(0)
    margin = draw.normal(0, 3, rows)
    label = draw.random(rows) < np.where(margin > 0, 0.6, 0.4)  # far less sure than it states
    day = np.datetime64("2024-01-01") + np.arange(rows) // 2
    assert fit_calibrator(margin, label, day, methods).method == chosen


@pytest.mark.parametrize("rows", [100, 2000])
@pytest.mark.parametrize("spread", [0.3, 3.0, 9.0], ids=["timid", "sure", "far too sure"])
@pytest.mark.parametrize("seed", range(3))
def test_platt_s_line_is_that_of_a_logistic_regression(
    seed: int, spread: float, rows: int
) -> None:
    draw = np.random.default_rng(seed)
    margin = draw.normal(0.3, spread, rows)
    label = draw.random(rows) < np.where(margin > 0, 0.6, 0.4)
    day = np.datetime64("2024-01-01") + np.arange(rows) // 2

    result = fit_calibrator(margin, label, day, ("platt",))

    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(margin[:, None], label)
    assert (result.slope, result.intercept) == pytest.approx(
        (oracle.coef_[0, 0], oracle.intercept_[0]), abs=1e-5
    )
    assert result(margin) == pytest.approx(oracle.predict_proba(margin[:, None])[:, 1], abs=1e-5)


def test_uncalibrated_probabilities_are_unchanged_and_nought_and_one_stay_finite() -> None:
    p = np.array([0.001, 0.25, 0.5, 0.999])
    assert IDENTITY(logit(p)) == pytest.approx(p)
    assert logit(np.array([0.0, 1e-6, 1.0])) == pytest.approx(np.log(1e-6) * np.array([1, 1, -1]))


@pytest.mark.parametrize("happened", [True, False])
def test_outcomes_that_are_all_alike_calibrate_nothing(happened: bool) -> None:
    margin = np.random.default_rng(0).normal(size=2000)
    day = np.datetime64("2024-01-01") + np.arange(2000) // 2
    result = fit_calibrator(margin, np.full(2000, happened), day, ("platt", "isotonic"))
    assert (result.method, result.rows) == ("identity", 2000)


def test_steps_are_never_surer_than_one_in_a_hundred() -> None:
    draw = np.random.default_rng(0)
    margin = draw.normal(0, 0.1, 2000)
    day = np.datetime64("2024-01-01") + np.arange(2000) // 2
    result = fit_calibrator(margin, margin > 0, day, ("isotonic",))
    assert (min(result.heights), max(result.heights)) == (0.01, 0.99)


NAMES = ("a", "b", "c", "d")
DAY = np.datetime64("2024-01-01") + np.repeat(np.arange(60), 5)


def novelty(rows: NDArray[np.float64], **importance: float) -> Novelty:
    result = fit_novelty(rows, DAY, NAMES, (), {"directional": importance})
    assert result is not None
    return result


@pytest.mark.parametrize("far", [0, 12], ids=["the whisker", "the share"])
def test_the_threshold_is_what_two_in_a_hundred_exceed_or_the_whisker_if_that_is_farther(
    far: int,
) -> None:
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(300, 4))
    rows[: 5 * far : 5] *= 20.0  # some rows, on days of their own, far from all others
    space = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    apart = np.linalg.norm(space[:, None] - space[None], axis=2)
    other = DAY[:, None] != DAY[None]
    index = np.where(other, apart, np.inf).min(axis=1) / apart[other].mean()
    low, high, share = np.percentile(index, [25, 75, 98])
    whisker = high + 1.5 * (high - low)
    assert (share > whisker) == bool(far)

    assert novelty(rows).threshold == pytest.approx(max(share, whisker), rel=1e-5)


def test_half_of_the_weight_is_shared_evenly_and_half_by_importance() -> None:
    rows = np.random.default_rng(3).normal(size=(300, 4))
    assert novelty(rows, a=0.6, b=0.4).weight == pytest.approx([1.7, 1.3, 0.5, 0.5])
    assert novelty(rows).weight.tolist() == [1.0] * 4


def test_a_row_at_the_threshold_is_not_novel_and_one_of_no_distance_at_all_is() -> None:
    def novel(dissimilarity: float) -> bool:
        return NoveltyScore(dissimilarity=dissimilarity, threshold=0.3, features=()).novel

    assert not novel(0.3)
    assert novel(np.nextafter(0.3, 1))
    assert novel(np.nan)


def test_three_features_that_set_a_row_apart_are_named() -> None:
    rows = np.random.default_rng(4).normal(size=(300, 4))
    judged = novelty(rows).judge(np.array([90.0, 70.0, 80.0, 60.0]))
    assert [name for name, _ in judged.features] == ["a", "c", "b"]


def test_two_days_are_the_fewest_that_can_be_held_against_each_other() -> None:
    rows = np.random.default_rng(5).normal(size=(6, 4))
    days = np.datetime64("2024-01-01") + np.array([0, 0, 0, 1, 1, 1])
    assert fit_novelty(rows, days, NAMES, (), {}) is not None
    assert fit_novelty(rows, days[[0] * 6], NAMES, (), {}) is None


@pytest.mark.parametrize(
    ("silenced", "allowed"),
    [
        ([], True),
        ([True] * 5, True),
        ([True] * 6, False),
        ([True] * 6 + [False] * 54, False),
        ([True] * 6 + [False] * 55, True),
    ],
)
def test_six_of_the_latest_sixty_slots_may_be_silenced(
    silenced: list[bool], allowed: bool
) -> None:
    assert may_silence(silenced) is allowed
