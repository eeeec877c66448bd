"""Monitors keep their error rate however often they are checked, and detect real trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from monitoring.breaker import LiveRow, trouble
from monitoring.sequential_monitors import (
    JudgedRows,
    Monitor,
    calibration_process,
    direction_of,
    highest,
    monitors,
)
from tests.ml_core.evidence.slow_wealth import (
    calibration_wealth,
    challenger_wealth,
    rows_of,
    share_wealth,
)

A_DAY = 6
ALPHA = 0.05
STREAMS = 400


def days(rows: int) -> NDArray[np.datetime64]:
    return (np.arange(rows) // A_DAY).astype("datetime64[D]")


def draw_predictions(draw: np.random.Generator, rows: int) -> NDArray[np.float64]:
    p: NDArray[np.float64] = 0.05 + 0.9 * draw.beta(2.0, 2.0, rows)
    return p


def draw_outcomes(
    draw: np.random.Generator, truth: NDArray[np.float64], *, together: bool = False
) -> NDArray[np.bool_]:
    """Draw outcomes; with ``together``, the rows of a day share their luck, as ranges may."""
    luck = draw.random(len(truth))
    if together:
        luck = luck[::A_DAY].repeat(A_DAY)[: len(truth)]
    up: NDArray[np.bool_] = luck < truth
    return up


def first_alarm(wealth: NDArray[np.float64], alpha: float) -> int | None:
    """Return the number of rows seen at the first alarm."""
    alarms = np.flatnonzero(wealth >= 1.0 / alpha)
    return int(alarms[0] + 1) * A_DAY if len(alarms) else None


@pytest.mark.parametrize(
    ("low", "high", "off"),
    [(0.2, 0.8, 0.0), (0.2, 0.8, 0.15), (0.0, 1.0, 0.0), (0.0, 1.0, 0.15), (0.4, 0.6, -0.6)],
)
def test_the_evidence_against_the_predictions_is_that_of_slow_bettors(
    low: float, high: float, off: float
) -> None:
    # 350 days, since the last part of the capital begins to bet on the 321st
    draw = np.random.default_rng(7)
    p = draw.uniform(low, high, 700).round(2)
    p[600::4] = 0.1  # in a fifth of the scale of its own, before others of its day
    day = np.datetime64("2024-01-01") + np.arange(700) // 2
    up = draw_outcomes(draw, np.clip(p - off, 0.0, 1.0))
    broke = draw.random(700) < 0.9
    wealth = calibration_process(p, up, day, broke)
    expected = calibration_wealth(rows_of(p, p, up, day, broke))
    np.testing.assert_allclose(wealth, expected, rtol=1e-9)


@pytest.mark.parametrize(("e_value", "alarm"), [(99.99, False), (100.0, True), (101.0, True)])
def test_an_e_value_of_a_hundred_raises_the_alarm_at_one_per_cent(
    e_value: float, alarm: bool
) -> None:
    monitor = Monitor(
        watches="corridor", e_value=e_value, alpha=0.01, rows=9, days=3, words="words"
    )
    assert monitor.alarm is alarm


def test_each_monitor_has_its_own_bet_and_reports_its_highest_e_value() -> None:
    draw = np.random.default_rng(8)
    p, corridor = draw_predictions(draw, 240).round(2), draw_predictions(draw, 240).round(2)
    up = draw_outcomes(draw, corridor)
    rows = rows_of(corridor, p, up, days(240))
    right = [(row.other >= 0.5) == row.up for row in rows]
    expected = {
        "corridor": max(challenger_wealth(rows)),
        "calibration": max(calibration_wealth(rows_of(p, p, up, days(240)))),
        "accuracy": max(share_wealth([not correct for correct in right], days(240).tolist(), 0.3)),
    }
    results = monitors(judged_rows(p, corridor, up), reference_accuracy=0.7)
    assert {monitor.watches: monitor.e_value for monitor in results} == pytest.approx(expected)
    assert {(monitor.alpha, monitor.rows, monitor.days) for monitor in results} == {
        (0.01, 240, 40)
    }
    without = monitors(judged_rows(p, corridor, up), alpha=0.05)
    assert [(monitor.watches, monitor.alpha) for monitor in without] == [
        ("corridor", 0.05),
        ("calibration", 0.05),
    ]


@pytest.mark.parametrize("reference", [0.0, 1.0])
def test_a_version_that_was_always_or_never_right_can_be_watched(reference: float) -> None:
    p = np.full(120, 0.7)
    results = monitors(judged_rows(p, p, np.arange(120) % 10 < 7), reference)
    assert tuple(one for one in results if one.alarm) == results[2:] * (reference == 1.0)


@pytest.mark.parametrize(
    ("wealth", "expected"), [([], 1.0), ([0.5, 0.2], 1.0), ([0.5, 7.0, 2.0], 7.0)]
)
def test_the_highest_wealth_is_no_less_than_what_one_began_with(
    wealth: list[float], expected: float
) -> None:
    assert highest(np.array(wealth)) == expected


@pytest.mark.parametrize("together", [False, True], ids=["independent", "one fortune a day"])
def test_calibrated_streams_raise_no_more_false_alarms_than_stated(together: bool) -> None:
    alarmed = 0
    for seed in range(STREAMS):
        draw = np.random.default_rng(seed)
        p = draw_predictions(draw, 180)
        wealth = calibration_process(p, draw_outcomes(draw, p, together=together), days(180), True)
        alarmed += highest(wealth) >= 1.0 / ALPHA
    # a process that keeps its rate of 5 % has more than this many once in a thousand tries
    assert alarmed <= binom.ppf(0.999, STREAMS, ALPHA)


@pytest.mark.parametrize(
    ("wrong", "within"),
    [("too high by a tenth", 720), ("too bold", 2400), ("a coin", 360)],
)
def test_probabilities_that_are_off_are_found_within_the_rows_stated(
    wrong: str, within: int
) -> None:
    for seed in range(5):
        draw = np.random.default_rng(seed)
        p = draw_predictions(draw, within)
        bold = p**0.5 / (p**0.5 + (1.0 - p) ** 0.5)
        truth = {"too high by a tenth": np.maximum(p - 0.1, 0.0), "too bold": bold}.get(
            wrong, np.full(within, 0.5)
        )
        alarm = first_alarm(
            calibration_process(p, draw_outcomes(draw, truth), days(within), True), 0.01
        )
        assert alarm is not None, (wrong, seed)


def test_a_long_good_record_does_not_hide_a_change_for_as_long_again() -> None:
    rows = 1200
    for seed in range(5):
        draw = np.random.default_rng(seed)
        p = draw_predictions(draw, 2 * rows)
        truth = np.where(np.arange(2 * rows) < rows, p, np.maximum(p - 0.1, 0.0))
        alarm = first_alarm(
            calibration_process(p, draw_outcomes(draw, truth), days(2 * rows), True), 0.01
        )
        assert alarm is not None
        assert rows < alarm < 2 * rows


@settings(max_examples=100, deadline=None)
@example([*[(0.0, False)] * 17, (0.0, True), (0.0, False), (2.2e-308, False)])
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), max_size=60))
def test_whatever_happens_the_wealth_stays_above_zero(rows: list[tuple[float, bool]]) -> None:
    p = np.array([probability for probability, _ in rows], np.float64)
    up = np.array([outcome for _, outcome in rows], bool)
    wealth = calibration_process(p, up, days(len(rows)), True)
    assert (wealth > 0).all()
    assert len(wealth) == len(np.unique(days(len(rows))))


def test_days_to_come_change_nothing_of_the_days_before() -> None:
    draw = np.random.default_rng(1)
    p = draw_predictions(draw, 600)
    up = draw_outcomes(draw, p)
    whole = calibration_process(p, up, days(600), True)
    part = calibration_process(p[:300], up[:300], days(300), True)
    np.testing.assert_array_equal(whole[:50], part)


def judged_rows(
    p: NDArray[np.float64], baseline: NDArray[np.float64], up: NDArray[np.bool_]
) -> JudgedRows:
    broke = np.ones(len(p), bool)
    return JudgedRows(p_up=p, baseline_p_up=baseline, broke=broke, up=up, day=days(len(p)))


def test_a_model_that_lost_its_accuracy_is_named_and_a_sound_one_is_not() -> None:
    draw = np.random.default_rng(2)
    p = np.where(draw.random(900) < 0.5, 0.7, 0.3)
    sound = monitors(judged_rows(p, p, draw_outcomes(draw, p)), reference_accuracy=0.69)
    assert [monitor.watches for monitor in sound] == ["corridor", "calibration", "accuracy"]
    assert not any(monitor.alarm for monitor in sound)
    coin = monitors(
        judged_rows(p, np.full(900, 0.5), draw.random(900) < 0.5), reference_accuracy=0.69
    )
    assert {monitor.watches for monitor in coin if monitor.alarm} == {
        "corridor",
        "calibration",
        "accuracy",
    }


def test_without_breaks_there_is_no_evidence() -> None:
    none = np.array([], np.float64)
    results = monitors(judged_rows(none, none, none.astype(bool)), reference_accuracy=0.7)
    assert [(monitor.e_value, monitor.rows, monitor.days) for monitor in results] == [
        (1.0, 0, 0)
    ] * 3
    assert direction_of(judged_rows(none, none, none.astype(bool))) == "no breaks yet"


@pytest.mark.parametrize(("pushed", "opens"), [(0.15, True), (0.0, False)])
def test_a_champion_whose_probabilities_are_off_opens_the_breaker(
    pushed: float, opens: bool
) -> None:
    draw = np.random.default_rng(3)
    p = 0.2 + 0.45 * draw.random(600)
    up = draw_outcomes(draw, p)
    begun = datetime(2024, 6, 3, tzinfo=UTC)
    # the corridor is just as wrong: the model is not worse than it, yet miscalibrated
    rows = [
        LiveRow(
            at=begun + timedelta(hours=4 * index),
            failed=False,
            p_up=float(p[index] + pushed),
            baseline_p_up=float(p[index] + pushed),
            up=bool(up[index]),
            day=(begun + timedelta(hours=4 * index)).date(),
        )
        for index in range(600)
    ]
    opening = trouble(rows)
    assert (opening is not None and opening[0] == "calibration") == opens
