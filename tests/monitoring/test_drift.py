"""Drift: a shift is detected at its range and in its group, and quiet days stay quiet."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.array_rows import take_rows
from ml_core.health.drift import PREDICTION, ColumnShift
from ml_core.json_values import json_values
from monitoring.drift.columns import LEFT, Daily, Reference, Rows, besides_latest
from monitoring.drift.report import report, write_full_report
from monitoring.drift.shifts import RATE, column_shifts, p_value, threshold

RANGES = ("0900", "1000", "1100", "1800", "2300", "0030")
NAMES = ("size", "wick", "atr", "slow", "weekday", "early_close", "days_since_roll", "said")
GROUPS = {
    "size": "shape",
    "wick": "shape",
    "atr": "volatility",
    "slow": "levels",
    "weekday": "clock",
    "early_close": "clock",
    "days_since_roll": "clock",
    "said": PREDICTION,
}


def world(seed: int, days: int) -> Rows:
    """Return a market whose slow volatility drives the sizes; another level wanders too."""
    draw = np.random.default_rng(seed)
    wander = np.zeros((days, 2))
    for day in range(1, days):
        wander[day] = 0.95 * wander[day - 1] + 0.3 * draw.normal(size=2)
    day = np.repeat(np.arange(days), len(RANGES))
    volatility, slow = wander[day].T
    count = len(day)
    values = np.column_stack(
        [
            np.exp(volatility + 0.3 * draw.normal(size=count)),
            draw.normal(size=count),
            np.exp(volatility + 0.05 * draw.normal(size=count)),
            slow,
            day % 5,
            np.zeros(count),
            np.full(count, 7.0),
            draw.normal(size=count),
        ]
    )
    return Rows(
        day=np.datetime64("2022-01-03") + day,
        opening_range=np.tile(RANGES, days),
        names=NAMES,
        values=values,
    )


SPLIT = 384
WORLD = world(3, 500)
DAYS = np.unique(WORLD.day)
REFERENCE = Reference(take_rows(WORLD, WORLD.day < DAYS[SPLIT]), GROUPS)


def latest(rows: Rows, end: int, days: int = 10) -> Rows:
    return take_rows(rows, (rows.day >= DAYS[end - days]) & (rows.day < DAYS[end]))


def shifted(rows: Rows, name: str, by: float, at: str | None = None) -> Rows:
    values = rows.values.copy()
    here = np.ones(len(rows.day), bool) if at is None else rows.opening_range == at
    values[here, NAMES.index(name)] += by
    return replace(rows, values=values)


def drifted_columns(rows: Rows) -> set[str]:
    return {
        shift.column
        for shift in column_shifts(REFERENCE, REFERENCE.daily_of(rows))
        if shift.drifted
    }


def test_quiet_days_are_quiet() -> None:
    assert [end for end in range(SPLIT + 10, 500) if drifted_columns(latest(WORLD, end))] == []


@pytest.mark.parametrize("name", ["size", "wick", "said"])
def test_a_shift_of_one_deviation_is_found_within_ten_days(name: str) -> None:
    scale = float(WORLD.values[:, NAMES.index(name)].std())
    caught = drifted_columns(shifted(latest(WORLD, 400), name, scale))
    assert name in {column.removesuffix(LEFT) for column in caught}


def test_what_moves_away_from_the_other_groups_is_found_though_it_wanders_by_itself() -> None:
    scale = float(WORLD.values[:, NAMES.index("atr")].std())
    caught = drifted_columns(shifted(latest(WORLD, 400), "atr", scale))
    assert caught
    assert all(name.endswith(LEFT) for name in caught)


def test_a_shift_at_one_range_counts_at_that_range_only() -> None:
    rows = latest(WORLD, 400)
    other = shifted(rows, "wick", 3.0, at="1800")
    before, after = (REFERENCE.daily_of(part) for part in (rows, other))
    column = NAMES.index("wick")
    change = after.values[:, column] - before.values[:, column]
    assert (change > 0.1).all()
    without = rows.opening_range != "1800"
    same = (
        REFERENCE.daily_of(take_rows(other, without)),
        REFERENCE.daily_of(take_rows(rows, without)),
    )
    assert np.array_equal(same[0].values, same[1].values)


@settings(max_examples=20, deadline=None)
@given(st.permutations(list(range(60))))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rows = latest(WORLD, 400)
    turned = Rows(
        day=rows.day[order],
        opening_range=rows.opening_range[order],
        names=rows.names,
        values=rows.values[order],
    )
    assert np.allclose(REFERENCE.daily_of(turned).values, REFERENCE.daily_of(rows).values)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100.0), st.floats(-100.0, 100.0))
def test_the_unit_of_a_feature_does_not_matter(unit: float, zero: float) -> None:
    column = NAMES.index("wick")
    values = WORLD.values.copy()
    values[:, column] = values[:, column] * unit + zero
    other = replace(WORLD, values=values)
    reference = Reference(take_rows(other, other.day < DAYS[SPLIT]), GROUPS)
    assert np.allclose(
        reference.daily_of(latest(other, 400)).values,
        REFERENCE.daily_of(latest(WORLD, 400)).values,
    )


def test_roll_days_and_half_days_are_left_out() -> None:
    rows = latest(WORLD, 400)
    values = rows.values.copy()
    odd, half = rows.day == DAYS[394], rows.day == DAYS[396]
    values[odd, NAMES.index("days_since_roll")] = 0
    values[half, NAMES.index("early_close")] = 1
    left = replace(rows, values=values).ordinary()
    assert set(DAYS[390:400]) - set(left.day) == {DAYS[394], DAYS[396]}


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    from scipy.stats import false_discovery_control  # noqa: PLC0415 - the oracle

    draw = np.random.default_rng(5)
    for _ in range(50):
        p = draw.random(40) ** 3
        cut = threshold(p, 0.05)
        assert ((p <= cut) == (false_discovery_control(p) <= 0.05)).all()
    assert threshold([0.5, 0.9], 0.05) == -1.0


def test_one_column_alone_is_judged_as_it_is_among_all() -> None:
    """Evidently tests them one by one, where sums round differently."""
    drifted = 0
    for end in range(SPLIT + 10, 500):
        current = REFERENCE.daily_of(shifted(latest(WORLD, end), "wick", 0.8))
        shifts = column_shifts(REFERENCE, current)
        for column, shift in enumerate(shifts):
            p = p_value(REFERENCE.daily.values[:, column], current.values[:, column])
            assert (p <= shift.limit) == shift.drifted
        drifted += sum(shift.drifted for shift in shifts)
    assert drifted > 0


def test_a_p_value_of_white_noise_is_seldom_small() -> None:
    draw = np.random.default_rng(6)
    small = 0
    for _ in range(300):
        series = draw.normal(size=310)
        p = p_value(series[:300], series[300:] + 0.0)
        small += p <= 0.05
    assert small <= 300 * 0.08


def test_predictions_have_their_own_false_discovery_rate() -> None:
    rows = shifted(latest(WORLD, 400), "said", 0.6)
    shifts = {shift.column: shift for shift in column_shifts(REFERENCE, REFERENCE.daily_of(rows))}
    prediction = shifts["said"]
    assert prediction.drifted
    features = [shift.p for shift in shifts.values() if shift.group != PREDICTION]
    assert not prediction.p <= threshold([*features, prediction.p], RATE)
    drift = report("MGC", "v", REFERENCE, rows)
    assert (drift.figures.drifted, drift.figures.groups) == (1, (PREDICTION,))
    assert "said (" in drift.verdict


def test_evidently_counts_what_we_call_drifted_and_writes_its_page(tmp_path: object) -> None:
    quiet = report("MGC", "v", REFERENCE, latest(WORLD, 400))
    assert (quiet.judged, quiet.detected, quiet.figures.drifted) == (True, False, 0)
    rows = shifted(shifted(latest(WORLD, 400), "size", 4.0), "said", 2.0)
    drifted = report("MGC", "v", REFERENCE, rows)
    assert drifted.figures.drifted == sum(column.drifted for column in drifted.columns) > 1
    assert json_values(drifted.figures)["prediction_drifted"]
    assert "drift in" in drifted.verdict
    json.dumps(json_values(drifted.figures), allow_nan=False)

    from pathlib import Path  # noqa: PLC0415

    page = Path(str(tmp_path)) / "drift.html"
    write_full_report(REFERENCE, rows, page)
    assert "size" in page.read_text("utf-8")


def test_too_few_days_are_not_judged_and_not_called_clean() -> None:
    few = report("MGC", "v", REFERENCE, latest(WORLD, 400, days=5))
    assert not few.judged
    assert "3 more are needed" in few.verdict
    none = report("MGC", "v", REFERENCE, take_rows(WORLD, WORLD.day > DAYS[-1]))
    assert not none.judged
    short = Reference(latest(WORLD, 100, days=90), GROUPS)
    assert "120 are needed" in report("MGC", "v", short, latest(WORLD, 400)).verdict


def test_a_day_with_few_ranges_waits_until_it_has_more() -> None:
    rows = latest(WORLD, 400, days=11)
    begun = take_rows(rows, (rows.day < DAYS[399]) | (rows.opening_range == "0900"))
    assert str(report("MGC", "v", REFERENCE, begun).last_day) == str(DAYS[398])
    one_short = take_rows(rows, (rows.day < DAYS[399]) | (rows.opening_range != "0900"))
    assert str(report("MGC", "v", REFERENCE, one_short).last_day) == str(DAYS[399])
    assert not report("MGC", "v", REFERENCE, take_rows(rows, rows.opening_range == "1800")).judged


def test_a_range_missing_in_training_is_compared_with_no_other() -> None:
    rows = latest(WORLD, 400)
    new = replace(rows, opening_range=np.full(len(rows.day), "0200"))
    both = Rows(
        day=np.concatenate([rows.day, new.day]),
        opening_range=np.concatenate([rows.opening_range, new.opening_range]),
        names=NAMES,
        values=np.vstack([rows.values, new.values + 100.0]),
    )
    assert np.array_equal(REFERENCE.daily_of(both).values, REFERENCE.daily_of(rows).values)


def test_a_lasting_shift_is_found_although_every_night_trains_on_it() -> None:
    rows = take_rows(WORLD, WORLD.day >= DAYS[200])  # not a year: the null is wide
    values = rows.values.copy()
    values[rows.day >= DAYS[400], NAMES.index("wick")] += 2.0
    rows = replace(rows, values=values)
    detections = {True: 0, False: 0}
    for end in range(401, 411):
        learned, logged = take_rows(rows, rows.day < DAYS[end]), latest(rows, end)
        others = besides_latest(learned, logged, 10)
        assert set(others.day) == set(DAYS[200 : end - 10])
        for reference in (learned, others):
            detections[reference is others] += any(
                shift.drifted for shift in _shifts(Reference(reference, GROUPS), logged)
            )
    assert detections[True] > detections[False] == 0


def _shifts(reference: Reference, rows: Rows) -> tuple[ColumnShift, ...]:
    return column_shifts(reference, reference.daily_of(rows))


def test_days_with_few_ranges_stay_in_the_reference() -> None:
    learned = take_rows(WORLD, WORLD.day < DAYS[400])
    logged = latest(WORLD, 400, days=11)
    thin = (logged.day == DAYS[399]) & (logged.opening_range > "1000")
    kept = besides_latest(learned, take_rows(logged, ~thin), 10)
    assert set(np.unique(learned.day)) - set(kept.day) == set(DAYS[389:399])


def test_less_than_a_year_has_not_seen_the_calendar_come_round() -> None:
    short = Reference(latest(WORLD, SPLIT, days=200), GROUPS)
    summer = shifted(latest(WORLD, 400), "days_since_roll", 60.0)
    drift = report("MGC", "v", short, summer)
    assert drift.judged
    assert not drift.detected
    assert "not in clock, as the version was trained on less than a year" in drift.verdict
    assert json_values(drift.figures)["left_out"] == ["clock"]


def test_a_column_that_differs_by_rounding_alone_is_counted_like_any_other() -> None:
    values = WORLD.values.copy()
    turns = np.arange(len(values)) % 6 + np.arange(len(values)) // 6
    # each day the same six, in another order
    values[:, NAMES.index("wick")] = np.array([9.0, 1.0, 2.0, 1.0, 3.0, 1.0])[turns % 6]
    rows = replace(WORLD, values=values)
    reference = Reference(take_rows(rows, rows.day < DAYS[SPLIT]), GROUPS)
    assert report("MGC", "v", reference, latest(rows, 400)).judged


def test_a_constant_column_that_changes_is_found() -> None:
    rows = latest(WORLD, 400)
    assert drifted_columns(shifted(rows, "days_since_roll", 1.0)) >= {"days_since_roll"}
    still = Daily(day=DAYS[:10], names=("a",), values=np.zeros((10, 1)))
    assert p_value(np.zeros(200), still.values[:, 0]) == 1.0
