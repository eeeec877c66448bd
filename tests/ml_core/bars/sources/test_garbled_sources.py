"""Garbled data is quarantined with its row, or refused by name; it is never guessed."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databento_dbn import Metadata, OHLCVMsg, RType, Schema, SType

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.month_file import LakeDamagedError
from ml_core.bars.sources.dbn import read_dbn
from ml_core.bars.sources.duckdb_file import read_duckdb
from ml_core.bars.sources.parquet import read_parquet
from ml_core.bars.sources.text.csv import read_csv
from ml_core.bars.sources.text.text_file import plain_text
from tests.ml_core.builders import mgc

NOW = datetime(2024, 6, 1, tzinfo=UTC)
AT = datetime(2024, 1, 16, 1, 0, tzinfo=UTC)
HEADER = "ts,open,high,low,close,volume\n"
ROW = "2024-01-16T01:00Z,2000,2000,2000,2000,1\n"


def csv_batch(path: Path, text: str, **options: str) -> RawBatch:
    path.write_text(text, encoding="utf-8")
    (raw,) = read_csv([str(path)], "MGC", **options)  # type: ignore[arg-type]
    return raw


@pytest.mark.parametrize(
    ("text", "value"),
    [("2055,5", 2055.5), ("2055.5", 2055.5), ("1.234,5", 1234.5), ("two", np.nan)],
    ids=["comma", "point", "both", "words"],
)
def test_a_decimal_comma_is_read_where_it_can_mean_nothing_else(
    tmp_path: Path, text: str, value: float
) -> None:
    body = (
        f"2024-01-16 01:00;{text};2060,5;1;1;1\n"
        if "," in text
        else f"2024-01-16 01:00;{text};1;1;1;1\n"
    )

    raw = csv_batch(tmp_path / "a.csv", HEADER.replace(",", ";") + body, zone="UTC")

    np.testing.assert_equal(raw.table["open"].to_numpy()[0], value)


@pytest.mark.parametrize("mark", [" ", "\u00a0", "\u202f", "'", "\u2019"])
@pytest.mark.parametrize("decimal", [",", "."])
def test_blanks_and_apostrophes_part_thousands(tmp_path: Path, mark: str, decimal: str) -> None:
    price = f"1{mark}234{mark}567{decimal}25"
    text = f"ts;open;high;low;close;volume\n2024-01-16T01:00Z;{price};{price};{price};{price};1\n"
    assert csv_batch(tmp_path / "a.csv", text).table["open"].to_pylist() == [1_234_567.25]


def test_prices_that_nobody_can_read_are_refused_with_the_first_of_them(tmp_path: Path) -> None:
    text = HEADER + ROW.replace("T01:00Z,2000", "T01:00Z,2_000") * 3
    with pytest.raises(SourceError, match=r"row 2: open '2_000' was taken for a price.*--column"):
        csv_batch(tmp_path / "a.csv", text)


def test_bytes_that_are_no_text_spoil_their_own_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    later = ROW.replace("01:00Z", "01:01Z")
    path.write_bytes(
        f"{HEADER}{ROW}".encode() + b"2024-01-16T01:02Z,\xff\xfe,1,1,1,1\n" + later.encode()
    )
    (batch,) = read_csv([str(path)], "MGC")
    assert batch.table["open"].to_pylist()[::2] == [2000.0, 2000.0]
    assert np.isnan(batch.table["open"].to_pylist()[1])


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"PAR1....", "is a Parquet file; give --source parquet"),
        (b"PK\x03\x04....", "a workbook of Excel; save it as CSV"),
        (b"\n" + HEADER.encode() + ROW.encode(), "begins with an empty line; remove"),
        (b"Export of MGC\n" + HEADER.encode() + ROW.encode(), "'Export of MGC', does not name"),
    ],
)
def test_a_file_without_a_table_of_bars_is_reported(
    tmp_path: Path, start: bytes, words: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(start)
    with pytest.raises(SourceError, match=words):
        list(read_csv([str(path)], "MGC"))


@pytest.mark.parametrize("name", ["BARS.CSV", "BARS.CSV.GZ", "BARS.ZIP"])
def test_capitals_of_an_ending_do_not_count(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path, text = folder / name, HEADER + ROW
    if name.endswith("ZIP"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bars.csv", text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("GZ") else text.encode())
    (batch,) = read_csv([str(folder)], "MGC")
    assert batch.table["open"].to_pylist() == [2000.0]


def test_a_comma_that_may_part_thousands_is_a_question(tmp_path: Path) -> None:
    row = '2024-01-16T01:00Z,"21,250","21,250","21,250","21,250",1\n'

    with pytest.raises(SourceError, match="give the decimal separator: --decimal"):
        csv_batch(tmp_path / "a.csv", HEADER + row)


@pytest.mark.parametrize("offset", ["Z", "+00", "+00:00", "+0000"])
def test_every_way_to_write_an_offset_is_read(tmp_path: Path, offset: str) -> None:
    row = f"2024-01-16 01:00:00{offset},1,1,1,1,1\n"

    raw = csv_batch(tmp_path / "a.csv", HEADER + row)

    assert raw.table["ts"].to_pylist() == [AT]


def test_a_row_without_a_time_does_not_spoil_the_file(tmp_path: Path) -> None:
    raw = csv_batch(tmp_path / "a.csv", HEADER + ROW + ",1,1,1,1,1\n")

    assert raw.table["fault"].to_pylist() == [None, "not_a_time"]


def test_a_bar_of_another_age_is_set_aside(tmp_path: Path) -> None:
    rows = "".join(
        f"2024-01-16T{hour:02}:{at:02}Z,2000,2000,2000,2000,1\n"
        for hour in (1, 2, 3)
        for at in range(60)
    )
    raw = csv_batch(tmp_path / "a.csv", HEADER + "1600-01-01T00:00Z,1,1,1,1,1\n" + rows)

    (record,) = Lake(tmp_path / "lake").ingest([raw], mgc(), NOW)

    assert (record.quarantined, record.added) == ({"before_1970": 1}, 180)


def test_duckdb_rows_without_a_time_or_number_are_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "block.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE bars_1m (ts_utc TEXT, symbol TEXT, open TEXT, high DOUBLE, low DOUBLE, "
            "close DOUBLE, volume BIGINT)"
        )
        connection.execute("INSERT INTO bars_1m VALUES (NULL, 'MGC', '1', 1, 1, 1, 1)")
        connection.execute("INSERT INTO bars_1m VALUES ('junk', 'MGC', '1', 1, 1, 1, 1)")
        connection.execute("INSERT INTO bars_1m VALUES ('2024-01-16', 'MGC', 'x', 1, 1, 1, 1)")

    batches = list(read_duckdb(str(path), "MGC"))

    assert [part.table["ts"].null_count for part in batches] == [0, 2]
    assert batches[0].table["open"].null_count == 1


def test_a_file_that_is_no_database_is_not_taken_for_a_locked_one(tmp_path: Path) -> None:
    path = tmp_path / "block.duckdb"
    path.write_bytes(b"junk" * 1000)

    with pytest.raises(SourceError, match="name a DuckDB database file"):
        list(read_duckdb(str(path), "MGC"))


def test_parquet_prices_that_are_text_are_refused_by_name(tmp_path: Path) -> None:
    names = ("open", "high", "low", "close", "volume")
    path = tmp_path / "bars.parquet"
    pq.write_table(
        pa.table(
            {"ts": pa.array([AT], pa.timestamp("us", "UTC")), **{name: ["x"] for name in names}}
        ),
        path,
    )

    with pytest.raises(SourceError, match="not all numbers"):
        list(read_parquet([str(path)], "MGC"))


def test_spreads_of_a_mapped_contract_column_are_dropped_and_counted(tmp_path: Path) -> None:
    head = HEADER.strip() + ",k\n"
    rows = "".join(ROW.strip() + f",{name}\n" for name in ("MGCG4", "MGCG4-MGCJ4"))
    path = tmp_path / "a.csv"
    path.write_text(head + rows)
    batches = read_csv([str(path)], "MGC", columns={"contract": "k"})

    (record,) = Lake(tmp_path / "lake").ingest(batches, mgc(), NOW)

    assert (record.added, record.dropped) == (1, {"spread": 1})
    path.write_text(head + ROW.strip() + ",NQH4\n")
    with pytest.raises(SourceError, match=r"no contract \(NQH4 ...\) matches"):
        Lake(tmp_path / "lake").ingest(
            read_csv([str(path)], "MGC", columns={"contract": "k"}), mgc(), NOW
        )


def test_a_damaged_record_or_month_of_the_lake_is_named(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.ingest([csv_batch(tmp_path / "a.csv", HEADER + ROW)], mgc(), NOW)
    (record,) = (tmp_path / "lake" / "MGC" / "batches").iterdir()
    whole = record.read_text()
    record.write_text("{")
    (month,) = (tmp_path / "lake" / "MGC" / "bars").iterdir()
    month.write_bytes(b"no")

    with pytest.raises(LakeDamagedError, match=record.name):
        lake.batches("MGC")
    with pytest.raises(LakeDamagedError, match=r"2024-01\.parquet"):
        lake.status("MGC")
    record.write_text(whole)
    more = csv_batch(tmp_path / "b.csv", HEADER + ROW.replace("01:00", "01:01"))
    with pytest.raises(LakeDamagedError, match=r"2024-01\.parquet"):
        lake.ingest([more], mgc(), NOW)


def _bar(number: int, at: datetime, price: int) -> bytes:
    nanoseconds = int(at.timestamp()) * 10**9
    return bytes(
        OHLCVMsg(
            rtype=RType.OHLCV_1M, publisher_id=1, instrument_id=number, ts_event=nanoseconds,
            open=price, high=price, low=price, close=price, volume=3,
        )
    )  # fmt: skip


def test_dbn_names_come_from_the_mapping_of_the_day(tmp_path: Path) -> None:
    # Arrange: id 7 means one contract until the 16th and another from then on; 8 is a spread
    def span(name: str, start: date, end: date, number: int) -> Any:
        days = SimpleNamespace(start_date=start, end_date=end, symbol=str(number))
        return SimpleNamespace(raw_symbol=name, intervals=[days])

    first, change, last = date(2024, 1, 15), date(2024, 1, 16), date(2024, 1, 17)
    kinds: Any = {
        "stype_in": SType.PARENT,
        "stype_out": SType.INSTRUMENT_ID,
        "schema": Schema.OHLCV_1M,
    }  # declared as text in the library's stubs
    metadata = Metadata(
        dataset="GLBX.MDP3", start=0, **kinds, symbols=["MGC.FUT"], partial=[], not_found=[],
        mappings=[
            span("MGCG4", first, change, 7),
            span("MGCJ4", change, last, 7),
            span("MGCG4-MGCJ4", first, last, 8),
        ],
    )  # fmt: skip
    nothing = np.iinfo(np.int64).max
    body = b"".join(
        [
            _bar(7, AT.replace(day=15), 2000 * 10**9),
            _bar(7, AT, 2010 * 10**9),
            _bar(8, AT, 10 * 10**9),
            _bar(9, AT, 2010 * 10**9),
            _bar(7, AT.replace(minute=1), nothing),
        ]
    )
    path = tmp_path / "bars.dbn"
    path.write_bytes(metadata.encode() + body)

    # Act
    (raw,) = read_dbn([str(path)], r"MGC[FGHJKMNQUVXZ]\d{1,2}")

    # Assert
    assert raw.table["contract"].to_pylist() == ["MGCG4", "MGCJ4", None, "MGCJ4"]
    assert raw.table["source_line"].to_pylist() == [1, 2, 4, 5]
    np.testing.assert_equal(raw.table["open"].to_numpy(), [2000.0, 2010.0, 2010.0, np.nan])
    assert raw.dropped == {"spread": 1}
    path.write_bytes((metadata.encode() + body)[:-10])
    with pytest.raises(SourceError, match="ends in the middle of record 5"):
        list(read_dbn([str(path)], "MGC.*"))
    path.write_bytes(metadata.encode()[:-10])
    with pytest.raises(SourceError, match="ends inside its header"):
        list(read_dbn([str(path)], "MGC.*"))


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"])
def test_a_duckdb_row_falls_in_its_month_whatever_its_time_is_kept_as(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "trader.duckdb"
    times = ["2024-01-31 23:59:00", "2024-02-01 00:00:00", "2024-02-29 23:59:00", "2024-03-01"]
    with duckdb.connect(str(path)) as writer:
        writer.execute("SET TimeZone = 'UTC'")
        writer.execute(
            f"CREATE TABLE bars_1m(ts_utc {kind}, symbol TEXT, open DOUBLE, high DOUBLE,"
            " low DOUBLE, close DOUBLE, volume BIGINT)"
        )
        writer.executemany(
            "INSERT INTO bars_1m VALUES (?, 'MGC', 1, NULL, 1, 1, 1)",
            [[time] for time in (*times, None)],
        )

    def read(since: datetime | None) -> dict[str, tuple[int, str]]:
        batches = read_duckdb(str(path), "MGC", since=since)
        return {part.name.split(":")[2]: (len(part.table), part.content_hash) for part in batches}

    whole = read(None)
    assert {month: rows for month, (rows, _) in whole.items()} == {
        "2024-01": 1,
        "2024-02": 2,
        "2024-03": 1,
        "without-a-time": 1,
    }
    # hashed by content: a repeated batch is recognised, including missing values
    assert all(read(None) == whole for _ in range(3))
    later = read(datetime(2024, 2, 1, tzinfo=UTC))
    assert later == {month: content for month, content in whole.items() if month != "2024-01"}


def _zip_by_method(method: int) -> bytes:
    """Return a zip that states a compression method with some number for its file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("bars.csv", "ts,open\n")
    content = bytearray(made.getvalue())
    listed = content.index(b"PK\x01\x02")
    for at in (8, listed + 10):
        content[at : at + 2] = method.to_bytes(2, "little")
    return bytes(content)


RANDOM = np.random.default_rng(1).bytes(5_000)
PACKED = gzip.compress(RANDOM)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("random.gz", RANDOM),
        ("begun.gz", b"\x1f\x8b\x08" + RANDOM),
        ("flags.gz", b"\x1f\x8b\x08\x1f" + RANDOM[:8]),
        ("cut.gz", PACKED[:-9]),
        ("changed.gz", PACKED[:20] + bytes(60) + PACKED[80:]),
        ("random.zip", RANDOM),
        ("begun.zip", b"PK\x03\x04" + RANDOM),
        ("unknown.zip", _zip_by_method(99)),
        ("otherwise.zip", _zip_by_method(zipfile.ZIP_DEFLATED)),
    ],
)
def test_packed_bytes_that_are_nothing_name_their_file(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=name), plain_text(path) as text:
        text.read_bytes()
