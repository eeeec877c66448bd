"""Power agrees with statsmodels, and reproduces the design's own figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.power import normal_power_het, normal_sample_size_one_tail
from statsmodels.stats.proportion import proportion_confint

from ml_core.errors import NumberError
from ml_core.evidence.power import (
    chance_of_coin,
    gate,
    power_for_gain,
    power_of,
    rows_for_gain,
    trades_needed,
)
from ml_core.json_values import json_values


@pytest.mark.parametrize(("trades", "chance"), [(62, 0.187), (124, 0.121), (250, 0.057)])
def test_a_coin_passes_fifty_five_per_cent_as_often_as_the_design_says(
    trades: int, chance: float
) -> None:
    assert chance_of_coin(trades, 0.55) == pytest.approx(chance, abs=0.0006)


def test_a_true_fifty_five_needs_about_616_trades() -> None:
    assert abs(trades_needed(0.5, 0.05) - 616) <= 1


@given(st.integers(1, 3000), st.integers(1, 99))
def test_exactly_the_threshold_is_not_above_it(trades: int, per_cent: int) -> None:
    chance = chance_of_coin(trades, per_cent / 100)
    most_not_above = per_cent * trades // 100  # in whole numbers, which round nothing
    above = float(binom.sf(most_not_above, trades, 0.5))
    assert chance == pytest.approx(above, abs=1e-9)


def test_fifty_five_of_a_hundred_does_not_pass_fifty_five_per_cent() -> None:
    # the design's own figures, at 62, 124 and 250, are the same with "at least"
    assert chance_of_coin(100, 0.55) == pytest.approx(0.13563, abs=1e-5)
    assert chance_of_coin(100, 0.55) == pytest.approx(float(binom.sf(55, 100, 0.5)), abs=1e-12)


@pytest.mark.parametrize("baseline", [0.5, 0.6, 0.694])
@pytest.mark.parametrize("lift", [0.01, 0.02, 0.05])
@pytest.mark.parametrize(("power", "alpha"), [(0.8, 0.05), (0.9, 0.025), (0.6, 0.1)])
def test_trades_and_power_are_those_of_statsmodels(
    baseline: float, lift: float, power: float, alpha: float
) -> None:
    spread = {
        "std_null": math.sqrt(baseline * (1 - baseline)),
        "std_alternative": math.sqrt((baseline + lift) * (1 - baseline - lift)),
    }
    expected = normal_sample_size_one_tail(lift, power, alpha, **spread)
    assert trades_needed(baseline, lift, power=power, alpha=alpha) == math.ceil(expected)
    expected_power = normal_power_het(lift, 500, alpha, alternative="larger", **spread)
    assert power_of(500, baseline, lift, alpha=alpha) == pytest.approx(
        float(expected_power), abs=1e-9
    )


@pytest.mark.parametrize(("gain", "sd"), [(0.002, 0.06), (0.01, 0.2), (0.001, 0.045)])
def test_rows_for_a_gain_are_those_of_statsmodels(gain: float, sd: float) -> None:
    expected = normal_sample_size_one_tail(gain, 0.8, 0.025, std_null=sd)
    assert rows_for_gain(gain, sd) == math.ceil(expected)
    expected_power = normal_power_het(gain, 5000, 0.025, std_null=sd, alternative="larger")
    assert power_for_gain(5000, gain, sd) == pytest.approx(float(expected_power), abs=1e-9)


@pytest.mark.parametrize(("baseline", "lift"), [(0.5, 0.02), (0.5, 0.05), (0.694, 0.02)])
def test_the_exact_test_has_about_that_power(baseline: float, lift: float) -> None:
    needed = trades_needed(baseline, lift)
    most = binom.isf(0.05, needed, baseline)
    assert binom.sf(most, needed, baseline + lift) == pytest.approx(0.8, abs=0.015)


@given(st.integers(2, 100_000), st.floats(0.3, 0.7), st.floats(0.005, 0.2), st.floats(0.005, 0.05))
def test_more_trades_or_more_lift_find_more(
    trades: int, baseline: float, lift: float, more: float
) -> None:
    reached = power_of(trades, baseline, lift)
    assert power_of(trades + 1, baseline, lift) >= reached
    assert trades_needed(baseline, lift + more) <= trades_needed(baseline, lift)
    assert power_for_gain(trades + 1, lift, 1.0) >= power_for_gain(trades, lift, 1.0)
    # below half the power a wider spread helps, as any shot in the dark does
    assume(reached > 0.5)
    assert power_of(trades, baseline, lift + more) >= reached - 1e-12


@given(st.floats(0.3, 0.7), st.floats(0.005, 0.2), st.floats(1, 9))
def test_trades_that_share_luck_are_needed_in_proportion(
    baseline: float, lift: float, effect: float
) -> None:
    needed = trades_needed(baseline, lift, design_effect=effect)
    assert needed == pytest.approx(effect * trades_needed(baseline, lift), abs=effect + 1)
    assert rows_for_gain(0.001, 0.05, design_effect=effect) >= rows_for_gain(0.001, 0.05)


@given(st.integers(1, 2000), st.floats(0.01, 0.98), st.floats(0.001, 0.01))
def test_a_higher_threshold_is_passed_less_often_and_by_a_better_coin_more(
    trades: int, threshold: float, more: float
) -> None:
    chance = chance_of_coin(trades, threshold)
    assert 0 <= chance_of_coin(trades, threshold + more) <= chance <= 1
    assert chance_of_coin(trades, threshold, 0.5 + more) >= chance


@given(
    st.floats(0.3, 0.7),
    st.floats(0.005, 0.2),
    st.floats(0.5, 0.99),
    st.floats(0.001, 0.2),
    st.floats(1, 4),
)
@example(baseline=0.5, lift=0.05, power=0.8, alpha=0.05, effect=1.0)
def test_the_trades_needed_are_the_fewest_with_that_power(
    baseline: float, lift: float, power: float, alpha: float, effect: float
) -> None:
    needed = trades_needed(baseline, lift, power=power, alpha=alpha, design_effect=effect)
    reached = power_of(needed, baseline, lift, alpha=alpha, design_effect=effect)
    assert reached >= power - 1e-9
    if needed > 1:
        fewer = power_of(needed - 1, baseline, lift, alpha=alpha, design_effect=effect)
        assert fewer < power + 1e-9


@given(st.floats(1e-4, 0.1), st.floats(0.01, 1.0), st.floats(0.5, 0.99))
@example(gain=0.01, sd=0.2, power=0.8)
def test_the_rows_for_a_gain_are_the_fewest_with_that_power(
    gain: float, sd: float, power: float
) -> None:
    rows = rows_for_gain(gain, sd, power=power)
    assert power_for_gain(rows, gain, sd) >= power - 1e-9
    assert rows == 1 or power_for_gain(rows - 1, gain, sd) < power + 1e-9


def test_without_other_figures_a_lift_is_found_four_times_in_five_at_one_in_twenty() -> None:
    needed = trades_needed(0.5, 0.05)
    assert needed == trades_needed(0.5, 0.05, power=0.8, alpha=0.05)
    assert power_of(needed - 1, 0.5, 0.05) < 0.8 <= power_of(needed, 0.5, 0.05)
    rows = rows_for_gain(0.01, 0.2)
    assert rows == rows_for_gain(0.01, 0.2, power=0.8, alpha=0.025)
    assert power_for_gain(rows - 1, 0.01, 0.2) < 0.8 <= power_for_gain(rows, 0.01, 0.2)


def test_rows_that_share_luck_are_worth_fewer() -> None:
    assert power_for_gain(800, 0.01, 0.2, design_effect=2.0) == power_for_gain(400, 0.01, 0.2)
    assert power_of(800, 0.5, 0.02, design_effect=2.0) == power_of(400, 0.5, 0.02)


def test_trades_are_counted_up_to_a_million_milliards() -> None:
    assert power_of(10**15, 0.5, 0.01) == 1.0
    with pytest.raises(NumberError, match=r"1 to 1e\+15"):
        power_of(10**15 + 1, 0.5, 0.01)


def test_a_gate_reports_interval_chance_and_missing_trades() -> None:
    result = gate(141, 250, baseline=0.5, lift=0.02)
    assert (result.low, result.high) == pytest.approx(
        proportion_confint(141, 250, method="beta"), abs=1e-9
    )
    assert result.missing == result.needed - 250 > 3000
    assert "more trades are needed" in result.words
    assert gate(9_000, 16_000, lift=0.02).missing == 0
    assert math.isclose(json_values(result)["accuracy"], 0.564)
    assert result.chance_of_coin == result.chance_of_baseline == chance_of_coin(250, 0.55)


def test_the_words_round_no_threshold() -> None:
    words = gate(60, 100, threshold=0.555, baseline=0.694, lift=0.025).words
    assert "passes 55.5%" in words
    assert "2.5 points over 69.4%" in words


@pytest.mark.parametrize(("correct", "trades"), [(0, 40), (40, 40), (22, 40)])
def test_trades_that_share_luck_widen_the_interval(correct: int, trades: int) -> None:
    alone = gate(correct, trades)
    assert (alone.low, alone.high) == pytest.approx(
        proportion_confint(correct, trades, method="beta"), abs=1e-9
    )
    shared = gate(correct, trades, design_effect=2.0)
    assert (shared.low, shared.high) == pytest.approx(
        proportion_confint(correct / 2, trades / 2, method="beta"), abs=1e-9
    )
    assert shared.low <= alone.low
    assert shared.high >= alone.high


def test_a_report_of_numpy_counts_is_plain_json() -> None:
    result = gate(np.int64(141), np.int64(250))
    assert json.loads(json.dumps(json_values(result)))["trades"] == 250


@pytest.mark.parametrize(
    ("field", "given_"),
    [
        ("lift", {"lift": 0.0}),
        ("lift", {"lift": math.nan}),
        ("lift", {"baseline": 0.9, "lift": 0.2}),
        ("baseline", {"baseline": 1.2}),
        ("threshold", {"threshold": 55.0}),
        ("alpha", {"alpha": 0.0}),
        ("power", {"power": 80.0}),
        ("power", {"power": 0.05, "alpha": 0.05}),
        ("lift", {"lift": 1e-300}),
        ("lift", {"lift": 1e-9}),
        ("lift", {"lift": math.inf}),
        ("baseline", {"baseline": math.nan}),
        ("design_effect", {"design_effect": math.nan}),
        ("design_effect", {"design_effect": math.inf}),
        ("design_effect", {"design_effect": 0.5}),
    ],
)
def test_a_figure_out_of_bounds_is_named_with_what_to_give(
    field: str, given_: dict[str, float]
) -> None:
    with pytest.raises(NumberError, match=rf"^{field} = .*give"):
        gate(50, 100, **given_)


@pytest.mark.parametrize(
    ("correct", "trades"),
    [
        (5, 0),
        (-1, 10),
        (11, 10),
        (2.5, 10),
        (math.nan, 10),
        (5, math.nan),
        (5, math.inf),
        (5, 10.5),
        (5, 10**30),
    ],
)
def test_counts_that_cannot_be_are_refused(correct: int, trades: int) -> None:
    with pytest.raises(NumberError, match="whole number"):
        gate(correct, trades)


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("trades", lambda: chance_of_coin(0, 0.55)),
        ("coin", lambda: chance_of_coin(10, 0.55, 1.0)),
        ("trades", lambda: power_of(0, 0.5, 0.02)),
        ("gain", lambda: rows_for_gain(math.nan, 0.1)),
        ("gain", lambda: rows_for_gain(1e-200, 1e200)),
        ("sd", lambda: rows_for_gain(0.01, 0.0)),
        ("power", lambda: rows_for_gain(0.01, 0.1, power=0.01)),
        ("rows", lambda: power_for_gain(-5, 0.01, 0.1)),
        ("sd", lambda: power_for_gain(5, 0.01, math.inf)),
    ],
)
def test_every_function_names_what_it_refuses(field: str, call: Callable[[], float]) -> None:
    with pytest.raises(NumberError, match=rf"^{field} = .*give"):
        call()


def test_an_enormous_lift_still_needs_a_trade() -> None:
    assert trades_needed(0.01, 0.98) >= 1
    assert rows_for_gain(1e6, 1e-6) == 1
