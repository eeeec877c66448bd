"""Trading days on the UTC clock."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from ml_core.market.schedule import NoTradingDaysError, build_schedule, to_minute
from tests.ml_core.builders import mgc, minute, nq


def _utc(text: str) -> int:
    return to_minute(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_brisbane_ranges_stand_still_while_new_york_moves_its_clock() -> None:
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


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        to_minute(datetime(2024, 1, 1))  # noqa: DTZ001 - what is refused
