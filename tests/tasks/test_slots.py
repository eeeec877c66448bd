"""The slot that a moment belongs to."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ml_core.market.market import Market, UnknownRangeError
from ml_core.market.schedule import build_schedule, to_minute
from tasks.prediction.slots import (
    decision_time,
    in_zone,
    latest_slot,
    slots_between,
    trading_day_at,
)
from tests.ml_core.builders import BRISBANE, mgc, nq


@pytest.mark.parametrize("market", [mgc(), nq()], ids=["mgc", "nq"])
def test_the_clocks_agree_with_the_schedule_on_every_trading_day(market: Market) -> None:
    schedule = build_schedule(market, date(2024, 1, 1), date(2025, 12, 31))
    by_clock = [
        [to_minute(decision_time(market, spec, day)) for spec in market.ranges]
        for day in schedule.days.tolist()
    ]
    np.testing.assert_array_equal(schedule.range_end, np.array(by_clock))


def test_a_window_counts_from_the_very_minute_it_closes() -> None:
    closes = datetime(2025, 6, 30, 9, 5, tzinfo=BRISBANE)
    assert str(latest_slot(mgc(), closes)) == "MGC:2025-06-30:0900"
    assert str(latest_slot(mgc(), closes - timedelta(seconds=1))) == "MGC:2025-06-27:0030"


def test_the_range_after_midnight_belongs_to_the_day_before() -> None:
    after_midnight = datetime(2025, 7, 1, 0, 36, tzinfo=BRISBANE)
    assert str(latest_slot(mgc(), after_midnight)) == "MGC:2025-06-30:0030"


def test_a_named_range_is_found_even_when_another_closed_later() -> None:
    noon = datetime(2025, 6, 30, 12, 0, tzinfo=BRISBANE)
    assert str(latest_slot(mgc(), noon, "0900")) == "MGC:2025-06-30:0900"


def test_a_range_the_market_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(UnknownRangeError, match="0930"):
        latest_slot(mgc(), datetime(2025, 6, 30, tzinfo=UTC), "0930")


def test_a_time_without_zone_is_read_on_the_market_s_clock() -> None:
    naive = datetime(2025, 6, 30, 9, 5)  # noqa: DTZ001 - the point
    assert in_zone(naive, mgc()) == datetime(2025, 6, 29, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("market", "start", "before"),
    [(mgc(), time(9), date(2025, 7, 1)), (nq(), time(18), date(2025, 7, 2))],
    ids=["mgc", "nq"],
)
def test_a_trading_day_begins_with_the_very_second_of_its_start(
    market: Market, start: time, before: date
) -> None:
    begins = datetime.combine(date(2025, 7, 2), start, ZoneInfo(market.zone))

    for moment, day in (
        (begins - timedelta(seconds=1), before),
        (begins, before + timedelta(days=1)),
        (begins + timedelta(seconds=1), before + timedelta(days=1)),
    ):
        assert trading_day_at(market, moment.astimezone(UTC)) == day


@pytest.mark.parametrize("market", [mgc(), nq()], ids=["mgc", "nq"])
def test_every_slot_is_decided_on_its_own_trading_day(market: Market) -> None:
    for slot in slots_between(market, date(2025, 3, 3), date(2025, 3, 14)):
        assert trading_day_at(market, slot.decision) == slot.trading_day
