"""The joint tests agree with package arch and with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import SPA, StepM
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from ml_core.evidence.superiority import (
    confidence_set,
    false_discovery_rates,
    resampled_means,
    simultaneous_bounds,
    superiority,
    times_drawn,
)

DAYS, BLOCK, RESAMPLES = 160, 4, 300


def returns(seed: int, *, better: float = 0.0, rules: int = 8) -> NDArray[np.float64]:
    """Return rules of unequal spread, the last ones bad, the first better by an amount a day."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(DAYS, rules)) * np.linspace(0.5, 3.0, rules)
    values[:, -2:] -= 5.0
    values[:, 0] += better
    return values


@pytest.mark.parametrize("better", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("seed", [0, 1, 3])
def test_the_spa_p_values_are_archs_on_studentised_columns(seed: int, better: float) -> None:
    values = returns(seed, better=better)
    times = times_drawn(DAYS, BLOCK, RESAMPLES, seed)

    ours = superiority(values, times, 0.05)

    error = (times @ values / DAYS).std(axis=0)
    oracle = SPA(np.zeros(DAYS), -values / error, block_size=BLOCK, reps=RESAMPLES, seed=seed)
    oracle.compute()
    theirs = (oracle.pvalues.to_numpy() * RESAMPLES + 1) / (RESAMPLES + 1)
    assert ours.t == pytest.approx(values.mean(axis=0) / error)
    assert (ours.p_lower, ours.p_consistent, ours.p_upper) == pytest.approx(tuple(theirs))


@pytest.mark.parametrize("better", [0.0, 0.2, 0.6])
def test_the_rules_found_better_are_archs(better: float) -> None:
    values = returns(3, better=better)
    values[:, 1] += better
    times = times_drawn(DAYS, BLOCK, RESAMPLES, 3)

    ours = superiority(values, times, 0.05).better

    error = (times @ values / DAYS).std(axis=0)
    oracle = StepM(np.zeros(DAYS), -values / error, block_size=BLOCK, reps=RESAMPLES, seed=3)
    oracle.compute()
    assert np.flatnonzero(ours).tolist() == list(oracle.superior_models)


@pytest.mark.parametrize(("share", "recentred"), [(0.99, True), (1.01, False)])
def test_a_rule_is_too_bad_to_matter_beyond_hansen_s_threshold(
    share: float, recentred: bool
) -> None:
    threshold = np.sqrt(2 * np.log(np.log(DAYS)))
    times = times_drawn(DAYS, BLOCK, RESAMPLES, 2)
    values = returns(2, rules=40)
    error = (times @ values / DAYS).std(axis=0)
    values += -values.mean(axis=0) - share * threshold * error
    values[:, 0] += (1.5 + share * threshold) * error[0]

    result = superiority(values, times, 0.05)

    assert result.p_lower < result.p_upper
    assert result.p_consistent == (result.p_upper if recentred else result.p_lower)


def test_a_rule_is_named_at_the_size_asked_for() -> None:
    values = returns(3, rules=1)
    times = times_drawn(DAYS, BLOCK, 4000, 3)
    error = (times @ values / DAYS).std(axis=0)

    def named(t: float, size: float) -> bool:
        return bool(superiority(values - values.mean(axis=0) + t * error, times, size).better[0])

    # of one rule the bar is a one-sided test's
    for size, bar in ((0.05, 1.645), (0.01, 2.326)):
        assert named(bar + 0.25, size)
        assert not named(bar - 0.25, size)


def test_rules_that_only_lose_have_a_p_value_of_one() -> None:
    values = returns(4) - 9.0

    result = superiority(values, times_drawn(DAYS, BLOCK, RESAMPLES, 0), 0.05)

    assert result.p_consistent == 1.0
    assert not result.better.any()


def test_a_rule_that_never_varies_is_not_found_better() -> None:
    values = np.column_stack([np.full(DAYS, 0.3), returns(5)[:, 0]])

    result = superiority(values, times_drawn(DAYS, BLOCK, RESAMPLES, 0), 0.05)

    assert not result.better[0]


@settings(max_examples=50, deadline=None)
@given(p=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_false_discovery_rates_are_scipys(p: list[float]) -> None:
    assert false_discovery_rates(np.array(p)) == pytest.approx(false_discovery_control(p))


def test_every_day_is_drawn_as_often_as_any_other_on_average() -> None:
    times = times_drawn(50, 5, 4000, 0)

    assert (times.sum(axis=1) == 50).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(50), abs=0.12)


def test_means_a_trade_are_resampled_totals_over_resampled_trades() -> None:
    total, count = np.array([[3.0], [0.0], [-1.0]]), np.array([[2.0], [0.0], [1.0]])
    times = np.array([[1.0, 1.0, 1.0], [0.0, 3.0, 0.0], [2.0, 0.0, 1.0], [0.0, 2.0, 1.0]])

    drawn = resampled_means(total, count, times)[:, 0]

    assert drawn == pytest.approx([2 / 3, 2 / 3, 1.0, -1.0])


def test_bounds_of_one_rule_are_its_own_and_widen_with_more_rules() -> None:
    values, ones = returns(6, rules=12), np.ones((DAYS, 12))
    times = times_drawn(DAYS, 1, 4000, 0)

    alone = simultaneous_bounds(values[:, :1], ones[:, :1], times, 0.05)
    among = simultaneous_bounds(values, ones, times, 0.05)

    half = 1.96 * values[:, 0].std() / np.sqrt(DAYS)
    middle = values[:, 0].mean()
    assert (alone[0][0], alone[1][0]) == pytest.approx((middle - half, middle + half), rel=0.1)
    assert among[0][0] < alone[0][0] < alone[1][0] < among[1][0]


def test_bounds_are_as_far_from_each_rule_s_mean_as_its_own_standard_error_tells() -> None:
    values, ones = returns(6, rules=12), np.ones((DAYS, 12))
    times = times_drawn(DAYS, 1, 2000, 0)

    low, high = simultaneous_bounds(values + 50.0, ones, times, 0.05)

    assert (low + high) / 2 == pytest.approx(values.mean(axis=0) + 50.0)
    error = (times @ values / DAYS).std(axis=0)
    # Bonferroni's bound for twelve rules is 2.87 standard errors, one rule's own 1.96
    apart = (high - low) / 2 / error
    assert apart == pytest.approx(np.full(12, apart[0]), rel=0.01)
    assert 2.5 < apart[0] < 2.95


def test_a_p_value_counts_the_sample_itself_and_resamples_that_are_as_good() -> None:
    # a rule that makes 1 on one day of four: its resampled total is how often that day is drawn
    values = np.array([[1.0], [0.0], [0.0], [0.0]])
    times = np.array([[0.0, 2, 1, 1], [1, 1, 1, 1], [2, 1, 1, 0], [3, 1, 0, 0]])

    result = superiority(values, times, 0.05)

    # less the mean of 1: -1, 0, 1 and 2, of which two are as good as the sample's 1
    assert result.p_upper == result.p_consistent == pytest.approx(3 / 5)


def test_the_confidence_set_drops_the_bad_and_keeps_equals_together() -> None:
    values = returns(7)
    values = np.column_stack([values, values[:, 0]])

    inside = confidence_set(values, block=BLOCK, resamples=300, seed=0, size=0.05)

    assert inside[0] == inside[-1]
    assert inside[0]
    assert not inside[6:8].any()


def test_equal_rules_alone_are_all_in_the_confidence_set() -> None:
    assert confidence_set(np.zeros((30, 3)), block=2, resamples=50, seed=0, size=0.05).all()


def test_differences_that_tie_to_the_last_bit_are_no_obstacle() -> None:
    values = np.zeros((40, 4))
    values[::2, 1], values[1::2, 2] = 1.0, 1.0
    values[::4, 3] = -1.0

    inside = confidence_set(values, block=2, resamples=100, seed=0, size=0.05)

    assert inside[1:3].all()
    assert not inside[3]
