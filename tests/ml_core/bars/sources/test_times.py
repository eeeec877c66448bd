"""Times of a source: every format is read correctly, or the file is refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.times import EPOCH_UNITS_US, TimeReading, Times, read_times

AT = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
NEW_YORK = "America/New_York"


def read(values: list[Any], kind: pa.DataType | None = None, **options: Any) -> Times:
    return read_times(pa.chunked_array([pa.array(values, kind)]), TimeReading(**options), "a.csv")


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("2024-01-02T14:30:00Z", {}),
        ("2024-01-02 14:30Z", {}),
        ("2024-01-02 09:30:00-05:00", {}),
        ("2024-01-02 09:30:00-0500", {}),
        ("2024-01-02 09:30:00-05", {}),
        ("2024-01-02 09:30:00.000-05:00", {}),
        ("20240102T143000Z", {}),
        ("20240102 09:30:00 -0500", {}),
        ("2024-01-02 14:30:00 UTC", {}),
        ("2024-01-02 14:30:00 GMT", {}),
        ("2024-01-02 16:30:00 GMT+0200", {}),
        ("2024-01-02 09:30:00 US/Eastern", {}),
        ("20240102 09:30:00 America/New_York", {}),
        ("1704205800", {}),
        ("1704205800.000", {}),
        ("1704205800000", {}),
        ("1704205800000000", {}),
        ("1704205800000000000", {}),
        ("2024-01-02 14:30", {"zone": "UTC"}),
        ("2024/1/2 14:30:00", {"zone": "UTC"}),
        ("2024.01.02 14:30", {"zone": "UTC"}),
        ("20240102 143000", {"zone": "UTC"}),
        ("202401021430", {"zone": "UTC"}),
        ("20240102143000", {"zone": "UTC"}),
        (" 2024-01-02  02:30 PM ", {"zone": "UTC"}),
        ("2024-01-02 9:30:00 a.m.", {"zone": NEW_YORK}),
        ("2024-01-02 09:30", {"zone": NEW_YORK}),
        ("2024-01-02 09:30", {"assumed_zone": NEW_YORK}),
        ("2024-01-02 14:30", {"zone": "UTC", "assumed_zone": NEW_YORK}),
        ("01/02/2024 02:30 PM", {"zone": "UTC", "time_format": "%m/%d/%Y %I:%M %p"}),
        ("02.01.2024 14:30", {"zone": "UTC", "time_format": "%d.%m.%Y %H:%M"}),
        ("02.01.2024 16:30 GMT+0200", {"time_format": "%d.%m.%Y %H:%M GMT%z"}),
        ("2024-01-02 14:31", {"zone": "UTC", "stamp": "close"}),
    ],
)
def test_a_spelling_names_its_moment(value: str, options: dict[str, Any]) -> None:
    for values in ([value], [value, None]):
        times = read(values, **options)

        assert times.ts.to_pylist()[0] == AT
        assert times.fault.to_pylist() == [None, "not_a_time"][: len(values)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1704205800], pa.int64()),
        ([1704205800], pa.uint32()),
        ([1704205800000], pa.int64()),
        ([1704205800000000], pa.int64()),
        ([1704205800000000000], pa.int64()),
        ([1704205800.0], pa.float64()),
        ([Decimal("1704205800.00")], pa.decimal128(12, 2)),
        *(([AT], pa.timestamp(unit, "Asia/Tokyo")) for unit in ("s", "ms", "us", "ns")),
    ],
    ids=str,
)
def test_a_column_that_carries_its_own_zone_refuses_another(
    values: list[Any], kind: pa.DataType
) -> None:
    assert read(values, kind).ts.to_pylist() == [AT]
    assert read(values, kind).local_zone is None
    with pytest.raises(SourceError, match=r"carry their own zone.*leave --zone out"):
        read(values, kind, zone=NEW_YORK)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_column_without_a_zone_wants_one(unit: str) -> None:
    values, kind = [AT.replace(hour=9, tzinfo=None)], pa.timestamp(unit)

    assert read(values, kind, zone=NEW_YORK).ts.to_pylist() == [AT]
    assert read(values, kind, zone=NEW_YORK).local_zone == NEW_YORK
    with pytest.raises(SourceError, match=r"without a zone.*give --zone"):
        read(values, kind)
    with pytest.raises(SourceError, match="leave --time-format out"):
        read(values, kind, zone="UTC", time_format="%Y")


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["01/02/2024 14:30"], {}, r"row 1: '01/02/2024 14:30'.*two ways.*--time-format"),
        ([None, "2.1.2024"], {"zone": "UTC"}, r"row 2: '2.1.2024'.*two ways.*--time-format"),
        (["half past nine"], {}, r"'half past nine' was taken for a time.*--time-format"),
        (["45293.6041"], {}, r"'45293.6041' was taken for a time.*--time-format"),
        ([20240102143000], {}, r"such as 20240102143000.*seconds.*--time-format"),
        ([1704205800, -1, 7], {"zone": "UTC"}, r"such as 7, taken for a number of seconds"),
        (["2024-01-02 14:30"], {}, r"without a zone \('2024-01-02 14:30'\); give --zone"),
        (["2024-01-02 14:30 Mars/Moon"], {}, r"row 1: no zone named 'Mars/Moon'"),
        (["2024-01-02 14:30Z", "2024-01-02 14:31"], {}, r"with and without a zone \(row 2"),
        (["1704205800", "2024-01-02 14:31Z"], {}, r"mixes epochs and written times \(row 2"),
        (["2024-01-02 14:30Z"], {"zone": "UTC"}, r"own zone \('2024-01-02 14:30Z'\).*--zone"),
        (["1704205800"], {"zone": "UTC"}, r"own zone \(an epoch\).*leave --zone out"),
        (["2024-01-02 14:30"], {"zone": "Mars"}, "no zone named 'Mars'"),
        (["1.2.2024"], {"time_format": "%m/%d/%Y"}, r"'1.2.2024' is not a time of the format"),
        (["13.2.24 2:30 PM"], {}, r"--time-format, such as '%d.%m.%y %I:%M %p'$"),
        (["01/02/2024 14:30:00"], {}, r"'%m/%d/%Y %H:%M:%S' or '%d/%m/%Y %H:%M:%S'"),
        (["2024-01-02 09:30:00 EST"], {}, r"row 1: .*ends with EST, which names no zone for sure"),
        (["2024-01-02 09:30 AM"], {"time_format": "%Y-%m-%d %H:%M %p"}, "one of %I and %p"),
        (["2024-01-02 09:30"], {"time_format": "%Y-%m-%d %I:%M"}, "one of %I and %p"),
        (["2024-01-02 09:30 EST"], {"time_format": "%Y-%m-%d %H:%M %Z"}, "short names of zones"),
        (["1.2.2024"], {"time_format": "%Q"}, r"'%Q' is not a time format.*--time-format"),
        ([date(2024, 1, 2)], {"zone": "UTC"}, r"type date32.*--column ts="),
        ([time(14, 30)], {"zone": "UTC"}, r"type time64.*--column ts="),
        ([True], {}, r"type bool.*--column ts="),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_value_and_the_option(
    values: list[Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        read(values, **options)


def test_a_value_that_is_no_time_is_a_fault_of_its_row_only() -> None:
    values = ["2024-01-02 14:30", "2024-02-30 14:30", "2024-01-02 24:00", "13:61", "", "soon"]

    times = read(values, zone="UTC")

    assert times.fault.to_pylist() == [None, *["not_a_time"] * 5]
    assert read([1704205800, 12], pa.int64()).fault.to_pylist() == [None, "not_a_time"]
    assert read([None, None], pa.string()).fault.to_pylist() == ["not_a_time"] * 2


moments = st.integers(0, 60_000_000).map(
    lambda minutes: datetime(1980, 1, 2, tzinfo=UTC) + timedelta(minutes=minutes)
)
zones = st.sampled_from([NEW_YORK, "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"])


@given(st.lists(moments, min_size=1, max_size=20), st.sampled_from(["s", "ms", "us", "ns"]))
def test_an_epoch_is_read_in_every_unit(wanted: list[datetime], unit: str) -> None:
    seconds = [int(moment.timestamp()) for moment in wanted]
    factor = round(1_000_000 / EPOCH_UNITS_US[unit])

    for values in (
        [count * factor for count in seconds],
        [str(count * factor) for count in seconds],
    ):
        assert read(values).ts.to_pylist() == wanted


@given(junk=st.booleans(), wanted=st.lists(moments, min_size=1, max_size=20), zone=zones)
def test_a_local_time_names_what_the_zone_database_says(
    wanted: list[datetime], zone: str, *, junk: bool
) -> None:
    """The reference is zoneinfo's fold: a clock shows a time once, twice or never."""
    clocks = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in wanted]
    clocks += [clock + timedelta(hours=1) for clock in clocks]
    text = [str(clock) for clock in clocks] + ["junk"] * junk

    times = read(text, zone=zone)

    for clock, ts, fault in zip(
        clocks, times.ts.to_pylist(), times.fault.to_pylist(), strict=False
    ):
        early = clock.replace(tzinfo=ZoneInfo(zone), fold=0)
        late = clock.replace(tzinfo=ZoneInfo(zone), fold=1)
        if early.utcoffset() == late.utcoffset():
            assert (ts, fault) == (early.astimezone(UTC), None)
        else:
            exists = early.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == clock
            name = "two_such_local_times" if exists else "no_such_local_time"
            assert (ts, fault) == (None, name)


