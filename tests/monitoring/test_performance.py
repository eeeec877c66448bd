"""Daily sums agree with scikit-learn over any days, and count open, late and missing rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from ml_core.evidence.intervals import mean_interval
from ml_core.evidence.metrics import LOG_LOSS, expected_calibration_error
from ml_core.health.daily_sums import CoverageSums, DaySums, PerformanceRecord, TradeSums
from ml_core.health.scored_prediction import ScoredPrediction
from ml_core.json_values import json_values
from monitoring import daily_sums
from monitoring.daily_sums import ALL, NO_VERSION, figures
from monitoring.performance import (
    MIN_DAYS,
    MixedModesError,
    grouped,
    over,
    whole_days,
)

DAY = date(2024, 7, 1)
OPEN = {"direction": None, "r_gross": None, "r_net": None}


def row(**changed: Any) -> ScoredPrediction:
    base = ScoredPrediction(
        trading_day=DAY,
        opening_range="0900",
        mode="live",
        role="champion",
        version="v1",
        decision_time=datetime(2024, 7, 1, 23, 5, tzinfo=UTC),
        status="predicted",
        late=False,
        p_up=0.7,
        baseline_p_up=0.6,
        majority_p_up=0.52,
        recommendation="long",
        direction="UP",
        r_gross=1.0,
        r_net=0.8,
        net_r_low=-1.2,
        net_r_high=0.9,
    )
    return replace(base, **changed)


def daily_figures(rows: Iterable[ScoredPrediction]) -> list[PerformanceRecord]:
    return daily_sums.daily_figures("MGC", rows)


def many(count: int, seed: int = 0) -> list[ScoredPrediction]:
    """Return three ranges a day, with a model that forecasts better than the corridor."""
    draw = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        truth = draw.uniform(0.05, 0.95)
        rows.append(
            row(
                trading_day=DAY + timedelta(days=index // 3),
                opening_range=("0900", "1000", "1100")[index % 3],
                p_up=truth,
                baseline_p_up=0.5 + (truth - 0.5) / 3,
                direction="UP" if draw.random() < truth else "DOWN",
                r_net=float(draw.normal()),
            )
        )
    return rows


predictions = st.tuples(
    st.floats(0.01, 0.99).filter(lambda p: p != 0.5),
    st.floats(0.01, 0.99).filter(lambda p: p != 0.5),
    st.sampled_from(["UP", "DOWN"]),
    st.integers(0, 4),
)


@settings(deadline=None)
@given(st.lists(predictions, min_size=1, max_size=30))
def test_a_period_s_metrics_are_those_of_the_rows_behind_its_daily_sums(
    rows: list[tuple[float, float, str, int]],
) -> None:
    daily = daily_figures(
        row(p_up=p, baseline_p_up=q, direction=way, trading_day=DAY + timedelta(days=late))
        for p, q, way, late in rows
    )
    # stored and read back, as the figures are
    kept = [json.dumps(json_values(day_figures.figures)) for day_figures in daily]
    read = [DaySums.from_json(json.loads(figures)) for figures in kept]
    assert read == [day_figures.figures for day_figures in daily]
    period = over(
        whole_days(
            replace(day_figures, figures=figures)
            for day_figures, figures in zip(daily, read, strict=True)
        )
    )

    up = np.array([way == "UP" for _, _, way, _ in rows])
    for forecaster, place in (("model", 0), ("corridor", 1)):
        p = np.array([outcome[place] for outcome in rows], np.float64)
        scores = period.forecasters[forecaster]
        assert scores.accuracy == pytest.approx(accuracy_score(up, p > 0.5))
        assert scores.log_loss == pytest.approx(log_loss(up, p, labels=[False, True]))
        assert scores.brier == pytest.approx(brier_score_loss(up, p))
        assert scores.ece == pytest.approx(expected_calibration_error(p, up))


def test_the_difference_from_the_corridor_has_the_interval_of_the_rows() -> None:
    rows = many(300)
    difference = over(whole_days(daily_figures(rows))).difference["corridor"].log_loss

    up = np.array([entry.direction == "UP" for entry in rows])
    ours, theirs = (
        np.array([getattr(entry, key) for entry in rows]) for key in ("p_up", "baseline_p_up")
    )
    day = np.array([entry.trading_day for entry in rows], "datetime64[D]")
    change = LOG_LOSS.rows(ours, up) - LOG_LOSS.rows(theirs, up)
    wanted = mean_interval(change, day)
    for name in ("estimate", "low", "high"):
        assert getattr(difference, name) == pytest.approx(getattr(wanted, name))
    assert (difference.rows, difference.days) == (300, 100)


def test_ranges_add_up_to_whole_days() -> None:
    daily = daily_figures(many(90))
    by_range, by_day = over(whole_days(daily, ranges=True)), over(whole_days(daily))

    assert by_range.counts == by_day.counts
    assert asdict(by_range.forecasters["model"]) == pytest.approx(
        asdict(by_day.forecasters["model"])
    )
    assert by_range.trades["taken"].r_net == pytest.approx(by_day.trades["taken"].r_net)
    assert list(
        grouped(whole_days(daily, ranges=True), lambda day_figures: day_figures.opening_range)
    ) == [
        "0900",
        "1000",
        "1100",
    ]


def test_a_day_has_a_row_for_each_range_and_one_for_all() -> None:
    daily = daily_figures([row(), row(opening_range="1000")])

    assert [day_figures.opening_range for day_figures in daily] == ["0900", "1000", ALL]
    assert daily[-1].figures.answered == 2


@pytest.mark.parametrize(
    "other",
    [
        {"mode": "replay"},
        {"role": "baseline"},
        {"version": "v2"},
        {"trading_day": date(2024, 7, 2)},
    ],
)
def test_modes_roles_versions_and_days_are_kept_apart(other: dict[str, Any]) -> None:
    daily = daily_figures([row(), row(**other)])

    assert [day_figures.figures.answered for day_figures in daily] == [1, 1, 1, 1]


def test_live_days_and_replayed_ones_are_never_added_up() -> None:
    with pytest.raises(MixedModesError, match="live and replay"):
        over(daily_figures([row(), row(mode="replay")]))


def test_open_slots_and_abstentions_are_counted_but_not_scored() -> None:
    unsaid = {"status": "abstained", "p_up": None, "baseline_p_up": None, "recommendation": None}
    sums = figures(
        [
            row(),
            row(**OPEN),
            row(**{**OPEN, "direction": "NONE"}),
            row(**unsaid, reason="holiday"),
            row(**unsaid, reason="missed", late=True),
        ]
    )

    names = ("slots", "answered", "open", "no_break", "breaks", "late")
    assert [getattr(sums, name) for name in names] == [5, 3, 1, 1, 1, 0]
    assert sums.abstained == {"holiday": 1, "missed": 1}
    assert sums.model is not None
    assert sums.model.accuracy == 1.0


def test_a_late_prediction_is_counted_but_not_scored() -> None:
    sums = figures([row(), row(late=True, p_up=0.99)])

    assert (sums.late, sums.breaks, sums.taken.trades) == (1, 1, 1)


def test_revised_and_late_outcomes_are_counted() -> None:
    period = over(daily_figures([row(revision=2), row(outcome_late=True), row()])[-1:])

    assert (period.counts.revised, period.counts.late_outcomes) == (1, 1)


def test_without_a_break_there_is_nothing_to_judge() -> None:
    period = over(daily_figures([row(**OPEN)])[-1:])

    assert period.forecasters == {}
    assert period.verdict == "live, 0 days, 0 breaks: nothing to judge yet"
    assert json_values(period)["coverage"]["estimate"] is None
    assert over([]).verdict == period.verdict


def test_only_a_recommended_side_that_broke_was_taken() -> None:
    sums = figures(
        [
            row(r_gross=1.0, r_net=0.75),
            row(recommendation="short", r_net=-1.25),
            row(recommendation="skip", direction="DOWN", r_net=-1.5),
        ]
    )

    assert sums.taken == TradeSums(trades=1, won=1, r_gross=1.0, r_net=0.75)
    assert (sums.predicted_side.trades, sums.predicted_side.r_net) == (2, -0.5)
    assert (sums.every_break.trades, sums.every_break.r_net) == (3, -2.0)


@pytest.mark.parametrize(
    ("p_up", "side"),
    [(np.nextafter(0.5, 0), "DOWN"), (0.5, "UP"), (np.nextafter(0.5, 1), "UP")],
    ids=["just below", "even", "just above"],
)
def test_the_predicted_side_is_up_from_even_odds_on_as_accuracy_has_it(
    p_up: float, side: str
) -> None:
    for direction in ("UP", "DOWN"):
        result = figures([row(p_up=float(p_up), direction=direction)])
        right = direction == side
        assert result.model is not None
        assert (result.predicted_side.trades, result.model.accuracy) == (right, right)


@pytest.mark.parametrize(("r_net", "covered"), [(-1.2, 1), (0.9, 1), (-1.2001, 0), (0.9001, 0)])
def test_an_interval_covers_both_its_ends_and_nothing_beyond(r_net: float, covered: int) -> None:
    assert figures([row(r_net=r_net)]).interval == CoverageSums(stated=1, covered=covered)


def test_a_trade_that_made_nothing_is_not_won_and_a_first_revision_counts() -> None:
    result = figures([row(r_net=0.0), row(r_net=1e-9), row(revision=1)])

    assert (result.every_break.won, result.revised) == (2, 1)


def test_the_coverage_of_the_interval_counts_only_where_one_was_stated() -> None:
    rows = [row(), row(r_net=1.5), row(net_r_low=None, net_r_high=None), row(r_net=-1.2)]
    coverage = over(daily_figures(rows)[-1:]).coverage

    assert coverage.rows == 3
    assert coverage.estimate == pytest.approx(2 / 3)


def test_a_majority_forecast_missing_for_a_breakout_is_left_out() -> None:
    assert set(over(daily_figures([row()])[-1:]).forecasters) == {"model", "corridor", "majority"}
    period = over(daily_figures([row(), row(majority_p_up=None)])[-1:])
    assert set(period.forecasters) == {"model", "corridor"}


def test_a_slot_without_any_version_is_counted_under_none() -> None:
    daily = daily_figures([row(version=None, status="abstained", reason="no_model")])

    assert {day_figures.version for day_figures in daily} == {NO_VERSION}
    assert daily[-1].figures.abstained == {"no_model": 1}


def verdict(rows: list[ScoredPrediction]) -> str:
    return over(whole_days(daily_figures(rows))).verdict


def test_the_verdict_says_no_more_than_the_interval_shows() -> None:
    better = many(600)
    swapped = [
        replace(entry, p_up=entry.baseline_p_up, baseline_p_up=entry.p_up) for entry in better
    ]
    same = [replace(entry, baseline_p_up=entry.p_up) for entry in better]

    assert verdict(better).endswith("so far better than the corridor")
    assert verdict(swapped).endswith("so far worse than the corridor")
    assert verdict(same).endswith("the model is the corridor")
    assert verdict(better[:12]).endswith(f"too few days to judge, {MIN_DAYS - 4} more are needed")
    assert verdict(better).startswith("live, 200 days, 600 breaks: model ")


def test_nineteen_days_are_too_few_to_say_and_twenty_are_not() -> None:
    better = many(600)

    assert verdict(better[: 19 * 3]).endswith("too few days to judge, 1 more are needed")
    assert " to " not in verdict(better[: 19 * 3]).partition("log loss")[2].partition(":")[0]
    assert " to " in verdict(better[: 20 * 3])
    assert verdict(better[: 20 * 3]).endswith("so far better than the corridor")


def test_the_calibration_error_by_chance_is_that_of_probabilities_that_are_right() -> None:
    draw = np.random.default_rng(3)
    p = draw.beta(2, 2, 600)
    errors = [expected_calibration_error(p, draw.random(600) < p) for _ in range(400)]

    result = over(whole_days(daily_figures(row(p_up=float(chance)) for chance in p)))

    assert result.forecasters["model"].ece_by_chance == pytest.approx(np.mean(errors), rel=0.05)


def test_without_skill_the_verdict_is_no_difference_shown() -> None:
    draw = np.random.default_rng(5)
    rows = [
        replace(entry, p_up=0.5 + draw.normal(0, 0.01), baseline_p_up=0.5 + draw.normal(0, 0.01))
        for entry in many(300)
    ]
    assert verdict(rows).endswith("no difference shown")
