"""The breaker opens on trouble, does not flap, and never closes directly from open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.market_events import BreakerEvent
from monitoring.breaker import BreakerPolicy, LiveRow, breaker_state, trouble
from tests.ml_core.evidence.slow_wealth import Row, calibration_wealth, challenger_wealth

T0 = datetime(2024, 6, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def event(hours: float, state: str) -> BreakerEvent:
    return BreakerEvent(
        market="MGC",
        at=T0 + hours * HOUR,
        state=state,  # type: ignore[arg-type]
        cause="c",
        detail="d",
        by="x",
    )


def test_without_events_it_is_closed() -> None:
    assert breaker_state([], T0).closed


@pytest.mark.parametrize(
    ("openings", "hours"), [(1, 12), (2, 24), (3, 48), (4, 96), (5, 192), (6, 192), (30, 192)]
)
def test_each_opening_in_a_row_doubles_its_time_up_to_eight_days(
    openings: int, hours: int
) -> None:
    # the time closed between two openings does not matter while it is short
    events = [
        event(2 * number, "open" if number % 2 == 0 else "closed")
        for number in range(2 * openings - 1)
    ]
    now = breaker_state(events, events[-1].at)
    assert now.until == events[-1].at + hours * HOUR
    assert breaker_state(events, now.until - SECOND).state == "open"
    assert breaker_state(events, now.until).state == "half_open"
    assert breaker_state(events, now.until + timedelta(days=400)).state == "half_open"


@pytest.mark.parametrize(
    ("quiet", "hours"),
    [(timedelta(days=8) - SECOND, 24), (timedelta(days=8), 12), (timedelta(days=20), 12)],
)
def test_eight_days_closed_forget_the_openings_before(quiet: timedelta, hours: int) -> None:
    closed = event(13, "closed")
    again = event(0, "open")
    events = [again, closed, replace(again, at=closed.at + quiet)]
    assert breaker_state(events, T0).until == closed.at + quiet + hours * HOUR


def test_openings_without_a_closing_between_count_each() -> None:
    assert breaker_state([event(0, "open"), event(1, "open")], T0).until == T0 + (1 + 24) * HOUR


@given(st.lists(st.sampled_from(["open", "closed"]), max_size=30), st.floats(0, 10_000))
def test_time_alone_never_closes_it(states: list[str], hours: float) -> None:
    events = [event(index, state) for index, state in enumerate(states)]
    now = breaker_state(events, T0 + (len(states) + hours) * HOUR)
    assert now.closed == (not states or states[-1] == "closed")
    assert (now.until is None) == now.closed
    assert (now.until or T0) - (now.since or T0) <= timedelta(days=8)


def test_the_cause_is_named_in_words() -> None:
    assert trouble([STALE] * 3) == ("data", "3 slots in a row had no bars")
    assert trouble([SILENT] * 3) == ("failures", "3 slots in a row had no prediction")
    assert trouble([LATE] * 3) == ("latency", "3 predictions in a row were too late")


def cause(rows: list[LiveRow]) -> str | None:
    opening = trouble(rows)
    return None if opening is None else opening[0]


FINE = LiveRow(at=T0, failed=False)
SILENT = LiveRow(at=T0, failed=True)
STALE = replace(SILENT, stale=True)
LATE = LiveRow(at=T0, failed=False, late=True)


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        ([SILENT] * 2, None),
        ([SILENT] * 3, "failures"),
        ([SILENT] * 3 + [FINE], None),
        ([SILENT, SILENT, FINE, SILENT, SILENT], None),
        ([STALE] * 2, None),
        ([STALE] * 3, "data"),
        ([STALE] * 3 + [FINE], None),
        ([SILENT, STALE, STALE], "failures"),
        ([SILENT, STALE, STALE, STALE], "data"),
        ([LATE] * 2, None),
        ([LATE] * 3, "latency"),
        ([LATE] * 3 + [FINE], None),
        ([LATE, FINE, LATE, LATE], None),
        ([LATE, LATE, replace(SILENT, late=True)], None),
        ([LATE, LATE, SILENT], None),
        ([replace(STALE, late=True)] * 3, "data"),
    ],
)
@pytest.mark.parametrize("before", [0, 40], ids=["from the first", "after a long while"])
def test_three_slots_in_a_row_open_it_and_two_do_not(
    before: int, latest: list[LiveRow], expected: str | None
) -> None:
    assert cause([FINE] * before + latest) == expected


@pytest.mark.parametrize(
    ("r", "expected"),
    [
        ([-1.0] * 9 + [-0.99], None),
        ([-1.0] * 10, "drawdown"),
        ([5.0, -5.0, -5.0], "drawdown"),
        ([5.0, -5.0, -4.99], None),
        ([-6.0, 3.0, -6.99], None),
        ([-6.0, 3.0, -7.0], "drawdown"),
        ([-10.0, 50.0], "drawdown"),
        ([0.1] * 100, None),
        ([None] * 5, None),
        ([-5.0, None, -5.0], "drawdown"),
    ],
)
def test_a_fall_of_ten_r_below_the_highest_opens_it(
    r: list[float | None], expected: str | None
) -> None:
    assert cause([replace(FINE, r_net=net) for net in r]) == expected


def test_a_fall_is_named_with_its_depth_and_its_trades() -> None:
    opening = trouble([replace(FINE, r_net=r) for r in (2.0, None, -11.25)])
    assert opening == ("drawdown", "11.2 R below its high over 2 trades")


def breaks(count: int, p_up: float, baseline: float, wins: float) -> list[LiveRow]:
    """Return one breakout a day; in every ten, the first few are UP."""
    return [
        LiveRow(
            at=T0 + timedelta(days=index),
            failed=False,
            p_up=p_up,
            baseline_p_up=baseline,
            up=index % 10 < wins,
        )
        for index in range(count)
    ]


def days_to_a_hundred(wealth: list[float]) -> int:
    """Return the number of days until an e-value of 100, which must be reached in small steps."""
    first = next(index for index, e_value in enumerate(wealth) if e_value >= 100)
    assert 95 < wealth[first - 1] < 100
    return first + 1


def test_worse_than_the_corridor_by_an_e_value_of_a_hundred_opens_it() -> None:
    # UP and DOWN are equally frequent, as predicted; the corridor knows the day
    up, down = (breaks(200, p_up=0.5, baseline=baseline, wins=0) for baseline in (0.51, 0.49))
    rows = [replace(row, up=True) for row in up]
    rows[1::2] = down[1::2]
    slow = [Row(row.at, row.baseline_p_up or 0.0, 0.5, bool(row.up)) for row in rows]
    enough = days_to_a_hundred(challenger_wealth(slow))
    assert cause(rows[: enough - 1]) is None
    assert cause(rows[:enough]) == "accuracy"


def test_miscalibrated_probabilities_with_an_e_value_of_a_hundred_open_it() -> None:
    # the corridor predicts the same: it is not worse than that
    rows = breaks(500, p_up=0.03, baseline=0.03, wins=0)
    slow = [Row(row.at, 0.03, 0.03, up=False) for row in rows]
    enough = days_to_a_hundred(calibration_wealth(slow))
    assert cause(rows[: enough - 1]) is None
    assert cause(rows[:enough]) == "calibration"
    # the highest value counts: a later day does not cancel an alarm
    assert calibration_wealth([*slow[:enough], Row(0, 0.03, 0.03, up=True)])[-1] < 90
    assert cause([*rows[:enough], replace(rows[enough], up=True)]) == "calibration"


@pytest.mark.parametrize(("baseline", "expected"), [(0.6, "accuracy"), (0.5, "calibration")])
def test_an_e_value_just_as_high_as_the_limit_is_enough(baseline: float, expected: str) -> None:
    # one day proves nothing: of e-values of 1, and a little less against the corridor
    rows = breaks(1, p_up=0.6, baseline=baseline, wins=10)
    opening = trouble(rows, BreakerPolicy(alpha=1.0))
    assert opening is not None
    assert opening[0] == expected
    assert trouble(rows, BreakerPolicy(alpha=0.99)) is None


@pytest.mark.parametrize("missing", ["p_up", "baseline_p_up", "up"])
def test_rows_that_cannot_be_compared_are_not_judged(missing: str) -> None:
    rows = breaks(600, p_up=0.9, baseline=0.5, wins=0)
    assert cause(rows) == "accuracy"
    assert cause([replace(row, **{missing: None}) for row in rows]) is None


def test_predictions_of_one_trading_day_are_open_together_whatever_the_date() -> None:
    rows = breaks(60, p_up=0.9, baseline=0.5, wins=0)
    assert cause(rows) == "accuracy"
    # of one day: nothing was known of it when its bets were made
    assert cause([replace(row, day=T0.date()) for row in rows]) is None
