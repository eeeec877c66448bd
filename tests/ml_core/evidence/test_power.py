"""Power agrees with statsmodels, and the design's own figures come out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from ml_core.evidence.power import (
    BadPowerError,
    chance_of_coin,
    gate,
    power_for_gain,
    power_of,
    rows_for_gain,
    trades_needed,
)


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
    above = (
        sum(
            binom.pmf(correct, trades, 0.5)
            for correct in range(trades + 1)
            if correct * 100 > per_cent * trades
        )
        if trades < 200
        else chance
    )
    assert chance == pytest.approx(above, abs=1e-9)


@given(
    st.floats(0.3, 0.7),
    st.floats(0.005, 0.2),
    st.floats(0.5, 0.99),
    st.floats(0.001, 0.2),
    st.floats(1, 4),
)
def test_the_trades_needed_are_the_fewest_with_that_power(
    baseline: float, lift: float, power: float, alpha: float, effect: float
) -> None:
    needed = trades_needed(baseline, lift, power=power, alpha=alpha, design_effect=effect)
    found = power_of(needed, baseline, lift, alpha=alpha, design_effect=effect)
    assert found >= power - 1e-9
    if needed > 1:
        fewer = power_of(needed - 1, baseline, lift, alpha=alpha, design_effect=effect)
        assert fewer < power + 1e-9


@given(st.floats(1e-4, 0.1), st.floats(0.01, 1.0), st.floats(0.5, 0.99))
def test_the_rows_for_a_gain_are_the_fewest_with_that_power(
    gain: float, sd: float, power: float
) -> None:
    rows = rows_for_gain(gain, sd, power=power)
    assert power_for_gain(rows, gain, sd) >= power - 1e-9
    assert rows == 1 or power_for_gain(rows - 1, gain, sd) < power + 1e-9


def test_a_gate_tells_interval_chance_and_what_is_missing() -> None:
    said = gate(141, 250, baseline=0.5, lift=0.02)
    assert (said.low, said.high) == pytest.approx(
        proportion_confint(141, 250, method="beta"), abs=1e-9
    )
    assert said.missing == said.needed - 250 > 3000
    assert "more trades are needed" in said.words
    assert gate(9_000, 16_000, lift=0.02).missing == 0
    assert math.isclose(said.to_json()["accuracy"], 0.564)


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
        ("design_effect", {"design_effect": 0.5}),
    ],
)
def test_a_figure_out_of_bounds_is_named_with_what_to_give(
    field: str, given_: dict[str, float]
) -> None:
    with pytest.raises(BadPowerError, match=rf"^{field} = .*give"):
        gate(50, 100, **given_)


@pytest.mark.parametrize(("correct", "trades"), [(5, 0), (-1, 10), (11, 10)])
def test_counts_that_cannot_be_are_refused(correct: int, trades: int) -> None:
    with pytest.raises(BadPowerError, match="whole number"):
        gate(correct, trades)
