"""The exchange's trade dates: the stored files equal the library's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest

from ml_core.market import exchange
from ml_core.market.exchange import (
    KEPT_CALENDARS,
    KEPT_YEARS,
    TradeDates,
    dates_by_library,
    trade_dates,
)


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Clear the process-wide cache of calendars, before and after."""
    for remembered in (exchange._read_shipped, exchange.trade_dates):
        remembered.cache_clear()
    yield
    for remembered in (exchange._read_shipped, exchange.trade_dates):
        remembered.cache_clear()


def assert_equal(one: TradeDates, other: TradeDates) -> None:
    for field in fields(TradeDates):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_the_shipped_markets_calendars_are_kept() -> None:
    assert {"CMEGlobex_Gold", "CME_Equity"} == KEPT_CALENDARS


@pytest.mark.parametrize("calendar", sorted(KEPT_CALENDARS))
def test_a_kept_calendar_is_of_the_installed_library(
    calendar: str, monkeypatch: pytest.MonkeyPatch, forgetful: None
) -> None:
    del forgetful
    expected = dates_by_library(calendar, *KEPT_YEARS)
    monkeypatch.setattr(exchange, "dates_by_library", None)  # `make calendars` mends a failure
    assert_equal(trade_dates(calendar, *KEPT_YEARS), expected)
    assert len(expected.day) > 11_000


@pytest.mark.parametrize("years", [(2024, 2024), (2025, 2026), (2045, 2045)])
def test_some_years_of_a_kept_calendar_are_those_years_whole(
    years: tuple[int, int], monkeypatch: pytest.MonkeyPatch, forgetful: None
) -> None:
    del forgetful
    expected = dates_by_library("CMEGlobex_Gold", *years)
    monkeypatch.setattr(exchange, "dates_by_library", None)
    assert_equal(trade_dates("CMEGlobex_Gold", *years), expected)


@pytest.mark.parametrize(
    ("calendar", "years", "installed"),
    [
        ("NYSE", (2024, 2024), None),
        ("CME_Equity", (1999, 2000), None),
        ("CME_Equity", (2045, 2046), None),
        ("CME_Equity", (2024, 2024), "5.0.9"),
    ],
    ids=["another calendar", "an earlier year", "a later year", "another version"],
)
def test_the_library_is_used_for_calendars_that_are_not_stored(
    calendar: str,
    years: tuple[int, int],
    installed: str | None,
    monkeypatch: pytest.MonkeyPatch,
    forgetful: None,
) -> None:
    del forgetful
    if installed is not None:
        monkeypatch.setattr(exchange, "version", lambda _: installed)
    requests = []
    monkeypatch.setattr(exchange, "dates_by_library", lambda *given: requests.append(given))
    trade_dates(calendar, *years)
    assert requests == [(calendar, *years)]


def test_a_holiday_has_no_trade_date_and_its_eve_closes_early() -> None:
    dates = trade_dates("CME_Equity", 2024, 2024)
    assert np.datetime64("2024-12-25") not in dates.day
    (eve,) = np.flatnonzero(dates.day == np.datetime64("2024-12-24"))
    assert dates.early_close[eve]
    closes = dates.close[eve].astype("datetime64[m]")
    assert str(closes) == "2024-12-24T18:00", "noon in Chicago"
