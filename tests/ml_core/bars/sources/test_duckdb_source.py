"""A trader's DuckDB: each time type is read correctly or refused; only the file is read."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.legacy_import.database import sampled_times, symbols_of, tables
from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.sources.duckdb_file import opened, read_duckdb
from ml_core.bars.sources.times import TimeReading

AT = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
NEW_YORK = "America/New_York"
COLUMNS = {"ts": "t", "symbol": ""}


def write(path: Path, kind: str, values: list[Any], name: str = "t") -> Path:
    """Write a table of bars with times of one type, one bar for each value."""
    with duckdb.connect(str(path)) as database:
        database.execute("SET TimeZone = 'Asia/Tokyo'")
        database.execute(
            f"CREATE TABLE bars_1m ({name} {kind}, open INT, high INT, low INT, close INT,"
            " volume INT)"
        )
        rows = [[value, number + 1] for number, value in enumerate(values)]
        insert = f"INSERT INTO bars_1m VALUES ($1::{kind}, $2, $2, $2, $2, $2)"  # noqa: S608 - the test's own
        database.executemany(insert, rows)
    return path


def read(path: Path, **options: Any) -> list[RawBatch]:
    return list(read_duckdb(str(path), "MGC", **{"columns": COLUMNS, **options}))


def stamps(batches: list[RawBatch]) -> list[datetime | None]:
    return [ts for batch in batches for ts in batch.table["ts"].to_pylist()]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"])
def test_a_time_without_a_zone_is_of_the_zone_named_or_refused(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.duckdb", kind, ["2024-01-02 09:30:00"])

    assert stamps(read(path, zone=NEW_YORK)) == [AT]
    with pytest.raises(SourceError, match=r"without a zone.*give --zone"):
        read(path)


def test_a_name_that_says_utc_is_a_zone_unless_another_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMP", ["2024-01-02 14:30:00"], "ts_utc")
    columns = {"symbol": ""}

    assert stamps(read(path, columns=columns)) == [AT]
    assert stamps(read(path, columns=columns, zone=NEW_YORK)) == [AT + timedelta(hours=5)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("TIMESTAMPTZ", "2024-01-02 09:30:00-05:00"),
        ("TIMESTAMPTZ_NS", "2024-01-02 09:30:00-05:00"),
        ("VARCHAR", "2024-01-02 09:30:00-05:00"),
        ("VARCHAR", "2024-01-02 09:30:00 US/Eastern"),
        ("VARCHAR", "1704205800"),
        ("ENUM ('2024-01-02 14:30Z')", "2024-01-02 14:30Z"),
        ("INTEGER", 1704205800),
        ("BIGINT", 1704205800),
        ("BIGINT", 1704205800_000),
        ("BIGINT", 1704205800_000_000),
        ("BIGINT", 1704205800_000_000_000),
        ("HUGEINT", 1704205800_000),
        ("UBIGINT", 1704205800_000_000_000),
        ("DOUBLE", 1704205800.0),
        ("DECIMAL(18, 3)", "1704205800.000"),
    ],
)
def test_a_time_that_names_a_moment_is_read_and_refuses_a_zone(
    tmp_path: Path, kind: str, value: object
) -> None:
    path = write(tmp_path / "a.duckdb", kind, [value])

    assert stamps(read(path)) == [AT]
    with pytest.raises(SourceError, match=r"carry their own zone.*leave --zone out"):
        read(path, zone=NEW_YORK)


@pytest.mark.parametrize(
    ("kind", "value", "options", "message"),
    [
        ("VARCHAR", "2024-01-02 14:30", {}, "give --zone"),
        ("VARCHAR", "01/02/2024 14:30", {"zone": "UTC"}, "'01/02/2024 14:30'.*--time-format"),
        ("BIGINT", 20240102143000, {}, "such as 20240102143000.*--time-format"),
        ("DATE", "2024-01-02", {"zone": "UTC"}, "type date32.*--column ts="),
        ("FLOAT", "1704205800", {}, "type float.*--column ts="),
        ("TIME", "14:30", {"zone": "UTC"}, "type time64.*--column ts="),
        ("TIMESTAMP", "2024-01-02", {"zone": "Mars"}, "no zone named 'Mars'"),
        ("TIMESTAMP", "2024-01-02", {"zone": "UTC", "time_format": "%Y"}, "leave --time-format"),
    ],
)
def test_a_time_that_cannot_be_known_is_refused_with_the_option(
    tmp_path: Path, kind: str, value: object, options: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "a.duckdb", kind, [value])

    with pytest.raises(SourceError, match=message):
        read(path, **options)


@pytest.mark.parametrize(
    ("kind", "value", "time_format"),
    [
        ("VARCHAR", "01/02/2024 09:30", "%m/%d/%Y %H:%M"),
        ("BIGINT", 20240102093000, "%Y%m%d%H%M%S"),
    ],
)
def test_a_format_reads_what_cannot_be_known(
    tmp_path: Path, kind: str, value: object, time_format: str
) -> None:
    path = write(tmp_path / "a.duckdb", kind, [value])

    assert stamps(read(path, zone=NEW_YORK, time_format=time_format)) == [AT]


DAYLIGHT = ["2024-03-10 01:59", "2024-03-10 02:30", "2024-03-10 03:00", "2024-11-03 01:30"]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "VARCHAR"])
def test_a_local_time_that_is_no_single_moment_is_set_aside(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.duckdb", kind, DAYLIGHT)

    batches = read(path, zone=NEW_YORK)

    faults = {fault for batch in batches for fault in batch.table["fault"].to_pylist()}
    assert faults == {None, "no_such_local_time", "two_such_local_times"}
    assert [ts for ts in stamps(batches) if ts] == [
        datetime(2024, 3, 10, 6, 59, tzinfo=UTC),
        datetime(2024, 3, 10, 7, 0, tzinfo=UTC),
    ]


BEHIND = "Etc/GMT+5"
kinds = {
    "TIMESTAMP": lambda at: at.astimezone(ZoneInfo(BEHIND)).replace(tzinfo=None),
    "TIMESTAMPTZ": str,
    "VARCHAR": str,
    "BIGINT": lambda at: round(at.timestamp()) * 1000,
    "UBIGINT": lambda at: round(at.timestamp()) * 1_000_000_000,
    "DOUBLE": lambda at: at.timestamp(),
}
minutes = st.integers(0, 200_000).map(lambda minute: AT + timedelta(minutes=minute))


@settings(max_examples=8)
@given(st.sampled_from(sorted(kinds)), st.lists(minutes, min_size=1, max_size=8), minutes)
def test_stamps_at_the_close_give_the_bars_of_stamps_at_the_open(
    tmp_path_factory: pytest.TempPathFactory, kind: str, opens: list[datetime], since: datetime
) -> None:
    folder = tmp_path_factory.mktemp("stamps")
    zone = {"zone": BEHIND} if kind == "TIMESTAMP" else {}
    later = [kinds[kind](at + timedelta(minutes=1)) for at in opens]
    open_file = write(folder / "open.duckdb", kind, [kinds[kind](at) for at in opens])
    close_file = write(folder / "close.duckdb", kind, later)

    for bound in (None, since):
        opened_at = stamps(read(open_file, since=bound, **zone))
        closed_at = stamps(read(close_file, since=bound, stamp="close", **zone))
        wanted = sorted(at for at in opens if bound is None or at >= bound)
        assert opened_at == closed_at == wanted


@pytest.mark.parametrize("kind", sorted(kinds))
def test_rows_without_a_time_come_last_and_are_not_lost(tmp_path: Path, kind: str) -> None:
    junk = {"VARCHAR": "soon", "BIGINT": 12, "UBIGINT": 12, "DOUBLE": float("nan")}
    values = [None, junk.get(kind), kinds[kind](AT), kinds[kind](AT + timedelta(days=60))]
    path = write(tmp_path / "a.duckdb", kind, values)

    batches = read(path, **({"zone": BEHIND} if kind == "TIMESTAMP" else {}))

    months = [batch.name.rsplit(":", 1)[1] for batch in batches]
    assert months == ["2024-01", "2024-03", "without-a-time"]
    assert batches[-1].table["fault"].to_pylist() == ["not_a_time"] * 2


@pytest.mark.parametrize(
    "query",
    [
        "read_csv('{folder}/other.csv')",
        "read_text('{folder}/other.csv')",
        "read_parquet('{folder}/other.parquet')",
        "'{folder}/other.csv'",
        "glob('{folder}/*')",
    ],
)
def test_a_view_that_reads_beyond_the_file_is_refused_and_shows_nothing_of_it(
    tmp_path: Path, query: str
) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMPTZ", [AT])
    with duckdb.connect(str(path)) as database:
        for other in ("other.csv", "other.parquet"):
            database.execute(f"COPY (SELECT 'hunter2' AS secret) TO '{tmp_path / other}'")
        view = f"CREATE VIEW stolen AS SELECT * FROM {query.format(folder=tmp_path)}"  # noqa: S608 - the test's own
        database.execute(view)

    with pytest.raises(SourceError, match=r"outside the database.*CREATE TABLE") as caught:
        read(path, table="stolen")
    notes = {table.name: table.note for table in tables(str(path))}
    assert "outside the database" in notes["stolen"]
    for message in (str(caught.value), notes["stolen"]):
        assert "hunter2" not in message
        assert "secret" not in message
        assert "other." not in message
    assert stamps(read(path)) == [AT]


@pytest.mark.parametrize("zone", ["Etc/GMT+5", "Etc/GMT-10"])
@pytest.mark.parametrize("stamp", ["open", "close"])
def test_the_last_and_first_minutes_of_a_month_on_its_own_clock_are_read(
    tmp_path: Path, zone: str, stamp: str
) -> None:
    hours = [0, 4, 12, 20, 23]
    clocks = [
        f"2024-01-{day} {hour:02}:{minute}"
        for day in ("01", "31")
        for hour in hours
        for minute in ("00", "59")
    ]
    path = write(tmp_path / "a.duckdb", "TIMESTAMP", clocks)

    (batch,) = read(path, zone=zone, stamp=stamp)

    shift = timedelta(minutes=1 if stamp == "close" else 0)
    wanted = [
        datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - shift
        for clock in clocks
    ]
    assert stamps([batch]) == wanted
    assert batch.name.endswith(":2024-01")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("enable_external_access", False),
        ("autoload_known_extensions", False),
        ("autoinstall_known_extensions", False),
        ("allow_community_extensions", False),
        ("python_enable_replacements", False),
        ("lock_configuration", True),
        ("access_mode", "read_only"),
    ],
)
def test_a_connection_has_the_settings_that_confine_it(
    tmp_path: Path, setting: str, value: object
) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMPTZ", [AT])

    with opened(str(path)) as connection:
        settings_table = connection.sql(
            f"SELECT current_setting('{setting}') AS value"
        ).to_arrow_table()

    assert settings_table["value"][0].as_py() == value


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET TimeZone = 'Asia/Tokyo'",
        "ATTACH '{other}' AS more",
        "INSTALL httpfs",
        "LOAD httpfs",
        "COPY bars_1m TO '{other}'",
        "CREATE TABLE more AS SELECT 1",
        "SELECT * FROM somebodys_variable",
    ],
)
def test_a_connection_is_confined_for_good(tmp_path: Path, statement: str) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMPTZ", [AT])
    other = tmp_path / "other.duckdb"
    write(other, "TIMESTAMPTZ", [AT])
    somebodys_variable = duckdb.connect().sql("SELECT 1 AS one").to_arrow_table()

    with opened(str(path)) as connection, pytest.raises(duckdb.Error):
        connection.sql(statement.format(other=other)).to_arrow_table()
    del somebodys_variable


def test_times_with_a_zone_are_read_without_pytz(tmp_path: Path) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMPTZ", [AT])
    code = f"""
