"""Each limit of the promotion rule: exactly on it, just below it, just above it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy.stats import norm
from statsmodels.stats.power import normal_sample_size_one_tail

from ml_core.evidence.comparison import Change, YearChange
from ml_core.evidence.intervals import Interval
from ml_core.evidence.promotion.evidence import Evidence
from ml_core.evidence.promotion.rule import Decision, decide, decide_refit
from tests.ml_core.evidence.test_promotion import (
    GOOD,
    calibration,
    comparison,
    failed,
    interval,
    with_first,
)

FEWEST_ROWS = math.ceil(
    normal_sample_size_one_tail(0.01, 0.8, 0.025, std_null=math.sqrt(2 * 0.01))
)
"""Number of rows that find a gain of 0.01 in log loss with 80 % power at 2.5 % one-sided."""


def status(decision: Decision, condition: str) -> str:
    return {item.name: item.status for item in decision.conditions}[condition]


def between(low: float, high: float, rows: int = 4000) -> Interval:
    return Interval((low + high) / 2, low, high, rows, 700, (high - low) / 4)


def with_year(year: Interval) -> Evidence:
    return with_first(years=(YearChange(year="2022", interval=year),))


@pytest.mark.parametrize(
    ("condition", "passes", "stops"),
    [
        (
            "calibration",
            replace(GOOD, calibration=calibration(0.03)),
            replace(GOOD, calibration=calibration(math.nextafter(0.03, 1))),
        ),
        (
            "calibration",
            replace(GOOD, calibration=calibration(0.0)),
            replace(GOOD, calibration=calibration(-1e-9)),
        ),
        (
            "seeds agree",
            with_first(seeds=(-0.02, -0.02, -1e-9)),
            with_first(seeds=(-0.02, -0.02, 0.0)),
        ),
        ("seeds agree", GOOD, with_first(seeds=(-0.02, -0.02))),
        ("enough rows", with_first(rows=FEWEST_ROWS), with_first(rows=FEWEST_ROWS - 1)),
        ("valid at any look", with_first(e_value=60.0), with_first(e_value=59.999)),
        ("trials paid for", replace(GOOD, trials=1), replace(GOOD, trials=0)),
        (
            "live record",
            replace(GOOD, live=replace(comparison("champion"), e_worse=19.999)),
            replace(GOOD, live=replace(comparison("champion"), e_worse=20.0)),
        ),
    ],
    ids=[
        "calibration error",
        "calibration error below nothing",
        "a seed",
        "number of seeds",
        "rows",
        "e-value",
        "trials",
        "live record",
    ],
)
def test_a_condition_holds_to_its_edge_and_no_further(
    condition: str, passes: Evidence, stops: Evidence
) -> None:
    assert decide(passes).promote
    assert not decide(stops).promote
    assert status(decide(stops), condition) != "holds"


def test_the_interval_of_an_improvement_must_not_touch_nought() -> None:
    def decision(high: float) -> Decision:
        loss, brier = GOOD.comparisons[0].changes
        touching = replace(loss, interval=replace(loss.interval, high=high))
        return decide(with_first(changes=(touching, brier)))

    assert failed(decision(-1e-9)) == {}
    for high in (0.0, 1e-9):
        assert failed(decision(high)) == {"log loss better than corridor": "fails"}


@pytest.mark.parametrize("trials", [1, 2, 20])
def test_the_standard_errors_wanted_are_sidak_s_for_so_many_trials(trials: int) -> None:
    wanted = norm.isf(1 - (1 - 0.025) ** (1 / trials))

    def paid(z: float) -> str:
        estimate, error = -0.01, 0.01 / z
        changes = tuple(
            Change(name, True, Interval(estimate, -0.02, -0.001, 4000, 700, error))
            for name in ("log_loss", "brier")
        )
        return status(decide(replace(with_first(changes=changes), trials=trials)), name)

    name = "trials paid for"
    assert (paid(wanted + 1e-6), paid(wanted - 1e-6)) == ("holds", "fails")


@pytest.mark.parametrize(
    ("year", "verdict"),
    [
        (between(-0.004, 0.014, rows=200), "holds"),  # exactly what counts as worse
        (between(-0.004, 0.0141, rows=200), "fails"),
        (between(-0.004, 0.0141, rows=199), "holds"),  # too few to go by the estimate
        (between(0.0001, 0.0141, rows=30), "fails"),
        (between(0.0001, 0.0141, rows=29), "holds"),  # too few to go by the interval
        (between(0.0, 0.0141, rows=30), "holds"),
    ],
    ids=["at", "past", "few rows", "clear", "a handful", "touches nought"],
)
def test_a_year_is_worse_by_its_estimate_with_200_rows_and_by_its_interval_with_30(
    year: Interval, verdict: str
) -> None:
    assert status(decide(with_year(year)), "no year worse") == verdict


def test_a_refit_may_be_worse_by_the_margin_and_no_more() -> None:
    def promoted(high: float) -> bool:
        champion = comparison("champion")
        loss = Change("log_loss", True, between(-0.002, high))
        evidence = replace(
            GOOD,
            comparisons=(replace(champion, changes=(loss, champion.changes[1])),),
            against_wanted=("champion",),
        )
        return decide_refit(evidence).promote

    assert promoted(0.005)
    assert not promoted(math.nextafter(0.005, 1))


def test_thirty_trades_whose_interval_is_above_nought_make_a_trading_claim() -> None:
    assert decide(replace(GOOD, trades=30)).trading_claim
    assert not decide(replace(GOOD, trades=29)).trading_claim
    assert decide(replace(GOOD, net_r=between(1e-9, 0.1))).trading_claim
    assert not decide(replace(GOOD, net_r=between(0.0, 0.1))).trading_claim


def test_an_accuracy_is_spoken_of_only_beside_a_baseline_that_leaves_room_for_the_lift() -> None:
    def words(baseline: float) -> str:
        evidence = replace(GOOD, correct=3000, baseline_accuracy=baseline)
        (rows,) = (
            condition
            for condition in decide(evidence).conditions
            if condition.name == "enough rows"
        )
        return rows.words

    assert "a lift of 2 points over 97.9%" in words(0.979)
    for baseline in (0.0, 0.98, 1.0):
        assert "a lift of" not in words(baseline)


def test_without_a_difference_on_any_row_nothing_stands_out() -> None:
    none = Change("log_loss", True, Interval(0.0, 0.0, 0.0, 40, 7, 0.0))
    assert (none.better, none.z) == (False, 0.0)
    constant = replace(none, interval=replace(interval(-0.1), error=0.0))
    assert math.isnan(constant.z)
