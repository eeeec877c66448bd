"""A market file's own calendar days: they apply wherever the exchange's hours are used."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_core.bars.checks.quality import check
from ml_core.market.calendar_days import Hours, changed_days, market_dates
from ml_core.market.exchange import trade_dates
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, to_minute
from tests.ml_core.bars.lake.test_lake import Row, batch
from tests.ml_core.builders import mgc, minute, nq

CHICAGO = ZoneInfo("America/Chicago")
BLACK_FRIDAY = date(2025, 11, 28)


def with_days(*days: dict[str, Any], market: Market | None = None) -> Market:
    values = (market or mgc()).model_dump(mode="json")
    return Market.model_validate({**values, "calendar_days": list(days)})


def chicago(day: str, clock: str) -> int:
    return to_minute(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=CHICAGO))


HALT = {
    "day": "2025-11-28",
    "halt": ["20:44", "07:30"],
    "zone": "America/Chicago",
}
"""CME was down from the evening of 27 November 2025 to the next morning."""


def test_a_halt_shuts_the_exchange_within_its_hours() -> None:
    market = with_days(HALT)
    dates = market_dates(market, 2025, 2025)
    stops, resumes = chicago("2025-11-27", "20:44"), chicago("2025-11-28", "07:30")

    assert (dates.halt_start.tolist(), dates.halt_end.tolist()) == ([stops], [resumes])
    around = np.array([stops - 1, stops, resumes - 1, resumes])
    assert dates.is_open(around).tolist() == [True, False, False, True]
    # 09:00 in Brisbane is 17:00 in Chicago, before it; 18:00 is 02:00 within it; 00:30 08:30 after
    schedule = build_schedule(market, BLACK_FRIDAY, BLACK_FRIDAY)
    names = [spec.name for spec in market.ranges]
    usable = dict(zip(names, schedule.open[0].tolist(), strict=True))
    usual = build_schedule(mgc(), BLACK_FRIDAY, BLACK_FRIDAY).open[0]
    assert usual.all()
    assert usable == {
        "0900": True,
        "1000": True,
        "1100": True,
        "1800": False,
        "2300": False,
        "0030": True,
    }


def test_a_halt_is_no_gap_and_bars_in_it_are_outside_the_session() -> None:
    stops, resumes = chicago("2025-11-27", "20:44"), chicago("2025-11-28", "07:30")
    rows: list[Row] = [
        ("MGCG6", at, 2000.0, 2000.0, 2000.0, 2000.0 + at % 2, 5.0)
        for at in (*range(stops - 30, stops), *range(resumes, resumes + 30))
    ]
    rows = [(*row[:3], max(row[3], row[5]), *row[4:]) for row in rows]
    now = datetime(2025, 12, 1, tzinfo=UTC)

    def checks(market: Market, extra: list[Row]) -> list[str]:
        raw = batch(sorted([*rows, *extra], key=lambda row: row[1]))
        return [finding.check for finding in check(raw, market, now).findings]

    inside: Row = ("MGCG6", stops + 100, 2000.0, 2000.0, 2000.0, 2000.0, 5.0)
    assert checks(mgc(), []) == ["gap"]
    assert checks(with_days(HALT), []) == []
    assert checks(with_days(HALT), [inside]) == ["off_session"]
    # bars that are late after the halt are missed from its end on
    resumed = min(row[1] for row in rows if row[1] >= resumes)
    rows = [row for row in rows if row[1] != resumed]
    rows += [(*row[:1], row[1] + 90, *row[2:]) for row in rows if row[1] > resumed]
    rows = [row for row in rows if not resumes <= row[1] < resumes + 90]
    (gap,) = check(batch(sorted(rows, key=lambda row: row[1])), with_days(HALT), now).findings
    assert gap.check == "gap"
    assert gap.examples == (f"from {np.datetime64(resumes, 'm')} UTC",)


def test_a_closed_day_is_no_trading_day_and_the_day_before_reaches_to_the_next() -> None:
    thursday, friday = date(2025, 1, 9), date(2025, 1, 10)
    market = with_days({"day": "2025-01-09", "closed": True})
    schedule = build_schedule(market, date(2025, 1, 8), friday)
    assert [day.item() for day in schedule.days] == [date(2025, 1, 8), friday]
    assert schedule.day_end[0] == schedule.day_start[1] == minute("2025-01-10", "09:00")
    assert thursday in build_schedule(mgc(), thursday, friday).days.tolist()


def test_a_special_close_ends_the_day_early_and_ranges_after_it_are_closed() -> None:
    market = with_days({"day": "2024-12-24", "close": "04:45"})
    day = date(2024, 12, 24)
    schedule = build_schedule(market, day, day)
    assert schedule.exchange_close[0] == minute("2024-12-25", "04:45")
    assert schedule.early_close[0]
    late = with_days({"day": "2024-12-24", "close": "22:00"})
    usable = build_schedule(late, day, day).open[0].tolist()
    assert usable == [True, True, True, True, False, False]


def test_a_later_close_than_the_calendar_s_early_one_is_not_early() -> None:
    labour_day = date(2024, 9, 2)
    usual = build_schedule(mgc(), labour_day, labour_day)
    assert usual.early_close[0]
    assert usual.exchange_close[0] == minute("2024-09-03", "03:00")
    market = with_days({"day": "2024-09-02", "close": "04:30"})
    schedule = build_schedule(market, labour_day, labour_day)
    assert schedule.exchange_close[0] == minute("2024-09-03", "04:30")


def test_an_extra_session_makes_a_trading_day() -> None:
    saturday = date(2025, 3, 1)
    market = with_days({"day": "2025-03-01", "open": "09:00", "close": "20:00"})
    dates = market_dates(market, 2025, 2025)
    assert saturday in dates.day.tolist()
    schedule = build_schedule(market, saturday, saturday)
    assert schedule.exchange_open[0] == minute("2025-03-01", "09:00")
    assert schedule.open[0].tolist() == [True, True, True, True, False, False]
    assert (np.diff(dates.open) > 0).all()


def test_a_day_that_starts_the_evening_before_opens_there() -> None:
    sunday_night = with_days(
        {"day": "2025-01-09", "open": "18:00", "close": "09:30", "zone": "America/New_York"},
        market=nq(),
    )
    (change,) = changed_days(sunday_night)
    new_york = ZoneInfo("America/New_York")
    expected = [
        to_minute(datetime(2025, 1, 8, 18, 0, tzinfo=new_york)),
        to_minute(datetime(2025, 1, 9, 9, 30, tzinfo=new_york)),
    ]
    assert change.by_file == Hours(*expected)


@pytest.mark.parametrize(
    ("day", "fault"),
    [
        ({"day": "2025-03-01", "close": "20:00"}, "is not a trade date by the calendar"),
        ({"day": "2024-12-24", "close": "12:00", "halt": ["11:00", "13:00"]}, "does not end"),
        ({"day": "2025-03-01", "closed": True}, None),
        ({"day": "2024-12-24", "closed": True}, None),
    ],
    ids=["half of an extra session", "a halt to the close", "closed anyway", "closed"],
)
def test_a_day_that_cannot_be_applied_states_why_and_changes_nothing(
    day: dict[str, Any], fault: str | None
) -> None:
    market = with_days(day)
    (change,) = changed_days(market)
    assert (change.fault is None) == (fault is None)
    if fault is not None:
        assert fault in str(change.fault)
        year = int(day["day"][:4])
        np.testing.assert_array_equal(
            market_dates(market, year, year).close, trade_dates(market.calendar, year, year).close
        )


@pytest.mark.parametrize(
    ("days", "fault"),
    [
        ([{"day": "2025-11-28"}], "set closed = true, or its open, close or halt"),
        ([{"day": "2025-11-28", "closed": True, "close": "10:00"}], "set one of them"),
        ([{"day": "2025-11-28", "close": "10:00"}] * 2, "days named twice: 2025-11-28"),
        ([{"day": "2025-11-28", "close": "10:00:30"}], "whole minutes"),
    ],
)
def test_a_day_with_no_change_or_contradictory_ones_is_refused(
    days: list[dict[str, Any]], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        with_days(*days)


@given(
    days=st.lists(st.dates(date(2024, 1, 1), date(2024, 12, 31)), min_size=1, max_size=5),
    close=st.times(),
    kind=st.sampled_from(["closed", "close", "both"]),
)
def test_days_of_its_own_touch_no_other_day_and_leave_the_hours_in_order(
    days: list[date], close: Any, kind: str
) -> None:
    named = sorted(set(days))
    clock = close.replace(second=0, microsecond=0, tzinfo=None).isoformat()
    own: list[dict[str, Any]] = [
        {"day": str(day), "closed": True}
        if kind == "closed"
        else {"day": str(day), "close": clock, **({"open": "09:00"} if kind == "both" else {})}
        for day in named
    ]
    market = with_days(*own)
    here, there = market_dates(market, 2024, 2024), trade_dates(market.calendar, 2024, 2024)

    others = [~np.isin(dates.day, np.array(named, "datetime64[D]")) for dates in (here, there)]
    for name in ("day", "open", "close", "early_close"):
        np.testing.assert_array_equal(
            getattr(here, name)[others[0]], getattr(there, name)[others[1]]
        )
    assert (here.close > here.open).all()
    assert (np.diff(here.open) > 0).all()
    # the order in which they are written does not matter
    assert with_days(*own[::-1]) == market


@pytest.mark.parametrize(
    ("halt", "forms"),
    [
        (["09:01", "09:03"], False),
        (["09:04", "09:30"], False),
        (["09:05", "09:30"], True),
        (["08:59", "09:01"], True),  # the next 08:59 after the opening is a day later
    ],
)
def test_a_range_does_not_form_where_a_part_of_its_window_is_halted(
    halt: list[str], *, forms: bool
) -> None:
    schedule = build_schedule(
        with_days({"day": "2024-01-17", "halt": halt}), date(2024, 1, 17), date(2024, 1, 17)
    )
    assert schedule.open[0].tolist() == [forms, True, True, True, True, True]
