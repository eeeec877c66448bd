"""The power table: its simulation bets like the promotion rule, and the rule agrees with it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rule_power import ROWS_A_DAY, SEEDS, TABLE, Mean, Wealth, drawn, powers, sigma_of
from ml_core.evidence.calibration_check import check_calibration
from ml_core.evidence.comparison import Comparison, YearChange, _Common, _compared
from ml_core.evidence.intervals import mean_interval
from ml_core.evidence.promotion.evidence import Evidence
from ml_core.evidence.promotion.rule import decide
from ml_core.evidence.rule_power import _table, power_of_rule, rows_for_rule
from ml_core.evidence.sequential import e_process

DAYS_A_YEAR = 250


def test_the_simulated_wealth_is_that_of_the_e_process() -> None:
    rng = np.random.default_rng(5)
    draws = drawn(rng, 40, 3, 0.6)
    wealth = Wealth(3)
    for day in range(40):
        wealth.add(draws.challenger[0, day], draws.corridor[day], draws.happened[day])

    days = np.repeat(np.arange(40), ROWS_A_DAY).astype("datetime64[D]")
    for number in range(3):
        ours, theirs, happened = (
            values[:, number].ravel()
            for values in (draws.challenger[0], draws.corridor, draws.happened)
        )
        own = e_process(ours, theirs, happened, days, True)
        assert wealth.capital[number] == pytest.approx(own[-1])


def test_the_simulated_interval_is_the_bootstrap_s() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(-0.01, 0.15, (300, 1, ROWS_A_DAY))
    mean = Mean(1)
    mean.add(values.sum(axis=2))
    days = np.repeat(np.arange(300), ROWS_A_DAY).astype("datetime64[D]")

    interval = mean_interval(values.ravel(), days)

    assert mean.estimate[0] == pytest.approx(interval.estimate)
    assert mean.error[0] == pytest.approx(interval.error, rel=0.05)


def test_the_table_is_written_by_the_script_and_its_curves_rise() -> None:
    assert TABLE.is_file()
    for gain in (0.005, 0.01, 0.02):
        assert power_of_rule(1570, gain) < power_of_rule(3000, gain) < power_of_rule(9000, gain)
        assert power_of_rule(3000, gain, 50) < power_of_rule(3000, gain, 1)
        assert rows_for_rule(gain, 50).rows > rows_for_rule(gain, 1).rows  # type: ignore[operator]
    ((rows, shares),) = powers(0.02, (1200,), 200, seed=3, trials=(1, 50))
    assert rows == 1200
    assert 1 >= shares[0] >= shares[1] >= 0


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "rows", "questions"), [(0.01, 3000, 1), (0.02, 2502, 10)])
def test_the_rule_itself_promotes_as_often_as_the_table_says(
    gain: float, rows: int, questions: int
) -> None:
    """The real rule, including its bootstrap, on other draws: within three standard errors."""
    tries, simulated = 150, next(iter(_table().values())).tries
    promoted = sum(decide(evidence(gain, rows, questions, seed)).promote for seed in range(tries))

    expected = power_of_rule(rows, gain, questions)
    chance = np.sqrt(expected * (1 - expected) * (1 / tries + 1 / simulated))
    assert promoted / tries == pytest.approx(expected, abs=3 * chance)


def evidence(gain: float, rows: int, questions: int, seed: int) -> Evidence:
    draws = drawn(np.random.default_rng([seed, 99]), rows // ROWS_A_DAY, 1, sigma_of(gain))
    index = np.repeat(np.arange(rows // ROWS_A_DAY), ROWS_A_DAY)
    day = (np.datetime64("2022-01-01") + index % DAYS_A_YEAR).astype("datetime64[D]")
    day += np.array([np.timedelta64(365 * year, "D") for year in index // DAYS_A_YEAR])
    happened, broke = draws.happened.ravel(), np.ones(rows, bool)
    by_seed = [
        _Common(draws.challenger[number].ravel(), draws.corridor.ravel(), happened, day, broke)
        for number in range(SEEDS)
    ]
    comparison: Comparison = _compared(by_seed, "corridor", 0)
    assert all(isinstance(year, YearChange) for year in comparison.years)
    return Evidence(
        recipe="drawn",
        recipe_hash="h",
        comparisons=(comparison,),
        against_wanted=("corridor",),
        calibration=check_calibration(draws.challenger[0].ravel(), happened),
        lookahead_clean=True,
        signal_found=True,
        trials=questions,
    )
