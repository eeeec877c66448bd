"""Times in the wrong zone, or of the minute's wrong end, are refused where that shows."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.bars.checks.hours_fit import HoursMisfitError, refuse_misfit
from ml_core.bars.checks.regular_hours import ZONES
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.text.csv import read_csv
from ml_core.market.exchange import trade_dates
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute
from tests.ml_core.bars.lake.test_lake import NOW
from tests.ml_core.builders import mgc

SUMMER, WINTER = np.datetime64("2023-07-10"), np.datetime64("2024-01-22")


def sessions(first: np.datetime64, days: int = 10) -> np.ndarray:
    """Return every minute of some trade dates of gold, as UTC minutes."""
    hours = trade_dates(mgc().calendar, 2023, 2024)
    start = int(np.searchsorted(hours.day, first))
    spans = zip(hours.open[start : start + days], hours.close[start : start + days], strict=True)
    return np.concatenate([np.arange(opens, closes) for opens, closes in spans])


def misread(minutes: np.ndarray, zone: str, taken_for: str) -> np.ndarray:
    """Return local times of one zone misread as those of another."""
    moments = (from_minute(int(minute)).astimezone(ZoneInfo(zone)) for minute in minutes)
    read = (moment.replace(tzinfo=ZoneInfo(taken_for)) for moment in moments)
    return np.unique([int(moment.timestamp()) // 60 for moment in read])


def judge(minutes: np.ndarray, zone: str | None = "UTC", market: Market | None = None) -> str:
    """Return the refusal of bars at these minutes; empty if they pass."""
    stamps = pa.array(minutes.astype("datetime64[m]").astype("datetime64[us]"))
    try:
        aware = pa.chunked_array([stamps.cast(pa.timestamp("us", tz="UTC"))])
        refuse_misfit("bars.csv", aware, zone, market or mgc())
    except HoursMisfitError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("first", [SUMMER, WINTER])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", None])
def test_what_was_read_rightly_passes(first: np.datetime64, zone: str | None) -> None:
    assert not judge(sessions(first), zone)


def test_a_last_minute_without_a_trade_is_no_other_end_of_the_minute() -> None:
    minutes = sessions(WINTER)
    last_of_session = np.append(np.diff(minutes) > 1, True)
    assert not judge(minutes[~last_of_session])


@pytest.mark.parametrize(
    ("zone", "taken_for"),
    [
        ("America/New_York", "UTC"),
        ("UTC", "Etc/GMT+5"),  # as the layout of HistData would have it
        ("America/Chicago", "America/New_York"),
        ("Europe/Athens", "UTC"),
        ("Asia/Kolkata", "UTC"),
        ("Australia/Brisbane", "UTC"),  # the market's own
    ],
)
def test_a_wrong_zone_is_refused_and_the_right_one_named(zone: str, taken_for: str) -> None:
    message = judge(misread(sessions(WINTER), zone, taken_for), taken_for)

    assert f"read in {taken_for}, " in message
    assert "it would be 0.0%" in message
    assert f"Read it with --zone {zone}," in message


def test_standard_time_all_year_over_a_new_york_summer_is_refused() -> None:
    message = judge(misread(sessions(SUMMER), "America/New_York", "Etc/GMT+5"), "Etc/GMT+5")
    assert "--zone America/New_York" in message


@pytest.mark.parametrize(("shift", "option"), [(1, "--stamp close"), (-1, "--stamp open")])
def test_bars_a_minute_off_are_refused_with_the_other_stamp(shift: int, option: str) -> None:
    message = judge(sessions(WINTER) + shift, None)
    assert "10 of 10 sessions have a bar just outside them" in message
    assert f"Read it with {option}," in message


def test_times_that_say_a_wrong_zone_themselves_are_refused_to_be_mended_in_the_source() -> None:
    message = judge(misread(sessions(WINTER), "America/New_York", "UTC"), None)

    assert "in America/New_York it would be 0.0%" in message
    assert "Correct them in the source" in message
    assert "without a zone, --zone America/New_York reads them" in message


def regular_days(first: np.datetime64, days: int, length: int = 390) -> np.ndarray:
    """Return the minutes of some days from 09:30 on in New York, UTC minutes."""
    opens = [
        datetime.combine(day, time(9, 30), ZoneInfo("America/New_York"))
        for day in np.arange(first, first + days).tolist()
    ]
    return np.concatenate([int(at.timestamp()) // 60 + np.arange(length) for at in opens])


def index_future() -> Market:
    return mgc().model_copy(update={"calendar": "CME_Equity"})


@pytest.mark.parametrize("length", [390, 405])
@pytest.mark.parametrize("zone", ["America/New_York", None])
def test_days_of_regular_hours_pass_as_they_are(length: int, zone: str | None) -> None:
    assert not judge(regular_days(np.datetime64("2024-03-04"), 12, length), zone, index_future())


@pytest.mark.parametrize(
    ("zone", "taken_for"),
    [
        ("America/New_York", "UTC"),
        ("America/New_York", "America/Chicago"),
        ("UTC", "America/New_York"),
        ("America/Chicago", "Asia/Tokyo"),
        ("America/New_York", "Etc/GMT+5"),
    ],
)
def test_days_of_regular_hours_in_a_wrong_zone_are_refused(zone: str, taken_for: str) -> None:
    rightly = regular_days(np.datetime64("2024-03-04"), 14)

    message = judge(misread(rightly, zone, taken_for), taken_for, index_future())

    assert f"Read it with --zone {zone}," in message
    assert "read another way, 14 would" in message


@pytest.mark.parametrize(("shift", "option"), [(1, "--stamp close"), (-1, "--stamp open")])
def test_days_of_regular_hours_a_minute_off_are_refused(shift: int, option: str) -> None:
    minutes = regular_days(np.datetime64("2024-01-08"), 5) + shift
    assert f"Read it with {option}," in judge(minutes, "UTC", index_future())


def test_regular_hours_in_a_wrong_zone_and_a_minute_off_have_both_faults_named() -> None:
    rightly = regular_days(np.datetime64("2024-01-08"), 5)
    message = judge(misread(rightly, "America/New_York", "UTC") + 1, "UTC", index_future())
    assert "Read it with --zone America/New_York --stamp close," in message


def test_a_market_may_declare_its_times_right() -> None:
    quality = mgc().quality.model_copy(update={"judge_hours": False})
    market = mgc().model_copy(update={"quality": quality})
    assert not judge(misread(sessions(WINTER), "America/New_York", "UTC"), "UTC", market)


@given(
    start=st.integers(0, 300),
    length=st.integers(300, 900),
    read=st.sampled_from(ZONES),
    thinned=st.integers(0, 2**32 - 1),
)
def test_any_part_of_the_day_that_was_read_rightly_passes(
    start: int, length: int, read: str, thinned: int
) -> None:
    """Bars inside the hours are never refused, whatever zone they were read in."""
    hours = trade_dates(mgc().calendar, 2024, 2024)
    spans = [
        np.arange(opens + start, min(opens + start + length, closes))
        for opens, closes in zip(hours.open[20:40], hours.close[20:40], strict=True)
    ]
    minutes = np.concatenate(spans)
    kept = np.random.default_rng(thinned).random(len(minutes)) < 0.6
    assert not judge(minutes[kept], read)


def test_a_file_in_the_wrong_zone_is_refused_and_read_with_the_option_it_names(
    tmp_path: Path,
) -> None:
    new_york = ZoneInfo("America/New_York")
    path = tmp_path / "bars.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("ts,open,high,low,close,volume\n")
        for minute in sessions(WINTER, 3):
            local = from_minute(int(minute)).astimezone(new_york)
            file.write(f"{local:%Y-%m-%d %H:%M:%S},2050,2050,2050,2050,1\n")
    lake = Lake(tmp_path / "lake")

    with pytest.raises(HoursMisfitError, match="--zone America/New_York"):
        lake.ingest(read_csv([str(path)], "MGC", zone="UTC"), mgc(), NOW)

    assert lake.count("MGC") == 0
    lake.ingest(read_csv([str(path)], "MGC", zone="America/New_York"), mgc(), NOW)
    first = lake.status("MGC").first
    assert first is not None
    opens = from_minute(int(sessions(WINTER)[0]))
    assert first - opens == timedelta(0)
