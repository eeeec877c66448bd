"""Column mapping and symbol of rows: the same for every kind of source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.columns import STAMPS
from ml_core.bars.sources.duckdb_file import read_duckdb
from ml_core.bars.sources.parquet import read_parquet
from ml_core.bars.sources.text.csv import read_csv
from tests.ml_core.builders import mgc

AT = datetime(2024, 1, 15, 23, 0, tzinfo=UTC)
TIMES = ["2024-01-15 23:00:00Z", "2024-01-15 23:01:00Z"]


def csv_batches(folder: Path, rows: pd.DataFrame, **options: Any) -> list[RawBatch]:
    rows.to_csv(folder / "bars.csv", index=False)
    return list(read_csv([str(folder / "bars.csv")], "MGC", **options))


def parquet_batches(folder: Path, rows: pd.DataFrame, **options: Any) -> list[RawBatch]:
    rows.to_parquet(folder / "bars.parquet")
    return list(read_parquet([str(folder / "bars.parquet")], "MGC", **options))


def duckdb_batches(folder: Path, rows: pd.DataFrame, **options: Any) -> list[RawBatch]:
    with duckdb.connect(str(folder / "bars.duckdb")) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE OR REPLACE TABLE bars_1m AS SELECT * FROM rows")
    return list(read_duckdb(str(folder / "bars.duckdb"), "MGC", **options))


KINDS = {"csv": csv_batches, "parquet": parquet_batches, "duckdb": duckdb_batches}


@pytest.fixture(params=sorted(KINDS))
def read(request: pytest.FixtureRequest) -> Callable[..., list[RawBatch]]:
    return KINDS[request.param]


def bars(**others: object) -> pd.DataFrame:
    rows = {"ts_utc": TIMES, "open": 2055.0, "high": 2056.0, "low": 2054.0, "close": 2055.5}
    return pd.DataFrame({**rows, "volume": 12, **others})


def contracts(batches: list[RawBatch]) -> list[str]:
    return [name for batch in batches for name in batch.table["contract"].to_pylist()]


@pytest.mark.parametrize("name", STAMPS)
def test_a_column_of_times_is_known_by_its_usual_names(
    tmp_path: Path, read: Callable[..., list[RawBatch]], name: str
) -> None:
    (batch,) = read(tmp_path, bars().rename(columns={"ts_utc": name}))

    assert batch.table["ts"].to_pylist()[0] == AT


def test_capitals_and_spaces_around_a_name_do_not_count(
    tmp_path: Path, read: Callable[..., list[RawBatch]]
) -> None:
    rows = bars(symbol="MGC").rename(columns=lambda name: f" {name.title()} ")

    (batch,) = read(tmp_path, rows)

    assert batch.table["ts"].to_pylist()[0] == AT
    assert batch.table["close"].to_pylist() == [2055.5, 2055.5]
    (mapped,) = read(tmp_path, rows, columns={"close": "HIGH"})
    assert mapped.table["close"].to_pylist() == [2056.0, 2056.0]


def test_a_symbol_of_another_market_is_refused(
    tmp_path: Path, read: Callable[..., list[RawBatch]]
) -> None:
    with pytest.raises(SourceError, match=r"no rows of.*MGC.*--column symbol="):
        read(tmp_path, bars(symbol="NQ"))
    assert contracts(read(tmp_path, bars(symbol="NQ"), columns={"symbol": ""})) == ["MGC", "MGC"]


def test_contracts_in_a_column_of_symbols_are_used_where_an_option_says_so(
    tmp_path: Path, read: Callable[..., list[RawBatch]]
) -> None:
    rows = bars(symbol="MGCG4")
    with pytest.raises(SourceError, match="symbol"):
        read(tmp_path, rows)

    named = {"contract": "symbol", "symbol": ""}

    assert contracts(read(tmp_path, rows, columns=named)) == ["MGCG4", "MGCG4"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_of_other_markets_are_left_out_and_counted(tmp_path: Path, kind: str) -> None:
    batches = KINDS[kind](tmp_path, bars(symbol=["MGC", "NQ"], contract="MGCG4"))

    (record,) = Lake(tmp_path / "lake").ingest(batches, mgc(), datetime(2024, 6, 1, tzinfo=UTC))

    assert (record.added, record.dropped) == (1, {"NQ": 1})


def test_bars_without_a_volume_are_accepted_where_an_option_says_so(
    tmp_path: Path, read: Callable[..., list[RawBatch]]
) -> None:
    rows = bars().drop(columns="volume")
    with pytest.raises(SourceError, match=r"lacks columns volume=volume.*--no-volume"):
        read(tmp_path, rows)

    (batch,) = read(tmp_path, rows, columns={"volume": ""})

    assert batch.table["volume"].to_pylist() == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_day_and_a_time_may_stand_apart(tmp_path: Path, kind: str) -> None:
    rows = bars().drop(columns="ts_utc").assign(Date="2024-01-15", Time=["23:00", "23:01"])

    (batch,) = KINDS[kind](tmp_path, rows, zone="UTC")

    assert batch.table["ts"].to_pylist()[0] == AT


def test_a_table_with_days_and_times_apart_is_refused_with_the_way_to_join_them(
    tmp_path: Path,
) -> None:
    rows = bars().drop(columns="ts_utc").assign(date="2024-01-15", time="23:00")
    with pytest.raises(SourceError, match=r"days and times apart.*view"):
        duckdb_batches(tmp_path, rows)


def test_a_needed_column_cannot_be_named_away(
    tmp_path: Path, read: Callable[..., list[RawBatch]]
) -> None:
    with pytest.raises(SourceError, match="lacks columns close="):
        read(tmp_path, bars(), columns={"close": ""})
