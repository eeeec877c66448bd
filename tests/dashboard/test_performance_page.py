"""The performance page's tables and figures agree with scikit-learn on the same rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, confusion_matrix, log_loss

from deployments.dashboard.charts.record_charts import (
    drawdown,
    equity,
    running,
)
from deployments.dashboard.charts.theme import LIGHT
from deployments.dashboard.tables.record_tables import (
    confusion,
    grouped_periods,
    level,
    lines,
    side,
    weekday,
)
from ml_core.health.scored_prediction import ScoredPrediction
from monitoring.daily_sums import daily_figures
from monitoring.performance import over, whole_days
from monitoring.rolling import MOST_POINTS, rolling
from tests.dashboard.chart_parts import rows_of

FIRST = date(2024, 1, 1)


def answers(days: int, *, seed: int = 1) -> list[ScoredPrediction]:
    """Return six predictions a day; one in twenty late, one in ten without a breakout."""
    draw = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        for name in ("0900", "1000", "1100", "1800", "2300", "0030"):
            p = float(draw.uniform(0.05, 0.95))
            up = draw.random() < p
            net = float(draw.normal(-0.1, 1.0))
            rows.append(
                ScoredPrediction(
                    trading_day=FIRST + timedelta(days=day),
                    opening_range=name,
                    mode="live",
                    role="champion",
                    version="v1",
                    decision_time=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day),
                    status="predicted",
                    late=bool(draw.random() < 0.05),
                    p_up=p,
                    baseline_p_up=float(np.clip(p + draw.normal(0, 0.1), 0.01, 0.99)),
                    majority_p_up=0.5,
                    recommendation="long" if p > 0.8 else "skip",
                    direction="NONE" if draw.random() < 0.1 else "UP" if up else "DOWN",
                    r_gross=net + 0.2,
                    r_net=net,
                )
            )
    return rows


def in_time(rows: list[ScoredPrediction]) -> list[ScoredPrediction]:
    return [row for row in rows if not row.late and row.direction != "NONE"]


@pytest.mark.parametrize("key", [side, level, weekday])
def test_a_groups_figures_are_those_of_its_rows(key: Any) -> None:
    rows = answers(60)
    periods = grouped_periods("MGC", rows, key)
    for name, period in periods.items():
        same = [row for row in in_time(rows) if key(row) == name]
        p = np.array([row.p_up for row in same])
        up = np.array([row.direction == "UP" for row in same])
        model = period.forecasters["model"]
        assert period.counts.breaks == len(same)
        assert model.accuracy == pytest.approx(accuracy_score(up, p >= 0.5))
        assert model.log_loss == pytest.approx(log_loss(up, p, labels=[False, True]))
        assert model.brier == pytest.approx(brier_score_loss(up, p))
    assert sum(group.counts.breaks for group in periods.values()) == len(in_time(rows))


def test_the_confusion_counts_are_scikit_learns_without_late_answers() -> None:
    rows = answers(40)
    judged = in_time(rows)
    counts = confusion(rows)
    table = confusion_matrix(
        [row.direction for row in judged],
        [side(row) for row in judged],
        labels=["UP", "DOWN"],
    )
    assert [
        [counts[predicted][was] for predicted in ("UP", "DOWN")] for was in ("UP", "DOWN")
    ] == (table.tolist())
    assert counts["UP"]["NONE"] + counts["DOWN"]["NONE"] == sum(
        row.direction == "NONE" and not row.late for row in rows
    )


def test_few_days_give_no_interval_and_a_group_without_breaks_no_figure() -> None:
    (line,) = lines(grouped_periods("MGC", answers(5), lambda _: "all")).to_dict("records")
    assert line["log loss"] == line["net R a trade"] == "too few days"
    late = [replace(row, late=True) for row in answers(2)]
    (line,) = lines(grouped_periods("MGC", late, lambda _: "all")).to_dict("records")
    assert (line["breaks"], line["model"]) == (0, "-")


def test_a_group_with_a_slot_that_is_still_open_is_judged_by_its_others() -> None:
    open_slot = replace(answers(1)[0], direction=None, r_gross=None, r_net=None)
    periods = grouped_periods("MGC", [*answers(30), open_slot], weekday)
    assert sum(period.counts.open for period in periods.values()) == 1


def test_a_rolling_figure_is_the_period_of_its_window_and_begins_when_it_is_full() -> None:
    whole = whole_days(daily_figures("MGC", answers(45)))
    assert rolling(whole[:19], "model", "accuracy") is None
    line = rolling(whole, "model", "accuracy")
    assert line is not None
    assert line.days[0] == FIRST + timedelta(days=19)
    last = over(whole[-20:])
    assert line.estimate[-1] == pytest.approx(last.forecasters["model"].accuracy)
    assert all(
        low <= mid <= high
        for low, mid, high in zip(line.low, line.estimate, line.high, strict=True)
    )
    many = rolling(whole_days(daily_figures("MGC", answers(400))), "model", "brier")
    assert many is not None
    assert len(many.days) <= MOST_POINTS
    assert many.days[-1] == FIRST + timedelta(days=399)


def test_a_rolling_net_r_is_of_a_trade_and_not_of_a_break() -> None:
    rows = [
        row if row.opening_range != "0900" else replace(row, r_net=None) for row in answers(20)
    ]
    whole = whole_days(daily_figures("MGC", rows))
    traded = sum(day.figures.predicted_side.trades > 0 for day in whole)
    line = rolling(whole, "predicted_side", "r_net", window=traded)
    assert line is not None
    trades = over(whole).trades["predicted_side"]
    assert 0 < trades.trades < sum(day.figures.breaks for day in whole)
    assert line.estimate == (pytest.approx(trades.r_net / trades.trades),)


def test_the_equity_is_the_sum_of_the_days_and_its_fall_is_measured_from_its_height() -> None:
    rows = whole_days(daily_figures("MGC", answers(30)))
    days = sorted({row.day for row in rows})
    so_far = running(rows, days, "every_break", "r_net")
    assert so_far[-1] == pytest.approx(over(rows).trades["every_break"].r_net)
    assert drawdown(so_far) == pytest.approx(
        min(np.array(so_far) - np.maximum(np.maximum.accumulate(so_far), 0))
    )
    drawn = rows_of(equity(rows, "every_break", LIGHT), "net of costs")
    assert [day["net of costs"] for day in drawn] == so_far
    assert drawdown([]) == 0.0
