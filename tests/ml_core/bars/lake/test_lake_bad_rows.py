"""Bad rows of an import are set aside with their reason; too many of them refuse the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.bars.contract import RawBatch
from ml_core.bars.lake import batch_intake
from ml_core.bars.lake.lake import Lake
from tests.ml_core.bars.lake.test_lake import NOW, START, Row, bar, batch, contents
from tests.ml_core.builders import mgc, minute


def test_bad_rows_are_set_aside_with_reason_and_line(tmp_path: Path) -> None:
    # Arrange: one of each fault among enough good rows
    good = [bar(offset, contract="MGCJ4") for offset in range(1000)]
    bad: list[Row] = [
        ("MGCG4", START, 2000.0, 1999.0, 1998.0, 2000.0, 1),
        ("MGCG4", START + 1, 2000.05, 2000.05, 2000.05, 2000.05, 1),
        ("MGCG4", START + 2, float("nan"), 2000.0, 2000.0, 2000.0, 1),
        ("MGCG4", START + 3, 0.0, 2000.0, 0.0, 2000.0, 1),
        ("MGCG4", START + 4, 2000.0, 2000.0, 2000.0, 2000.0, -1),
        ("MGCG4", minute("2024-06-03", "09:00"), 2000.0, 2000.0, 2000.0, 2000.0, 1),
        bar(5, 2000.0, "MGCJ4", volume=9),
    ]
    lake = Lake(tmp_path)

    # Act
    (record,) = lake.ingest([batch([*good, *bad])], mgc(), NOW)

    # Assert
    assert record.quarantined == {
        "ohlc_inconsistent": 1,
        "off_tick": 1,
        "not_a_price": 1,
        "price_not_positive": 1,
        "negative_volume": 1,
        "from_the_future": 1,
        "contradicts_an_earlier_row": 1,
    }
    aside = lake.quarantined("MGC")
    assert aside is not None
    assert sorted(aside["source_line"].to_pylist()) == list(range(1001, 1008))
    assert record.rows == record.added + sum(record.quarantined.values()) == 1007


def test_exact_duplicates_collapse_and_are_counted(tmp_path: Path) -> None:
    (record,) = Lake(tmp_path).ingest([batch([bar(0), bar(1), bar(0)])], mgc(), NOW)

    assert (record.added, record.duplicates, record.quarantined) == (2, 1, {})
    assert [find.check for find in record.findings] == ["out_of_order"]


def test_a_batch_with_too_many_bad_rows_is_refused_whole(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.ingest([batch([bar(0)])], mgc(), NOW)
    half_bad = batch([bar(1), ("MGCG4", START + 2, 1.0, 0.5, 0.2, 0.3, 1)], "half bad")

    with pytest.raises(BatchRefusedError, match=r"half bad is refused whole: 1 of 2 rows.*row 2"):
        lake.ingest([half_bad], mgc(), NOW)

    assert len(contents(lake)) == 1
    assert len(lake.batches("MGC")) == 1
    assert list((tmp_path / "MGC" / "refused").glob("*.parquet"))


def month_of(table: str, rows: list[Row], name: str) -> RawBatch:
    """Return one of the batches into which a database table is split."""
    return replace(batch(rows, name), origin=table)


def test_one_odd_row_of_a_database_is_one_odd_row(tmp_path: Path) -> None:
    bad = ("MGCG4", START - 40 * 1440, 1.0, 0.5, 0.2, 0.3, 1.0)
    odd_month = month_of("bars.duckdb:bars_1m", [bad], "2023-12")
    months = [
        month_of("bars.duckdb:bars_1m", [bar(at) for at in range(200)], "2024-01"),
        month_of("bars.duckdb:bars_1m", [bar(at) for at in range(50_000, 50_200)], "2024-02"),
    ]
    lake = Lake(tmp_path)

    records = lake.ingest([odd_month, *months], mgc(), NOW)

    assert [record.name for record in records] == ["2023-12", "2024-01", "2024-02"]
    assert [record.added for record in records] == [0, 200, 200]
    assert records[0].quarantined == {"ohlc_inconsistent": 1}
    again = lake.ingest([odd_month, *months], mgc(), NOW)
    assert [record.status for record in again] == ["already"] * 3


def test_a_database_with_too_many_bad_rows_is_refused_with_its_own_counts(tmp_path: Path) -> None:
    def month(number: int, bad: int) -> RawBatch:
        start = number * 50_000
        rows = [bar(start + at, volume=-1.0 if at < bad else 5.0) for at in range(100)]
        return month_of("bars.duckdb:bars_1m", rows, f"bars.duckdb:bars_1m:2024-0{number + 1}")

    lake = Lake(tmp_path)
    with pytest.raises(
        BatchRefusedError,
        match=r"bars\.duckdb:bars_1m is refused: 30 of 300 rows.* Its 1 months with few of "
        r"them were imported \(`orbcast bars batches` lists them",
    ):
        lake.ingest([month(0, 0), month(1, 15), month(2, 15)], mgc(), NOW)

    assert len(contents(lake)) == 100


def test_a_source_with_too_many_bad_rows_is_not_held_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def months() -> Iterator[RawBatch]:
        for number in range(5):
            rows = [
                bar(number * 50_000 + at, volume=-1.0 if at < 15 else 5.0) for at in range(100)
            ]
            read.append(number)
            part = month_of("hash of the content", rows, f"a.csv:{number}")
            yield replace(part, part_of="/folder/a.csv")

    monkeypatch.setattr(batch_intake, "_MOST_DOUBTFUL_ROWS", 250)
    with pytest.raises(
        BatchRefusedError, match=r"/folder/a\.csv is refused whole: 45 of 300 rows"
    ):
        Lake(tmp_path).ingest(months(), mgc(), NOW)

    assert read == [0, 1, 2]


def test_odd_stretches_are_reported_and_kept(tmp_path: Path) -> None:
    spike = [bar(0), (*bar(1)[:3], 2100.0, 2000.0, 2100.0, 5.0)]
    stale = [bar(offset + 10) for offset in range(40)]
    after_a_gap = [bar(200)]
    saturday = [("MGCG4", minute("2024-01-20", "15:00"), 2000.0, 2000.0, 2000.0, 2000.0, 1.0)]

    (record,) = Lake(tmp_path).ingest(
        [batch([*spike, *stale, *after_a_gap, *saturday])], mgc(), NOW
    )

    counts = {find.check: find.count for find in record.findings}
    assert {"spike", "stale", "gap", "off_session"} <= set(counts)
    assert counts["spike"] == counts["off_session"] == 1
    assert record.added == 44