@given(st.lists(moments, min_size=1, max_size=20), zones)
def test_a_time_with_an_offset_names_its_moment_on_every_clock(
    wanted: list[datetime], zone: str
) -> None:
    text = [moment.astimezone(ZoneInfo(zone)).isoformat(" ") for moment in wanted]

    assert read(text).ts.to_pylist() == wanted
    assert read([*text, "junk"]).ts.to_pylist() == [*wanted, None]


@given(st.lists(moments, min_size=1, max_size=20), zones)
def test_close_stamps_are_the_open_stamps_a_minute_later(
    wanted: list[datetime], zone: str
) -> None:
    later = [(moment + timedelta(minutes=1)).astimezone(ZoneInfo(zone)) for moment in wanted]

    assert read([str(stamp) for stamp in later], stamp="close").ts.to_pylist() == wanted
    assert read(later, pa.timestamp("us", zone), stamp="close").ts.to_pylist() == wanted
    clocks = [str(stamp.replace(tzinfo=None)) for stamp in later]
    opened = read(clocks, zone=zone, stamp="open").ts.to_pylist()
    closed = read(clocks, zone=zone, stamp="close").ts.to_pylist()
    minute = timedelta(minutes=1)
    assert closed == [None if stamp is None else stamp - minute for stamp in opened]


