"""Files too large for memory are imported by month, with the same result as in one piece."""

from __future__ import annotations

import errno
import gzip
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from databento_dbn import Metadata, Schema, SType

from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.bars.contract import PRICES, RawBatch, SourceError
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources import built_in, dbn, large_file, packed_size, parquet
from ml_core.bars.sources.built_in import CsvSource
from ml_core.bars.sources.text import csv, text_file
from tests.ml_core.builders import mgc

NOW = datetime(2024, 6, 1, tzinfo=UTC)
ROWS, PART = 9_000, 2_500
PATTERN = r"MGC[GJM]4"
FOREIGN = 7
"""Every row with this step belongs to another market."""


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files a few thousand rows at a time."""
    monkeypatch.setattr(large_file, "PART_ROWS", PART)
    monkeypatch.setattr(dbn, "PART_ROWS", PART)
    monkeypatch.setattr(csv, "_ROWS_AT_ONCE", 2_048)
    monkeypatch.setattr(parquet, "_ROWS_AT_ONCE", 500)


def bars() -> pa.Table:
    """Return bars from December into January, every seventh minute of another market."""
    minute = np.datetime64("2023-12-30T12:00", "us") + np.arange(ROWS) * np.timedelta64(1, "m")
    price = 2000.0 + np.arange(ROWS) % 50
    contract = np.where(np.arange(ROWS) % FOREIGN == 0, "NQH4", "MGCG4")
    return pa.table(
        {
            "ts": pa.array(minute, pa.timestamp("us", "UTC")),
            "contract": contract,
            **dict.fromkeys(PRICES, pa.array(price)),
            "volume": np.ones(ROWS, np.int64),
        }
    )


def written(kind: str, folder: Path) -> list[str]:
    """Write the bars as a file of one kind."""
    path = folder / {"csv": "a.csv", "gz": "a.csv.gz"}.get(kind, f"a.{kind}")
    if kind == "parquet":
        pq.write_table(bars(), path)
    elif kind == "dbn":
        path.write_bytes(_dbn())
    else:
        table = bars().set_column(0, "ts", bars()["ts"].cast(pa.int64()))
        pa_csv.write_csv(table, folder / "a.csv")
        if kind == "gz":
            path.write_bytes(gzip.compress((folder / "a.csv").read_bytes()))
    return [str(path)]


def _dbn() -> bytes:
    kinds: Any = {
        "stype_in": SType.PARENT,
        "stype_out": SType.INSTRUMENT_ID,
        "schema": Schema.OHLCV_1M,
    }  # declared as text in the library's stubs
    days: Any = {"start_date": date(2023, 1, 1), "end_date": date(2025, 1, 1)}
    names = {"NQH4": 1, "MGCG4": 2}

    class Span:
        def __init__(self, **values: Any) -> None:
            self.__dict__.update(values)

    spans = [
        Span(raw_symbol=name, intervals=[Span(**days, symbol=str(number))])
        for name, number in names.items()
    ]
    metadata = Metadata(
        dataset="GLBX.MDP3", start=0, **kinds, symbols=["MGC.FUT"], partial=[], not_found=[],
        mappings=spans,
    )  # fmt: skip
    table = bars()
    records = np.zeros(ROWS, dbn.RECORD)
    records["length"], records["rtype"] = dbn.RECORD.itemsize // 4, 33
    records["instrument_id"] = [names[name] for name in table["contract"].to_pylist()]
    records["ts_event"] = table["ts"].cast(pa.int64()).to_numpy() * 1_000
    for price in PRICES:
        records[price] = np.rint(table[price].to_numpy() * 1e9)
    records["volume"] = table["volume"].to_numpy()
    return bytes(metadata.encode()) + records.tobytes()


def read(kind: str, paths: list[str]) -> list[RawBatch]:
    """Read a file of one kind without its rows of NQ."""
    columns = {"contract": "contract"}
    if kind == "parquet":
        return list(parquet.read_parquet(paths, "MGC", columns=columns, contract_pattern=PATTERN))
    if kind == "dbn":
        return list(dbn.read_dbn(paths, PATTERN))
    return list(csv.read_csv(paths, "MGC", columns=columns, contract_pattern=PATTERN))


@pytest.mark.parametrize("kind", ["csv", "gz", "parquet", "dbn"])
def test_a_large_file_brings_what_it_would_bring_whole(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    market = mgc()
    paths = written(kind, tmp_path)
    whole = Lake(tmp_path / "whole")
    (record,) = whole.ingest(read(kind, paths), market, NOW)
    request.getfixturevalue("in_parts")

    batches = read(kind, paths)
    parts = Lake(tmp_path / "parts")
    records = parts.ingest(batches, market, NOW)

    assert [batch.name.rpartition(":")[2] for batch in batches] == ["2023-12", "2024-01"]
    assert len({batch.origin for batch in batches}) == 1
    assert parts.fingerprint(market) == whole.fingerprint(market)
    assert sum(entry.added for entry in records) == record.added > 0
    assert batches[0].dropped == record.dropped
    lines = np.concatenate([batch.table["source_line"].to_numpy() for batch in batches])
    first = 2 if kind in {"csv", "gz"} else 1  # a header has a line of its own
    kept = np.flatnonzero(np.arange(ROWS) % FOREIGN)
    np.testing.assert_array_equal(lines, kept + first)
    again = parts.ingest(read(kind, paths), market, NOW)
    assert {entry.status for entry in again} == {"already"}


@pytest.mark.usefixtures("in_parts")
def test_a_large_file_with_too_many_bad_rows_is_named_as_what_it_is(
    tmp_path: Path,
) -> None:
    market = mgc()
    table = bars()
    doubled = pa.concat_tables(
        [table, table.set_column(2, "open", pc.add(table["open"], 1.0)).slice(0, 4_000)]
    )
    path = tmp_path / "doubled.parquet"
    pq.write_table(doubled, path)

    with pytest.raises(BatchRefusedError, match=r"doubled\.parquet is refused whole: 3,428 of"):
        Lake(tmp_path / "lake").ingest(
            parquet.read_parquet([str(path)], "MGC", contract_pattern=PATTERN), market, NOW
        )


def test_a_file_that_an_earlier_release_read_whole_brings_nothing_new_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(bars(), path)
    lake = Lake(tmp_path / "lake")

    def read() -> list[BatchRecord]:
        source = parquet.read_parquet([str(path)], "MGC", contract_pattern=PATTERN)
        return list(lake.ingest(source, mgc(), NOW))

    (whole,) = read()
    before = lake.read(mgc())
    monkeypatch.setattr(large_file, "PART_ROWS", PART)
    monkeypatch.setattr(parquet, "_ROWS_AT_ONCE", 500)

    for _ in range(2):
        months = read()
        assert len(months) == 2
        assert [month.added + month.revised + month.withdrawn for month in months] == [0, 0]
        after = lake.read(mgc())
        assert after.minute.tobytes() == before.minute.tobytes()
        assert after.close.tobytes() == before.close.tobytes()
    assert whole.added > 0


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("kind", ["csv", "parquet", "dbn"])
def test_more_rows_of_a_month_than_a_market_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(large_file, "MOST_OF_A_MONTH", 5_000)
    with pytest.raises(SourceError, match=r"a\.\w+: has more than 5,000 rows of 2024-01"):
        read(kind, written(kind, tmp_path))


@pytest.mark.usefixtures("in_parts")
def test_a_large_file_without_the_market_is_refused_as_a_small_one_is(tmp_path: Path) -> None:
    paths = written("parquet", tmp_path)
    columns = {"contract": "contract"}
    batches = parquet.read_parquet(paths, "ES", columns=columns, contract_pattern="ES[HMUZ]4")
    market = mgc().model_copy(update={"symbol": "ES", "contract_pattern": "ES[HMUZ]4"})
    with pytest.raises(SourceError, match="no contract matches ES"):
        Lake(tmp_path / "lake").ingest(batches, market, NOW)


def test_how_many_batches_large_files_give_is_not_known_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = written("csv", tmp_path)
    assert CsvSource((path,), {}, {}).count() == 1
    monkeypatch.setattr(built_in, "_MAY_BE_LARGE", 1_000)
    assert CsvSource((path,), {}, {}).count() is None


def bomb(name: str, folder: Path) -> Path:
    """Compress far more than is allowed, with content that is valid in itself."""
    path = folder / name
    text = b"ts,contract,open,high,low,close,volume\n"
    text += b"2024-01-16T01:00Z,MGCG4,1,1,1,1,1\n" * 20_000
    if name.endswith(".zip"):
        path.parent.mkdir(parents=True, exist_ok=True)
        text = b"3600000,1,1,1,1,1\n" * 20_000 if "trade" in name else text
        member = "20240116_mgc_minute_trade_202402.csv" if "trade" in name else "a.csv"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, text)
    elif name.endswith(".zst"):
        with pa.OSFile(str(path), "wb") as sink, pa.CompressedOutputStream(sink, "zstd") as file:
            file.write(_dbn()[: -ROWS * dbn.RECORD.itemsize])
            record = np.zeros(1, dbn.RECORD)
            record["length"], record["rtype"] = dbn.RECORD.itemsize // 4, 33
            file.write(record.tobytes() * 50_000)
    else:
        encoded = text.decode().encode("utf-16") if "16" in name else text
        path.write_bytes(gzip.compress(encoded))
    return path


@pytest.mark.parametrize(
    "name",
    [
        "a.csv.gz",
        "utf16.csv.gz",
        "a.zip",
        "future/comex/minute/mgc/20240116_trade.zip",
        "a.dbn.zst",
    ],
)
def test_an_archive_bomb_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = bomb(name, tmp_path)
    with monkeypatch.context() as bounded:
        bounded.setattr(packed_size, "ALWAYS", 1_000)
        bounded.setattr(packed_size, "TIMES", 2)
        with pytest.raises(
            SourceError, match=rf"{path.name}: unpacks to more than .* its own size"
        ):
            read("dbn" if name.endswith(".zst") else "csv", [str(path)])
    # only the size is refused
    assert read("dbn" if name.endswith(".zst") else "csv", [str(path)])


def test_a_full_disk_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    paths = written("gz", tmp_path)
    monkeypatch.setattr(text_file, "shutil", type("Full", (), {"copyfileobj": staticmethod(full)}))
    with pytest.raises(OSError, match="No space left") as raised:
        read("csv", paths)
    assert not isinstance(raised.value, SourceError)
