"""Metrics agree with scikit-learn; intervals have their stated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as oracle

from ml_core.evidence.intervals import Interval, mean_interval, wilson
from ml_core.evidence.metrics import (
    ACCURACY,
    BRIER,
    LOG_LOSS,
    METRICS,
    NotScorableError,
    auc,
    bin_of,
    expected_calibration_error,
    max_drawdown,
    reliability,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=2, max_size=80))
def test_metrics_are_scikit_learns(rows: list[tuple[float, bool]]) -> None:
    p = np.array([row[0] for row in rows])
    happened = np.array([row[1] for row in rows])

    assert ACCURACY(p, happened) == pytest.approx(oracle.accuracy_score(happened, p >= 0.5))
    assert BRIER(p, happened) == pytest.approx(
        oracle.brier_score_loss(happened, p, pos_label=True)
    )
    assert LOG_LOSS(p, happened) == pytest.approx(oracle.log_loss(happened, p, labels=[0, 1]))
    if 0 < happened.sum() < len(p):
        assert auc(p, happened) == pytest.approx(oracle.roc_auc_score(happened, p))
    else:
        assert np.isnan(auc(p, happened))


def test_whether_smaller_is_better_is_part_of_each_metric() -> None:
    assert {metric.name: metric.smaller_is_better for metric in METRICS} == {
        "accuracy": False,
        "log_loss": True,
        "brier": True,
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.1])
def test_a_value_that_is_no_probability_is_never_scored(bad: float) -> None:
    for metric in METRICS:
        with pytest.raises(NotScorableError, match="missing or outside"):
            metric(np.array([0.5, bad]), np.array([True, False]))
    with pytest.raises(NotScorableError, match="no rows"):
        LOG_LOSS(np.empty(0), np.empty(0, bool))


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_a_certain_prediction_is_scored_and_a_certain_miss_costs_at_most_fifteen_digits(
    sure: float,
) -> None:
    p, right = np.array([sure]), np.array([bool(sure)])

    assert (ACCURACY(p, right), BRIER(p, right)) == (1.0, 0.0)
    assert (ACCURACY(p, ~right), BRIER(p, ~right)) == (0.0, 1.0)
    assert LOG_LOSS(p, right) == pytest.approx(0.0, abs=1e-14)
    assert LOG_LOSS(p, ~right) == pytest.approx(15 * np.log(10), rel=1e-3)


def test_even_odds_are_a_prediction_of_up() -> None:
    assert ACCURACY(np.array([0.5]), np.array([True])) == 1.0
    assert ACCURACY(np.array([np.nextafter(0.5, 0)]), np.array([False])) == 1.0


def test_the_scale_has_ten_bins_that_begin_at_their_lower_edge_and_the_last_has_both() -> None:
    p = np.array([0.0, 0.0999, 0.1, 0.4999, 0.5, 0.8999, 0.9, 1.0])

    assert bin_of(p).tolist() == [0, 0, 1, 4, 5, 8, 9, 9]
    assert len(reliability(np.linspace(0, 1, 1001), np.zeros(1001, bool))) == 10


def test_an_interval_that_touches_nought_lies_on_neither_side() -> None:
    def sides(low: float, high: float) -> tuple[bool, bool]:
        interval = Interval((low + high) / 2, low, high, 100, 50)
        return interval.below_zero, interval.above_zero

    assert sides(-0.2, -1e-9) == (True, False)
    assert sides(-0.2, 0.0) == (False, False)
    assert sides(0.0, 0.2) == (False, False)
    assert sides(1e-9, 0.2) == (False, True)


def test_an_interval_of_many_days_is_the_mean_less_and_plus_1_96_standard_errors() -> None:
    values = np.random.default_rng(1).normal(size=4000)

    result = mean_interval(values, np.arange(4000).astype("datetime64[D]"), resamples=5_000)

    # a 90 % interval would end at 1.645, one of 99 % at 2.576
    error = values.std() / np.sqrt(len(values))
    assert result.error == pytest.approx(error, rel=0.03)
    assert (result.estimate - result.low) / error == pytest.approx(1.96, abs=0.08)
    assert (result.high - result.estimate) / error == pytest.approx(1.96, abs=0.08)


def test_perfect_calibration_has_no_error_and_a_sure_miss_has_all() -> None:
    p = np.array([0.25] * 4 + [0.75] * 4)
    happened = np.array([True, False, False, False, True, True, True, False])

    assert expected_calibration_error(p, happened) == pytest.approx(0)
    assert expected_calibration_error(np.ones(3), np.zeros(3, bool)) == pytest.approx(1)
    assert [group.rows for group in reliability(p, happened)] == [4, 4]


def test_a_drawdown_is_the_deepest_fall_from_a_height() -> None:
    assert max_drawdown(np.array([-1.0, -1.0])) == 2.0
    assert max_drawdown(np.array([1.0, 2.0])) == 0.0


def test_days_are_drawn_not_rows() -> None:
    # rows of a day all alike: the interval must be as wide as the days make it
    draw = np.random.default_rng(0)
    by_day = draw.normal(size=200)
    values, day = np.repeat(by_day, 6), np.repeat(np.arange(200), 6).astype("datetime64[D]")

    blocks = mean_interval(values, day)
    rows = mean_interval(values, np.arange(1200).astype("datetime64[D]"))

    assert (blocks.high - blocks.low) > 2 * (rows.high - rows.low)
    assert (blocks.rows, blocks.days) == (1200, 200)
    assert blocks.estimate == pytest.approx(by_day.mean())


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        size = draw.integers(1, 7, 120)
        values = np.repeat(draw.normal(size=120), size) + draw.normal(size=size.sum())
        day = np.repeat(np.arange(120), size).astype("datetime64[D]")
        interval = mean_interval(values, day, resamples=400, seed=seed)
        hits += interval.low <= 0 <= interval.high

    assert 180 <= hits <= 198


def test_nothing_is_below_zero_where_nothing_is_known() -> None:
    empty = mean_interval(np.empty(0), np.empty(0, "datetime64[D]"))

    assert not empty.below_zero
    assert not empty.above_zero
    assert not Interval(float("nan"), float("nan"), float("nan"), 3, 1).below_zero


@given(rows=st.integers(1, 500), data=st.data())
def test_the_interval_of_a_share_is_wilsons(rows: int, data: st.DataObject) -> None:
    wins = data.draw(st.integers(0, rows))

    ours = wilson(wins / rows, rows)

    theirs = binomtest(wins, rows).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_an_interval_of_few_days_has_no_ends_and_its_estimate() -> None:
    day = np.array(["2025-06-19", "2025-06-20"], "datetime64[D]")
    two = mean_interval(np.array([1.0, 3.0]), day)
    assert two.from_days(2) == two
    few = two.from_days(3)
    assert (few.estimate, few.days, few.is_known) == (2.0, 2, False)
    assert not few.above_zero
