"""The study reports nothing on noise, and finds planted effects."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pytest

from ml_core.bars.arrays import Bars
from ml_core.bars.continuous import join
from ml_core.json_values import json_values
from ml_core.market.schedule import Schedule, build_schedule
from ml_core.market.simulation import simulate
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import UP, label
from ml_core.ranges.opening_range import opening_ranges
from ml_core.setups.plan import (
    MIN_DAYS,
    NoSetupJudgedError,
    PlanError,
    StudyPlan,
    TooFewDaysError,
)
from ml_core.setups.setup import SetupGrid
from ml_core.setups.setup_study import (
    CHANCE,
    NAMED,
    NOT_CONFIRMED,
    NOTHING,
    TOO_FEW,
    SetupStudy,
)
from ml_core.setups.study import study_setups
from ml_core.setups.trades import TradeTable, setup_returns, trade_table
from tests.ml_core.builders import mgc
from tests.ml_core.evidence.fair_trades import SMALL, fair_table, plant

QUICK = StudyPlan(resamples=400, min_trades=30, confidence_set=6)


def study(
    trades: TradeTable, *, seed: int = 0, plan: StudyPlan = QUICK, grid: SetupGrid = SMALL
) -> SetupStudy:
    returns = setup_returns(trades, grid.setups(mgc()), plan.search_days(len(trades.days)))
    return study_setups(returns, plan=plan, seed=seed)


@lru_cache(maxsize=1)
def planted() -> SetupStudy:
    trades = fair_table(500, 1)
    plant(trades, "1000", 0.4, 2, days=slice(None))
    return study(trades)


@pytest.mark.slow
def test_of_studies_of_nothing_at_most_one_in_twenty_names_any() -> None:
    # the hardest null there is: every setup is worth exactly 0, costs take nothing
    studies = [study(fair_table(300, seed), seed=seed) for seed in range(40)]

    assert sum(bool(result.named) for result in studies) <= 2
    # the joint test itself, before any confirmation: 5 % expected, 7 of 40 would be beyond 99 %
    assert sum(result.chance.p <= 0.05 for result in studies) <= 6
    assert all(
        result.verdict.startswith("No setup survives") for result in studies if not result.named
    )


def test_a_planted_setup_is_found_and_confirmed() -> None:
    result = planted()

    assert result.named
    assert {(row.setup.opening_range, row.setup.side) for row in result.named} <= {
        ("1000", "long"),
        ("1000", "both"),
    }
    assert ("1000", "long") in {(row.setup.opening_range, row.setup.side) for row in result.named}
    assert result.chance.p < 0.01
    assert "1000 long" in result.verdict
    assert not result.best_set.nothing_inside
    assert result.summary.named == len(result.named)


def test_a_setup_that_stops_working_is_found_but_not_named() -> None:
    trades = fair_table(500, 3)
    plant(trades, "1000", 0.4, 4, days=slice(0, 375))

    result = study(trades)

    assert result.summary.beat_chance > 0
    assert result.named == ()
    assert NOT_CONFIRMED in {row.status for row in result.setups}
    assert "none was confirmed" in result.verdict


def test_an_edge_that_begins_only_in_the_later_days_is_not_searched_for_there() -> None:
    trades = fair_table(500, 5)
    plant(trades, "1000", 0.6, 6, days=slice(375, None))

    assert study(trades).named == ()


def test_costs_turn_nothing_into_loss() -> None:
    result = study(fair_table(300, 7, cost_r=0.6))

    assert result.summary.mean_net_r == pytest.approx(result.summary.mean_gross_r - 0.6)
    assert result.chance.p == 1.0
    assert "made money after costs" in result.verdict


def test_bars_in_which_one_range_s_long_breaks_run_give_that_setup() -> None:
    """The effect is planted in the bars: after each up breakout of 10:00, the price drifts on."""
    result = study(bars_that_run("1000"), plan=replace(QUICK, min_trades=40), grid=RUNNING)

    assert result.named
    assert {row.setup.side for row in result.named} <= {"long", "both"}
    assert result.named[0].setup.opening_range == "1000"


def test_the_same_bars_without_the_drift_give_none() -> None:
    result = study(bars_that_run(None), plan=replace(QUICK, min_trades=40), grid=RUNNING)

    assert result.named == ()
    assert result.summary.mean_net_r < result.summary.mean_gross_r


RUNNING = SetupGrid(ranges=("1000", "1800", "2300"), rrs=(1.0, 2.0, 3.0), days=("all",))


YEAR = date(2023, 1, 9), date(2023, 12, 29)


@lru_cache(maxsize=1)
def year_without_edge() -> tuple[Schedule, Bars]:
    schedule = build_schedule(mgc(), YEAR[0] - timedelta(days=45), YEAR[1])
    world = simulate(mgc(), schedule, seed=11, edge=0.0)
    parts = ("contracts", "minute", "contract", "open", "high", "low", "close", "volume")
    return schedule, Bars(symbol="MGC", **{part: getattr(world, part) for part in parts})


def bars_that_run(opening_range: str | None) -> TradeTable:
    """Return that year, with prices that drift up a tick a minute after a range's up breakouts."""
    market, (schedule, bars) = mgc(), year_without_edge()
    if opening_range is not None:
        tape = join(bars, schedule, market.roll)
        ranges = opening_ranges(tape, market)
        labels = label(tape, ranges, LabelSpec(), 0.0)
        spec = market.range_index(opening_range)
        drift = np.zeros(int(bars.minute[-1] - bars.minute[0]) + 1)
        for slot in np.flatnonzero((ranges.spec == spec) & (labels.direction == UP)):
            begin, end = labels.break_minute[slot], ranges.session_end[slot]
            drift[begin - bars.minute[0] : end - bars.minute[0]] = 1.0
        lift = np.cumsum(drift).astype(np.int32)[bars.minute - bars.minute[0]]
        prices = ("open", "high", "low", "close")
        bars = replace(bars, **{price: getattr(bars, price) + lift for price in prices})
    return trade_table(bars, market, RUNNING, first=YEAR[0], last=YEAR[1])


