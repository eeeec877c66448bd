"""Sources: every format gives the same bars, and unreadable ones are refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.sources.dbn import read_dbn
from ml_core.bars.sources.duckdb_file import DatabaseLockedError, read_duckdb
from ml_core.bars.sources.parquet import read_parquet
from ml_core.bars.sources.text.csv import read_csv

PATTERN = r"MGC[FGHJKMNQUVXZ]\d{1,2}"
AT = datetime(2024, 1, 15, 23, 0, tzinfo=UTC)


def rows(batches: list[RawBatch]) -> list[tuple[object, ...]]:
    return [
        tuple(row[key] for key in ("contract", "ts", "open", "high", "low", "close", "volume"))
        for part in batches
        for row in part.table.to_pylist()
    ]


EXPECTED = [
    ("MGC", AT, 2055.0, 2055.9, 2054.8, 2055.5, 12.0),
    ("MGC", AT.replace(minute=1), 2055.5, 2056.0, 2055.2, 2055.8, 7.0),
]


def test_a_csv_may_name_its_columns_and_delimiter_itself(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("when|o|h|l|c|v|k\n2024-01-15 23:00|2055|2055.9|2054.8|2055.5|12|MGCG4\n")

    batches = list(
        read_csv(
            [str(path)],
            "MGC",
            delimiter="|",
            zone="UTC",
            columns={
                "ts": "when", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v",
                "contract": "k",
            },
        )
    )  # fmt: skip

    assert rows(batches) == [("MGCG4", *EXPECTED[0][1:])]


def test_local_times_that_name_no_single_moment_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "dst.csv"
    path.write_text(
        "ts,open,high,low,close,volume\n"
        "2024-03-10 02:30:00,1,1,1,1,1\n"
        "2024-11-03 01:30:00,1,1,1,1,1\n"
        "not a time,1,1,1,1,1\n"
        "2024-11-03 03:30:00,x,1,1,1,1\n"
    )

    (raw,) = read_csv([str(path)], "MGC", zone="America/New_York")

    faults = raw.table["fault"].to_pylist()
    assert faults == ["no_such_local_time", "two_such_local_times", "not_a_time", None]
    assert raw.table["source_line"].to_pylist() == [2, 3, 4, 5]
    assert np.isnan(raw.table["open"].to_numpy()[3])


HEADER = "ts,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "is empty"),
        ("ts,open\n2024-01-01,1\n", {}, r"lacks columns close=close.*--column"),
        (HEADER + "2024-01-01 00:00,1,1,1,1,1\n", {}, r"without a zone.*--zone"),
        (
            HEADER + "2024-01-01T00:00Z,1,1,1,1,1\n2024-01-01T00:01,1,1,1,1,1\n",
            {},
            r"mixes times with and without a zone \(row 2",
        ),
        (HEADER + "2024-01-01 00:00,1,1,1,1,1\n", {"zone": "Mars"}, "no zone named"),
        ("a,b\n1,2\n", {"layout": "excel"}, "no layout named 'excel'"),
        (HEADER, {}, "holds no rows"),
    ],
    ids=["empty", "columns", "no zone", "mixed zones", "bad zone", "layout", "header only"],
)  # fmt: skip
def test_a_csv_that_cannot_be_read_is_refused_in_words(
    tmp_path: Path, text: str, options: dict[str, str], message: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SourceError, match=message) as caught:
        list(read_csv([str(path)], "MGC", **options))  # type: ignore[arg-type]

    assert str(path) in str(caught.value)


def _database(path: Path, *, zoned: bool = False) -> Path:
    kind = "TIMESTAMPTZ" if zoned else "TIMESTAMP"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'Australia/Brisbane'")
        connection.execute(
            f"CREATE TABLE bars_1m (ts_utc {kind}, symbol TEXT, open DOUBLE, high DOUBLE, "
            "low DOUBLE, close DOUBLE, volume BIGINT)"
        )
        suffix = "+00" if zoned else ""
        for contract, ts, *values in EXPECTED:
            stamp = ts.strftime("%Y-%m-%d %H:%M:%S") + suffix  # type: ignore[attr-defined]
            connection.execute(
                "INSERT INTO bars_1m VALUES (?, ?, ?, ?, ?, ?, ?)", [stamp, contract, *values]
            )
            connection.execute("INSERT INTO bars_1m VALUES (?, 'OTHER', 1, 1, 1, 1, 1)", [stamp])
    return path


@pytest.mark.parametrize("zoned", [False, True], ids=["naive UTC", "with zone"])
def test_a_duckdb_table_gives_the_symbols_own_bars_a_month_at_a_time(
    tmp_path: Path, *, zoned: bool
) -> None:
    path = _database(tmp_path / "trader.duckdb", zoned=zoned)

    batches = list(read_duckdb(str(path), "MGC"))

    assert rows(batches) == EXPECTED
    assert [part.name for part in batches] == ["trader.duckdb:bars_1m:2024-01"]
    assert [part.content_hash for part in read_duckdb(str(path), "MGC")] == [
        batches[0].content_hash
    ]


def test_a_duckdb_is_read_since_a_time_and_with_its_own_column_names(tmp_path: Path) -> None:
    path = _database(tmp_path / "trader.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            'CREATE TABLE "my bars" AS SELECT ts_utc AS "when", \'MGCG4\' AS k, open AS o, '
            "high AS h, low AS l, close AS c, volume AS v FROM bars_1m WHERE symbol = 'MGC'"
        )
    names = {
        "ts": "when", "symbol": "", "contract": "k",
        "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v",
    }  # fmt: skip

    batches = read_duckdb(
        str(path), "MGC", table="my bars", columns=names, since=AT.replace(minute=1), zone="UTC"
    )

    assert rows(list(batches)) == [("MGCG4", *EXPECTED[1][1:])]


def test_a_duckdb_locked_by_another_process_is_worth_another_try(tmp_path: Path) -> None:
    path = _database(tmp_path / "trader.duckdb")
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()

        holder = rf"open for writing in another program, python[\d.]* \(process {writer.pid}\)"
        with pytest.raises(DatabaseLockedError, match=holder):
            list(read_duckdb(str(path), "MGC"))

        writer.communicate("")
    assert rows(list(read_duckdb(str(path), "MGC"))) == EXPECTED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "none"}, r"has no table none.*bars_1m"),
        ({"columns": {"close": "last"}}, r"lacks columns close=last.*--column"),
        ({"symbol": "NQ"}, "no rows of symbol NQ"),
        ({"table": 'bars_1m"; DROP TABLE bars_1m; --'}, "has no table"),
    ],
    ids=["table", "column", "symbol", "injection"],
)
def test_a_duckdb_that_does_not_fit_is_refused_in_words(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = _database(tmp_path / "trader.duckdb")

    with pytest.raises(SourceError, match=message):
        list(read_duckdb(str(path), **{"symbol": "MGC", **options}))  # type: ignore[arg-type]


def test_parquet_gives_the_same_bars_and_wants_a_zone_for_naive_times(tmp_path: Path) -> None:
    table = pa.table(
        {
            "ts": pa.array([row[1].replace(tzinfo=None) for row in EXPECTED]),  # type: ignore[attr-defined]
            **{
                name: pa.array([row[2 + index] for row in EXPECTED])
                for index, name in enumerate(("open", "high", "low", "close", "volume"))
            },
        }
    )
    path = tmp_path / "bars.parquet"
    pq.write_table(table, path)

    assert rows(list(read_parquet([str(path)], "MGC", zone="UTC"))) == EXPECTED
    with pytest.raises(SourceError, match="without a zone"):
        list(read_parquet([str(path)], "MGC"))
    path.write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="cannot be read"):
        list(read_parquet([str(path)], "MGC"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a DBN file"),
        (b"DBN\x02\x08\x00\x00\x00junkjunk", r"unreadable header|has schema"),
    ],
    ids=["empty", "junk"],
)
def test_a_file_that_is_no_dbn_is_refused_in_words(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.dbn"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=message):
        list(read_dbn([str(path)], PATTERN))


def test_a_folder_or_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        list(read_dbn([str(tmp_path / "none.dbn")], PATTERN))
    with pytest.raises(SourceError, match=r"no file ends in \.dbn"):
        list(read_dbn([str(tmp_path)], PATTERN))


def test_real_dbn_keeps_outrights_counts_spreads_and_notices_a_cut(
    real_data_dir: Path, tmp_path: Path
) -> None:
    path = real_data_dir / "mgc-ohlcv-1m" / "glbx-mdp3-20201220-20201231.ohlcv-1m.dbn.zst"

    (raw,) = read_dbn([str(path)], PATTERN)

    names = set(raw.table["contract"].to_pylist())
    assert names
    assert all("-" not in name for name in names)
    assert raw.dropped["spread"] > 0
    assert raw.table["close"].to_numpy().min() > 1000
    cut = tmp_path / "cut.dbn.zst"
    cut.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(SourceError, match=r"damaged or cut short|ends in the middle"):
        list(read_dbn([str(cut)], PATTERN))
