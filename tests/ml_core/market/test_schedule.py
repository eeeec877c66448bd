"""Trading days on the UTC clock."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from ml_core.features.history import read_history
from ml_core.market.market import Market, RangeSpec, Session
from ml_core.market.schedule import (
    NoTradingDaysError,
    RangeOutsideSessionError,
    build_schedule,
    to_minute,
)
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.opening_range import Exclusion
from tests.ml_core.builders import bars_of, mgc, minute, nq


def _utc(text: str) -> int:
    return to_minute(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_brisbane_ranges_stay_fixed_while_new_york_changes_its_clock() -> None:
    # Act: the week around the US change of 10 March 2024
    schedule = build_schedule(mgc(), date(2024, 3, 8), date(2024, 3, 12))

    # Assert
    after_start = schedule.range_start - schedule.day_start[:, None]
    assert (after_start == [0, 60, 120, 540, 840, 930]).all()
    # the exchange's reopening moved from 09:00 to 08:00 in Brisbane
    assert (schedule.day_start - schedule.exchange_open).tolist() == [0, 60, 60]


def test_new_york_ranges_move_in_utc_with_daylight_saving() -> None:
    schedule = build_schedule(nq(), date(2024, 3, 8), date(2024, 3, 11))

    assert schedule.range_start[0].tolist() == [_utc("2024-03-08T14:30")] * 2
    assert schedule.range_start[1].tolist() == [_utc("2024-03-11T13:30")] * 2
    assert (schedule.range_end - schedule.range_start).tolist() == [[5, 15], [5, 15]]


def test_a_weekend_belongs_to_the_friday_before() -> None:
    schedule = build_schedule(mgc(), date(2024, 7, 5), date(2024, 7, 8))

    assert [str(day) for day in schedule.days] == ["2024-07-05", "2024-07-08"]
    assert schedule.day_end[0] == schedule.day_start[1] == minute("2024-07-08", "09:00")
    monday_at_eight = np.array([minute("2024-07-08", "08:30")])
    assert schedule.day_of(monday_at_eight).tolist() == [0]


def test_a_half_day_is_known_in_advance() -> None:
    # the day after Thanksgiving: the exchange closes early, after the morning's ranges
    schedule = build_schedule(nq(), date(2024, 11, 29), date(2024, 11, 29))

    assert schedule.early_close.tolist() == [True]
    assert schedule.open.all()


def _with_range(start: time, minutes: int) -> Market:
    extra = RangeSpec(name="extra", start=start, minutes=minutes, session="rth")
    return nq().model_copy(update={"ranges": (*nq().ranges, extra)})


@pytest.mark.parametrize(
    ("start", "opened"),
    [(time(12, 54), True), (time(12, 55), True), (time(12, 56), False), (time(14), False)],
)
def test_a_half_day_s_last_range_ends_with_the_exchange_s_hours(start: time, opened: bool) -> None:
    # the day after Thanksgiving ends at 13:00 in New York, as the calendar has it
    day = date(2024, 11, 29)
    schedule = build_schedule(_with_range(start, 5), day, day)

    assert schedule.exchange_close[0] == _utc("2024-11-29T18:00")
    assert schedule.open[0].tolist() == [True, True, opened]


def test_bars_in_a_window_the_exchange_is_shut_in_make_no_range() -> None:
    market = _with_range(time(14), 5)
    schedule = build_schedule(market, date(2024, 11, 26), date(2024, 11, 29))
    rows = [
        (int(start) + at, 100 + at, 101 + at, 99 + at, 100 + at, 5)
        for start in schedule.range_start[:, 2]
        for at in range(5)
    ]

    ranges = read_history(bars_of(rows), market, LabelSpec(), schedule).ranges

    exclusions = [Exclusion(int(code)) for code in ranges.exclusion[ranges.spec == 2]]
    # the first day has no volume before it; Thursday and Friday are half-days
    assert exclusions == [
        Exclusion.NO_CONTRACT,
        Exclusion.NONE,
        Exclusion.EXCHANGE_CLOSED,
        Exclusion.EXCHANGE_CLOSED,
    ]


def test_a_session_may_keep_another_clock_and_may_last_a_whole_day() -> None:
    london = Session(name="city", start=time(8), end=time(16, 30), zone="Europe/London")
    whole = Session(name="whole", start=time(9), end=time(9))
    market = mgc().model_copy(update={"sessions": (*mgc().sessions, london, whole)})

    # London's clocks go forward on Sunday 31 March 2024
    schedule = build_schedule(market, date(2024, 3, 28), date(2024, 4, 2))

    starts, ends = schedule.session_start[:, -2:], schedule.session_end[:, -2:]
    assert starts[:, 0].tolist() == [
        _utc(f"{day}") for day in ("2024-03-28T08:00", "2024-04-01T07:00", "2024-04-02T07:00")
    ]
    assert (ends - starts).tolist() == [[510, 1440]] * 3
    assert (starts[:, 1] == schedule.day_start).all()


@pytest.mark.parametrize(("start", "refused"), [(time(6, 54), False), (time(6, 55), True)])
def test_a_range_on_another_clock_ends_before_its_session_does(start: time, refused: bool) -> None:
    # Asia ends at 17:00 in Brisbane, which is 07:00 UTC
    spec = RangeSpec(name="late", start=start, minutes=5, session="asia", zone="UTC")
    market = mgc().model_copy(update={"ranges": (spec,)})
    day = date(2024, 1, 16)

    refusal = pytest.raises(RangeOutsideSessionError, match="late does not end inside")
    with refusal if refused else nullcontext():
        assert len(build_schedule(market, day, day)) == 1


def test_session_ends_are_the_scan_ends_of_design_section_5() -> None:
    schedule = build_schedule(mgc(), date(2024, 1, 16), date(2024, 1, 16))

    expected = [
        minute("2024-01-16", "17:00"),
        minute("2024-01-16", "17:00"),
        minute("2024-01-16", "17:00"),
        minute("2024-01-16", "23:00"),
        minute("2024-01-17", "00:30"),
        minute("2024-01-17", "02:00"),
    ]
    assert schedule.session_scan_end[0].tolist() == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2024, 1, 6), date(2024, 1, 7)), (date(2024, 1, 9), date(2024, 1, 8))],
    ids=["a weekend", "dates reversed"],
)
def test_a_period_without_trading_days_is_refused(first: date, last: date) -> None:
    with pytest.raises(NoTradingDaysError, match="MGC has no trading day"):
        build_schedule(mgc(), first, last)


def test_a_time_belongs_to_the_minute_that_has_begun() -> None:
    midnight = datetime(1970, 1, 1, tzinfo=UTC)
    seconds = [-1, 0, 59.9, 60]

    minutes = [to_minute(midnight + timedelta(seconds=second)) for second in seconds]

    assert minutes == [-1, 0, 0, 1]


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        to_minute(datetime(2024, 1, 1))  # noqa: DTZ001 - what is refused
