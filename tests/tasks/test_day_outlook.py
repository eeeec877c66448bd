"""The outlook of a market at a moment: closed or not, and which ranges come next."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from ml_core.market.market import Market, RangeSpec
from tasks.prediction.day_outlook import (
    DayOutlook,
    ExchangeClosedError,
    closed_because,
    day_outlook,
    outlook_in_words,
    require_open,
)
from tasks.prediction.slots import latest_slot
from tasks.prediction.trading_day import slots_of_day
from tasks.settings import current_settings
from tests.ml_core.builders import mgc, nq

ALL = ("0900", "1000", "1100", "1800", "2300", "0030")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(outlook: DayOutlook) -> tuple[str, ...]:
    return tuple(expected.opening_range for expected in outlook.next_ranges)


@pytest.mark.parametrize(
    ("at", "today", "next_day", "ranges", "opens"),
    [
        ("2026-12-05T03:00", ("2026-12-05", "weekend"), "2026-12-07", ALL, "2026-12-06T23:00"),
        ("2026-12-06T21:59", ("2026-12-06", "weekend"), "2026-12-07", ALL, "2026-12-06T23:00"),
        ("2026-12-25T12:00", ("2026-12-25", "holiday"), "2026-12-28", ALL, "2026-12-27T23:00"),
        ("2026-12-31T23:58", ("2027-01-01", "holiday"), "2027-01-04", ALL, "2027-01-03T23:00"),
        ("2028-02-29T12:00", ("2028-02-29", None), "2028-02-29", ALL[4:], "2028-02-29T13:00"),
        # the day begins, its first range has closed, its last is not over, is over
        ("2026-12-01T23:00", ("2026-12-02", None), "2026-12-02", ALL, "2026-12-01T23:00"),
        ("2026-12-01T23:05", ("2026-12-02", None), "2026-12-02", ALL[1:], "2026-12-02T00:00"),
        ("2026-12-02T14:34", ("2026-12-02", None), "2026-12-02", ALL[5:], "2026-12-02T14:30"),
        ("2026-12-02T14:35", ("2026-12-02", None), "2026-12-03", ALL, "2026-12-02T23:00"),
    ],
)
def test_a_moment_in_brisbane_has_a_day_and_the_ranges_to_come(
    at: str, today: tuple[str, str | None], next_day: str, ranges: tuple[str, ...], opens: str
) -> None:
    outlook = day_outlook(mgc(), utc(at))
    assert (str(outlook.trading_day), outlook.closed) == today
    assert (str(outlook.next_day), names(outlook)) == (next_day, ranges)
    assert outlook.next_ranges[0].opens == utc(opens)
    assert all(expected.decision > utc(at) for expected in outlook.next_ranges)


@pytest.mark.parametrize(
    ("at", "day", "closed", "next_day", "decision"),
    [
        # Monday's trading day begins at 18:00 on Sunday in New York
        ("2026-12-06T22:59", "2026-12-06", "weekend", "2026-12-07", "2026-12-07T14:35"),
        ("2026-12-06T23:00", "2026-12-07", None, "2026-12-07", "2026-12-07T14:35"),
        ("2026-12-25T15:00", "2026-12-25", "holiday", "2026-12-28", "2026-12-28T14:35"),
        ("2026-11-01T05:30", "2026-11-01", "weekend", "2026-11-02", "2026-11-02T14:35"),
        ("2027-03-14T06:30", "2027-03-14", "weekend", "2027-03-15", "2027-03-15T13:35"),
    ],
)
def test_a_market_of_new_york_goes_by_its_own_clock_and_calendar(
    at: str, day: str, closed: str | None, next_day: str, decision: str
) -> None:
    outlook = day_outlook(nq(), utc(at))
    assert (str(outlook.trading_day), outlook.closed) == (day, closed)
    assert str(outlook.next_day) == next_day
    assert names(outlook) == ("0930_5m", "0930_15m")
    assert outlook.next_ranges[0].decision == utc(decision)


def with_an_afternoon_range() -> Market:
    late = RangeSpec(name="1430", start=time(14, 30), minutes=5, session="rth")
    return nq().model_copy(update={"ranges": (*nq().ranges, late)})


@pytest.mark.usefixtures("home")
def test_a_range_after_an_early_close_is_not_expected_and_says_why() -> None:
    market, morning = with_an_afternoon_range(), utc("2025-11-28T12:00")
    assert names(day_outlook(market, morning)) == ("0930_5m", "0930_15m")
    assert names(day_outlook(market, utc("2025-11-26T12:00")))[-1] == "1430"
    afternoon = slots_of_day(current_settings(), market, date(2025, 11, 28), "live", morning)
    assert [(slot.state, slot.why) for slot in afternoon] == [
        ("due", ""),
        ("due", ""),
        ("closed", "the exchange is closed at that time"),
    ]


def test_a_weekday_is_a_holiday_by_the_market_s_own_calendar() -> None:
    frankfurt = mgc().model_copy(update={"calendar": "XETR"})
    labour_day = date(2026, 5, 1)
    assert closed_because(frankfurt, labour_day) == "holiday"
    assert closed_because(mgc(), labour_day) is None
    assert closed_because(mgc(), date(2026, 5, 2)) == "weekend"


def test_a_calendar_that_never_opens_again_has_no_next_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.prediction.day_outlook.expected_ranges", lambda *_: ())
    outlook = day_outlook(mgc(), utc("2026-12-05T03:00"))
    assert (outlook.next_day, outlook.next_ranges) == (None, ())
    assert outlook_in_words(outlook) == (
        "Sat 05 Dec 2026 is no trading day (weekend); no opening range is expected within 10 days"
    )


def test_the_words_have_the_reason_and_the_times_on_the_market_s_clock() -> None:
    assert outlook_in_words(day_outlook(mgc(), utc("2026-12-25T12:00"))) == (
        "Fri 25 Dec 2026 is no trading day (holiday); next opening ranges, Mon 28 Dec: "
        "0900 at 09:00, 1000 at 10:00, 1100 at 11:00, 1800 at 18:00, 2300 at 23:00, "
        "0030 at 00:30 (Australia/Brisbane)"
    )
    assert outlook_in_words(day_outlook(mgc(), utc("2026-12-02T13:00"))) == (
        "next opening ranges, Wed 02 Dec: 2300 at 23:00, 0030 at 00:30 (Australia/Brisbane)"
    )


def test_a_slot_of_a_holiday_is_refused_with_the_range_before_it() -> None:
    with pytest.raises(ExchangeClosedError) as raised:
        require_open(mgc(), latest_slot(mgc(), utc("2026-12-25T02:00")))
    assert str(raised.value) == (
        "MGC:2026-12-25:1100 has no decision: the exchange is closed that day (holiday); "
        "the range before it: --at 2026-12-25T00:35; next opening ranges, Mon 28 Dec: "
        "0900 at 09:00, 1000 at 10:00, 1100 at 11:00, 1800 at 18:00, 2300 at 23:00, "
        "0030 at 00:30 (Australia/Brisbane)"
    )


def test_a_slot_of_a_trading_day_is_not_refused() -> None:
    require_open(mgc(), latest_slot(mgc(), utc("2026-12-24T15:00")))