def test_setups_with_few_trades_are_listed_separately_and_never_judged() -> None:
    result = study(fair_table(300, 8), plan=replace(QUICK, min_trades=60))

    few = [row for row in result.setups if row.status == TOO_FEW]
    assert len(few) == result.summary.too_few > 0
    assert all(row.search.trades < 60 and row.t is None for row in few)
    others = [row for row in result.setups if row.status != TOO_FEW]
    assert len(others) == result.summary.judged > 0
    assert all(row.search.trades >= 60 and row.t is not None for row in others)


def test_who_is_named_passed_all_three() -> None:
    assert {row.status for row in planted().setups} >= {NAMED, CHANCE}
    for row in planted().setups:
        named = row.status == NAMED
        passed = row.beats_chance and row.q is not None and row.q <= 0.05
        assert (row.status in {NAMED, NOT_CONFIRMED}) == passed
        assert named == (passed and (row.confirmation.low or -1.0) > 0)


def test_the_same_trades_and_seed_give_the_same_study() -> None:
    trades = fair_table(200, 9)

    assert json_values(study(trades, seed=4)) == json_values(study(trades, seed=4))


def test_figures_are_means_of_the_trades_taken() -> None:
    trades = fair_table(200, 10, cost_r=0.1)

    result = study(trades)

    row = next(
        entry for entry in result.setups if entry.setup.name == "0900 long, RR 2, full stop"
    )
    long = trades.direction[:150, 0] == 1
    expected = trades.net[:150, 0, 1][long]
    assert row.search.trades == len(expected)
    assert row.search.net_r == pytest.approx(expected.mean())
    assert row.search.won == pytest.approx((expected > 0).mean())
    assert row.search.low < row.search.net_r < row.search.high


def test_the_heat_has_every_setup_without_filters() -> None:
    cells = planted().heat

    assert len(cells) == 3 * 3 * 2
    assert all(cell.search.trades > 0 for cell in cells)


def test_the_result_is_plain_json_without_nan() -> None:
    document = json_values(planted())

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert {row["status"] for row in document["setups"]} <= {NAMED, NOT_CONFIRMED, CHANCE, TOO_FEW}
    assert NOTHING not in document["best_set"]["inside"]


def test_a_period_too_short_to_confirm_in_is_refused() -> None:
    with pytest.raises(TooFewDaysError, match="name a longer period"):
        study(fair_table(MIN_DAYS - 1, 0))


def test_a_study_without_a_setup_to_judge_is_refused_with_the_most_there_is() -> None:
    with pytest.raises(NoSetupJudgedError, match="--min-trades"):
        study(fair_table(150, 0), plan=replace(QUICK, min_trades=200))


@pytest.mark.parametrize(
    "plan", [{"search_share": 1.0}, {"size": 0.0}, {"min_trades": 3}, {"resamples": 10}], ids=str
)
def test_a_plan_that_cannot_be_is_refused(plan: dict[str, float]) -> None:
    with pytest.raises(PlanError, match="give"):
        StudyPlan(**plan)  # type: ignore[arg-type]
