"""The end of a scan and of knowledge: the minute before, and the minute itself."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from ml_core.features.history import History, read_history
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import NONE, NOT_RESOLVED, TIMEOUT, UNKNOWN, UP, WIN
from ml_core.ranges.opening_range import Exclusion
from tests.ml_core.builders import Row, bars_of, flat_day, mgc, minute, nq

NEXT_DAY = LabelSpec(scan_end="next_day_start", rr=3.0)

DAYS = [
    # trading day, the one before, the calendar day on whose 09:00 its scan ends
    ("2024-01-16", "2024-01-15", "2024-01-17"),
    ("2024-07-05", "2024-07-04", "2024-07-06"),  # a Friday: not on Monday
    ("2024-01-19", "2024-01-18", "2024-01-20"),  # in US winter too
    ("2024-03-28", "2024-03-27", "2024-03-29"),  # Good Friday is no trading day
    ("2024-12-24", "2024-12-23", "2024-12-25"),  # Christmas neither
    ("2024-03-08", "2024-03-07", "2024-03-09"),  # the weekend on which New York changes
]
every_day = pytest.mark.parametrize(("day", "before", "end"), DAYS)


def _history(
    day: str, before: str, rows: list[Row], spec: LabelSpec = NEXT_DAY, horizon: int | None = None
) -> History:
    market = mgc()
    first = date.fromisoformat(before)
    schedule = build_schedule(market, first, date.fromisoformat(day))
    assert len(schedule) == 2
    return read_history(bars_of([flat_day(before), *rows]), market, spec, schedule, horizon)


SLOT = 6


def _bar(at: int, low: int, high: int, close: int) -> Row:
    return (at, close, high, low, close, 5)


@every_day
def test_a_break_in_the_last_minute_before_the_next_nine_o_clock_counts_a_later_one_does_not(
    day: str, before: str, end: str
) -> None:
    nine, over = minute(day, "09:00"), minute(end, "09:00")
    window = _bar(nine, 20000, 20010, 20005)
    late, later = _bar(over - 1, 20006, 20013, 20012), _bar(over, 20006, 20013, 20012)

    inside = _history(day, before, [window, late, later]).labels
    outside = _history(day, before, [window, later]).labels

    assert (inside.direction[SLOT], inside.break_minute[SLOT]) == (UP, over)
    # no minute is left for the trade: it is closed where it was opened
    assert (inside.outcome[SLOT], inside.exit[SLOT]) == (TIMEOUT, 20012)
    assert (inside.r_gross[SLOT], inside.resolved_minute[SLOT]) == (0.0, over)
    assert (outside.direction[SLOT], outside.resolved_minute[SLOT]) == (NONE, over)


@every_day
def test_a_target_in_the_last_minute_counts_and_a_later_one_is_a_timeout(
    day: str, before: str, end: str
) -> None:
    nine, over = minute(day, "09:00"), minute(end, "09:00")
    rows = [_bar(nine, 20000, 20010, 20005), _bar(nine + 6, 20006, 20013, 20012)]
    late, later = _bar(over - 1, 20020, 20048, 20030), _bar(over, 20020, 20048, 20030)

    inside = _history(day, before, [*rows, late]).labels
    outside = _history(day, before, [*rows, _bar(over - 2, 20012, 20012, 20012), later]).labels

    assert (inside.outcome[SLOT], inside.resolved_minute[SLOT]) == (WIN, over)
    assert (outside.outcome[SLOT], outside.exit[SLOT]) == (TIMEOUT, 20012)
    assert outside.resolved_minute[SLOT] == over


def test_a_day_of_twenty_three_hours_is_not_scanned_beyond_its_end() -> None:
    # an exchange that never closes, on the night New York's clocks go forward
    market = nq().model_copy(update={"calendar": "24/7"})
    schedule = build_schedule(market, date(2024, 3, 9), date(2024, 3, 11))
    assert (schedule.day_end - schedule.day_start).tolist() == [1440, 1380, 1440]
    bars = bars_of([(int(schedule.day_start[0]), 1, 1, 1, 1, 1)])

    ranges = read_history(bars, market, NEXT_DAY, schedule).ranges

    assert sorted(set(ranges.day_end.tolist())) == schedule.day_end.tolist()


@pytest.mark.parametrize("name", ["mgc", "nq"])
def test_no_scan_reaches_the_next_trading_day(name: str) -> None:
    market: Market = mgc() if name == "mgc" else nq()
    schedule = build_schedule(market, date(2024, 1, 1), date(2024, 12, 31))
    bars = bars_of([(int(schedule.day_start[0]), 1, 1, 1, 1, 1)])

    ranges = read_history(bars, market, NEXT_DAY, schedule).ranges

    assert (ranges.day_end <= schedule.day_end[ranges.day]).all()
    assert (ranges.session_end <= schedule.day_end[ranges.day]).all()
    assert (ranges.day_end == schedule.day_start[ranges.day] + 1440).all()
    assert (ranges.session_end > ranges.decision).all()


DAY, BEFORE = "2024-01-16", "2024-01-15"
NINE, FIVE = minute(DAY, "09:00"), minute(DAY, "17:00")
WINDOW = [_bar(NINE, 20000, 20010, 20005), _bar(NINE + 4, 20000, 20010, 20005)]


@pytest.mark.parametrize(
    ("horizon", "why"),
    [
        (NINE + 4, Exclusion.NOT_CLOSED_YET),
        (NINE + 5, Exclusion.NONE),
        (NINE + 6, Exclusion.NONE),
    ],
)
def test_a_range_is_there_once_the_minute_of_its_decision_has_come(
    horizon: int, why: Exclusion
) -> None:
    later = _bar(NINE + 5, 19000, 21000, 20500)

    ranges = _history(DAY, BEFORE, [*WINDOW, later], LabelSpec(), horizon).ranges

    assert ranges.exclusion[SLOT] == why
    formed = why == Exclusion.NONE
    assert ranges.high[SLOT] == (20010 if formed else 0)
    assert ranges.volume[SLOT] == (10 if formed else 0)


@pytest.mark.parametrize(("early", "settled"), [(1, False), (0, True)])
def test_silence_settles_a_slot_only_once_its_scan_is_over(early: int, settled: bool) -> None:
    horizon = FIVE - early
    broken = _bar(NINE + 6, 20006, 20013, 20012)

    quiet = _history(DAY, BEFORE, WINDOW, LabelSpec(), horizon).labels
    running = _history(DAY, BEFORE, [*WINDOW, broken], LabelSpec(), horizon).labels

    assert quiet.direction[SLOT] == (NONE if settled else UNKNOWN)
    assert running.direction[SLOT] == UP
    assert running.outcome[SLOT] == (TIMEOUT if settled else UNKNOWN)
    for labels in (quiet, running):
        assert labels.resolved_minute[SLOT] == (FIVE if settled else NOT_RESOLVED)
    assert np.isnan(running.r_net[SLOT]) == (not settled)


@pytest.mark.parametrize(("early", "broken"), [(1, False), (0, True)])
def test_a_break_is_seen_once_its_bar_has_closed(early: int, broken: bool) -> None:
    bars = [*WINDOW, _bar(NINE + 6, 20006, 20013, 20012), _bar(NINE + 9, 20005, 20013, 20012)]

    labels = _history(DAY, BEFORE, bars, LabelSpec(), NINE + 7 - early).labels

    assert labels.direction[SLOT] == (UP if broken else UNKNOWN)
    assert labels.break_minute[SLOT] == (NINE + 7 if broken else NOT_RESOLVED)


def test_the_session_s_last_minute_counts_and_the_next_does_not() -> None:
    late, later = _bar(FIVE - 1, 20006, 20013, 20012), _bar(FIVE, 20006, 20013, 20012)

    inside = _history(DAY, BEFORE, [*WINDOW, late, later], LabelSpec()).labels
    outside = _history(DAY, BEFORE, [*WINDOW, later], LabelSpec()).labels

    assert (inside.direction[SLOT], inside.break_minute[SLOT]) == (UP, FIVE)
    assert (outside.direction[SLOT], outside.resolved_minute[SLOT]) == (NONE, FIVE)