CLOCKS_TURN_BACK = {
    NEW_YORK: datetime(2024, 11, 3, 5, 0, tzinfo=UTC),
    "Europe/London": datetime(2024, 10, 27, 0, 0, tzinfo=UTC),
}
"""The first moment whose local time occurs twice."""


def around(zone: str, contracts: int = 1) -> list[datetime]:
    """Return each minute of four hours around the change, once for each contract."""
    start = CLOCKS_TURN_BACK[zone] - timedelta(hours=1)
    return [start + timedelta(minutes=minute // contracts) for minute in range(240 * contracts)]


def local_times(moments: list[datetime], zone: str) -> list[str]:
    return [f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for at in moments]


@pytest.mark.parametrize("zone", [NEW_YORK, "Europe/London"])
@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
@pytest.mark.parametrize("contracts", [1, 2])
def test_the_order_of_rows_tells_the_two_passes_of_a_repeated_hour_apart(
    zone: str, order: int, contracts: int
) -> None:
    moments = around(zone, contracts)[::order]

    times = read(local_times(moments, zone), zone=zone)

    assert times.ts.to_pylist() == moments
    assert times.fault.null_count == len(moments)


def test_contracts_one_after_the_other_have_each_their_own_order() -> None:
    moments = around(NEW_YORK) * 2

    assert read(local_times(moments, NEW_YORK), zone=NEW_YORK).ts.to_pylist() == moments


@pytest.mark.parametrize(
    "minutes",
    [
        [59, *range(60, 120), *range(180, 240)],  # one pass only, either may be meant
        [59, 100, 99, 101, 180],
        [*range(60, 180)],
    ],
    ids=["one pass", "hardly turned", "nothing around"],
)
def test_where_the_order_decides_nothing_a_repeated_time_stays_a_fault(minutes: list[int]) -> None:
    start = CLOCKS_TURN_BACK[NEW_YORK] - timedelta(hours=1)
    moments = [start + timedelta(minutes=minute) for minute in minutes]

    times = read(local_times(moments, NEW_YORK), zone=NEW_YORK)

    for at, result, fault in zip(
        moments, times.ts.to_pylist(), times.fault.to_pylist(), strict=True
    ):
        is_twice = timedelta(hours=1) <= at - start < timedelta(hours=3)
        assert (result, fault) == ((None, "two_such_local_times") if is_twice else (at, None))


def minutes_on_a_half_day_clock(*, newest_first: bool) -> list[datetime]:
    """Return the minutes from 09:30 to 16:00 of two days, as a 12-hour clock shows them."""
    minutes = [
        AT.replace(day=day, hour=9, tzinfo=None) + timedelta(minutes=at)
        for day in (2, 3)
        for at in range(390)
    ]
    clock_times = [at.replace(hour=(at.hour - 1) % 12 + 1) for at in minutes]
    return clock_times[::-1] if newest_first else clock_times


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_clock_of_12_hours_without_am_and_pm_is_refused(*, newest_first: bool) -> None:
    values = minutes_on_a_half_day_clock(newest_first=newest_first)
    with pytest.raises(SourceError, match=r"12:59 back to 01:00.*AM and PM are missing"):
        read(values, pa.timestamp("us"), zone=NEW_YORK)


def test_a_morning_is_no_clock_of_12_hours() -> None:
    values = [
        AT.replace(hour=1, minute=0, tzinfo=None) + timedelta(minutes=at) for at in range(719)
    ]
    assert read(values, pa.timestamp("us"), zone=NEW_YORK).fault.null_count == len(values)


def test_a_time_that_no_calendar_here_has_is_set_aside() -> None:
    values = [AT.replace(tzinfo=None), np.datetime64("-0043-03-15", "us")]
    column = pa.chunked_array([pa.array(np.array(values, "datetime64[us]"))])
    times = read_times(column, TimeReading(zone="UTC"), "a.duckdb")
    assert times.ts.to_pylist() == [AT, None]
    assert times.fault.to_pylist() == [None, "not_a_time"]
