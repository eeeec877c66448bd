"""The promotion rule: every condition must be met, and an unknown one is not met."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.evidence.calibration_check import CalibrationCheck
from ml_core.evidence.comparison import Change, Comparison, YearChange
from ml_core.evidence.intervals import Interval
from ml_core.evidence.promotion.evidence import Evidence
from ml_core.evidence.promotion.rule import Decision, decide, decide_refit
from ml_core.json_values import json_values

NAN, INF = float("nan"), float("inf")


def interval(estimate: float, half: float = 0.004, rows: int = 4000) -> Interval:
    return Interval(estimate, estimate - half, estimate + half, rows, 700, half / 1.96)


def comparison(against: str, gain: float = 0.02, rows: int = 4000) -> Comparison:
    return Comparison(
        against=against,
        rows=rows,
        days=700,
        changes=(
            Change("log_loss", True, interval(-gain, rows=rows)),
            Change("brier", True, interval(-gain / 3, 0.002, rows=rows)),
        ),
        years=(YearChange(year="2023", interval=interval(-gain, rows=2000)),),
        seeds=(-gain, -gain, -gain),
        e_value=1e6,
        e_worse=0.1,
    )


def calibration(ece: float) -> CalibrationCheck:
    return CalibrationCheck(rows=4000, ece=ece, by_chance=0.015, at_most=0.03)


GOOD = Evidence(
    recipe="good",
    recipe_hash="h",
    comparisons=(comparison("corridor"), comparison("champion")),
    against_wanted=("corridor", "champion"),
    calibration=calibration(0.02),
    lookahead_clean=True,
    signal_found=True,
    trials=3,
    net_r=interval(0.1, 0.05),
    trades=500,
)


def failed(decision: Decision) -> dict[str, str]:
    return {
        condition.name: condition.status
        for condition in decision.conditions
        if condition.status != "holds"
    }


def with_first(**changed: object) -> Evidence:
    first, *others = GOOD.comparisons
    return replace(GOOD, comparisons=(replace(first, **changed), *others))


def test_evidence_that_holds_throughout_is_promoted_with_its_reasons() -> None:
    decision = decide(GOOD)
    assert failed(decision) == {}
    assert decision.promote
    assert decision.trading_claim
    assert "passes the promotion rule" in decision.verdict
    assert json.loads(json.dumps(json_values(decision)))["promote"] is True


@pytest.mark.parametrize(
    ("evidence", "condition", "status"),
    [
        (replace(GOOD, calibration=calibration(0.031)), "calibration", "fails"),
        (replace(GOOD, calibration=None), "calibration", "unknown"),
        (replace(GOOD, calibration=calibration(NAN)), "calibration", "unknown"),
        (replace(GOOD, lookahead_clean=False), "look-ahead audit", "fails"),
        (replace(GOOD, lookahead_clean=None), "look-ahead audit", "unknown"),
        (replace(GOOD, signal_found=False), "injected signal", "fails"),
        (replace(GOOD, signal_found=None), "injected signal", "unknown"),
        (replace(GOOD, trials=None), "trials paid for", "unknown"),
        (replace(GOOD, trials=0), "trials paid for", "unknown"),
        (with_first(seeds=(-0.02, -0.02)), "seeds agree", "unknown"),
        (with_first(seeds=(-0.02, -0.02, 0.001)), "seeds agree", "fails"),
        (with_first(seeds=(-0.02, -0.02, NAN)), "seeds agree", "unknown"),
        (with_first(e_value=15.0), "valid at any look", "fails"),
        (with_first(e_value=NAN), "valid at any look", "unknown"),
        (with_first(rows=900), "enough rows", "fails"),
        (
            with_first(years=(YearChange(year="2022", interval=interval(0.006)),)),
            "no year worse",
            "fails",
        ),
        (
            with_first(years=(YearChange(year="2022", interval=interval(NAN)),)),
            "no year worse",
            "unknown",
        ),
        (
            replace(GOOD, live=replace(comparison("champion"), e_worse=40.0)),
            "live record",
            "fails",
        ),
    ],
)
def test_each_condition_stops_a_promotion_by_itself(
    evidence: Evidence, condition: str, status: str
) -> None:
    decision = decide(evidence)
    assert not decision.promote
    assert not decision.trading_claim
    assert failed(decision)[condition] == status
    assert condition in decision.verdict


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("field", ["estimate", "low", "high", "error"])
def test_a_missing_nan_or_infinite_figure_never_promotes(
    field: str, bad: float, which: int
) -> None:
    first, *others = GOOD.comparisons
    changes = list(first.changes)
    changes[which] = replace(
        changes[which], interval=replace(changes[which].interval, **{field: bad})
    )
    decision = decide(replace(GOOD, comparisons=(replace(first, changes=tuple(changes)), *others)))
    assert not decision.promote
    assert "unknown" in failed(decision).values()
    json.dumps(json_values(decision))


@pytest.mark.parametrize("kept", [(), (0,), (1,)])
def test_a_metric_that_was_not_compared_never_promotes(kept: tuple[int, ...]) -> None:
    first, *others = GOOD.comparisons
    fewer = replace(first, changes=tuple(first.changes[index] for index in kept))
    decision = decide(replace(GOOD, comparisons=(fewer, *others)))
    assert not decision.promote
    assert "unknown" in failed(decision).values()


def test_a_comparison_without_any_figure_is_unknown_and_no_crash() -> None:
    bare = replace(GOOD.comparisons[0], changes=(), years=(), seeds=(), e_value=NAN, e_worse=NAN)
    decision = decide(replace(GOOD, comparisons=(bare,), against_wanted=("corridor",), live=bare))
    assert set(failed(decision).values()) == {"unknown"}
    json.dumps(json_values(decision))


def test_a_handful_of_unlucky_rows_is_no_bad_year() -> None:
    few = YearChange(year="2024", interval=Interval(0.2, 0.1, 0.3, 12, 3, 0.05))
    first, *others = GOOD.comparisons
    assert decide(
        replace(GOOD, comparisons=(replace(first, years=(*first.years, few)), *others))
    ).promote


def test_a_missing_comparison_never_promotes() -> None:
    only_one = replace(GOOD, comparisons=GOOD.comparisons[:1])
    decision = decide(only_one)
    assert not decision.promote
    assert failed(decision)["better than champion"] == "unknown"
    assert not decide(replace(GOOD, comparisons=(), against_wanted=())).promote


@given(st.floats(0.0001, 0.2), st.booleans())
def test_which_way_is_better_belongs_to_the_metric(size: float, smaller: bool) -> None:
    improving = Change("m", smaller, interval(-size if smaller else size, size / 2))
    worsening = Change("m", smaller, interval(size if smaller else -size, size / 2))
    assert (improving.better, worsening.better) == (True, False)
    assert improving.z > 0 > worsening.z


def test_a_metric_on_which_larger_is_better_is_not_promoted_for_being_smaller() -> None:
    first, *others = GOOD.comparisons
    turned = tuple(replace(change, smaller_is_better=False) for change in first.changes)
    decision = decide(replace(GOOD, comparisons=(replace(first, changes=turned), *others)))
    assert not decision.promote
    assert failed(decision)["log loss better than corridor"] == "fails"


def test_the_more_was_tried_the_more_must_be_shown() -> None:
    weak = with_first(
        changes=tuple(
            Change(name, True, Interval(-0.01, -0.0186, -0.0014, 4000, 700, 0.0044))
            for name in ("log_loss", "brier")
        )
    )  # 2.3 standard errors
    assert decide(replace(weak, trials=1)).promote
    assert failed(decide(replace(weak, trials=20)))["trials paid for"] == "fails"


def test_an_e_value_must_pay_for_the_trials_too() -> None:
    enough_for_ten = with_first(e_value=210.0)
    assert decide(replace(enough_for_ten, trials=10)).promote
    refused = decide(replace(enough_for_ten, trials=11))
    assert failed(refused) == {"valid at any look": "fails", "enough rows": "fails"}
    assert "more are needed to decide" in " ".join(refused.reasons)


def test_a_gain_shown_with_fewer_rows_than_usually_needed_counts() -> None:
    enough = {condition.name: condition for condition in decide(GOOD).conditions}["enough rows"]

    assert enough.status == "holds"
    assert enough.figures["needed"] > enough.figures["rows"] >= enough.figures["least"]
    assert enough.words.split(". ")[0].endswith("; found with fewer")
    assert 0 < enough.figures["power_now"] < enough.figures["power"]


def test_accuracy_without_money_is_no_trading_claim() -> None:
    losing = replace(GOOD, net_r=interval(-0.1, 0.05))
    decision = decide(losing)
    assert decision.promote
    assert not decision.trading_claim
    assert "no trading claim" in decision.verdict
    few = decide(replace(GOOD, trades=29))
    assert not few.trading_claim
    assert decide(replace(GOOD, net_r=interval(NAN))).trading.status == "unknown"
    assert decide(replace(GOOD, net_r=None)).trading.status == "unknown"


def test_a_refit_needs_sanity_and_not_to_be_worse() -> None:
    refit = replace(
        GOOD,
        comparisons=(comparison("champion", gain=-0.0005),),
        against_wanted=("champion",),
        calibration=None,
        signal_found=None,
        trials=None,
    )
    assert decide_refit(refit).promote
    worse = replace(refit, comparisons=(comparison("champion", gain=-0.002),))
    assert not decide_refit(worse).promote
    assert not decide_refit(replace(refit, comparisons=())).promote
    assert not decide_refit(replace(refit, lookahead_clean=None)).promote


def test_every_condition_that_does_not_hold_is_among_the_reasons() -> None:
    decision = decide(replace(GOOD, calibration=calibration(0.2), trials=None))
    assert [reason.partition(":")[0] for reason in decision.reasons] == [
        "calibration fails",
        "enough rows unknown",  # few, and whether the gain is shown is not known
        "trials paid for unknown",
    ]