import sys
sys.modules["pytz"] = None
from ml_core.bars.sources.duckdb_file import read_duckdb
from deployments.legacy_import.database import sampled_times, tables
from ml_core.bars.sources.times import TimeReading
(batch,) = read_duckdb({str(path)!r}, "MGC", columns={COLUMNS!r})
(table,) = tables({str(path)!r})
sample = sampled_times({str(path)!r}, "bars_1m", "t", TimeReading())
print(batch.table["ts"][0], table.rows, len(sample.minutes))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["2024-01-02", "14:30:00+00:00", "1", "1"]


def test_a_view_whose_own_query_fails_is_not_taken_for_a_missing_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMPTZ", [AT])
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE lost AS SELECT 1 AS one")
        database.execute("CREATE VIEW broken AS SELECT * FROM lost")
        database.execute("DROP TABLE lost")
        database.execute("CREATE VIEW words AS SELECT 'x'::INT AS t, * EXCLUDE t FROM bars_1m")

    for table in ("broken", "words"):
        with pytest.raises(SourceError, match="cannot be read"):
            read(path, table=table)


def test_a_sample_reveals_the_applied_zone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.duckdb", "TIMESTAMP", ["2024-01-02 09:30"])
    text = write(tmp_path / "b.duckdb", "VARCHAR", [str(AT)])

    named = sampled_times(str(path), "bars_1m", "t", TimeReading(zone=NEW_YORK))
    own = sampled_times(str(text), "bars_1m", "t", TimeReading(assumed_zone="UTC"))

    minute = round(AT.timestamp()) // 60
    assert (named.minutes, named.local_zone) == ([minute], NEW_YORK)
    assert (own.minutes, own.local_zone) == ([minute], None)
    assert symbols_of(str(path), "bars_1m", "open") == {"1": 1}
