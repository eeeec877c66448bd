"""The lake: nothing is lost or changed twice, and it is consistent at every moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core.bars.contract import RAW_SCHEMA, RawBatch
from ml_core.bars.lake.lake import Lake
from ml_core.market.schedule import from_minute
from tests.ml_core.builders import mgc, minute

NOW = datetime(2024, 6, 1, tzinfo=UTC)
START = minute("2024-01-16", "09:00")

Row = tuple[str, int, float, float, float, float, float]
"""contract, minute, open, high, low, close, volume"""


def bar(at: int, close: float = 2000.0, contract: str = "MGCG4", volume: float = 5) -> Row:
    return (contract, START + at, 2000.0, max(2000.0, close), min(2000.0, close), close, volume)


def batch(rows: list[Row], name: str = "rows") -> RawBatch:
    columns = list(zip(*rows, strict=True))
    stamps = np.array(columns[1], "datetime64[m]").astype("datetime64[us]")
    table = pa.table(
        {
            "contract": pa.array(columns[0], pa.string()),
            "ts": pa.array(stamps, pa.timestamp("us", tz="UTC")),
            **{
                key: pa.array(columns[2 + index], pa.float64())
                for index, key in enumerate(("open", "high", "low", "close", "volume"))
            },
            "source_line": pa.array(range(1, len(rows) + 1)),
            "fault": pa.nulls(len(rows), pa.string()),
        },
        schema=RAW_SCHEMA,
    )
    return RawBatch(name=name, source="csv", content_hash=repr(rows), table=table)


def contents(lake: Lake) -> list[tuple[int, str, int, int]]:
    bars = lake.read(mgc())
    return [
        (int(m), bars.contracts[c], int(close), int(volume))
        for m, c, close, volume in zip(
            bars.minute, bars.contract, bars.close, bars.volume, strict=True
        )
    ]


def test_a_bar_rejected_before_its_close_is_added_afterwards(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = batch([bar(at) for at in range(400)])
    closes = from_minute(START + 400)

    def read(seconds: int) -> tuple[str, int, int]:
        (record,) = lake.ingest([rows], mgc(), closes + timedelta(seconds=seconds))
        return record.status, record.added, sum(record.quarantined.values())

    assert read(-90) == ("added", 398, 2)
    # until it has closed, repeated readings leave no record of it
    assert [read(-90)[0], read(-80)[0]] == ["already", "already"]
    assert read(-2) == ("added", 1, 1)
    assert read(-1)[0] == "already"
    assert read(0) == ("added", 1, 0)
    assert read(60)[0] == "already"
    assert len(contents(lake)) == 400
    assert [record.added for record in lake.batches("MGC")] == [398, 1, 1]


def test_reading_the_same_batch_again_changes_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = batch([bar(0), bar(1, 2000.5)])

    first = lake.ingest([rows], mgc(), NOW)
    before = contents(lake)
    again = lake.ingest([rows], mgc(), NOW)

    assert [record.status for record in (*first, *again)] == ["added", "already"]
    assert (
        contents(lake)
        == before
        == [
            (START, "MGCG4", 20000, 5),
            (START + 1, "MGCG4", 20005, 5),
        ]
    )


def test_a_changed_bar_keeps_its_earlier_value(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.ingest([batch([bar(0), bar(1, 2000.5)])], mgc(), NOW)

    (record,) = lake.ingest([batch([bar(0), bar(1, 2001.0), bar(2)])], mgc(), NOW)

    assert (record.added, record.revised, record.unchanged) == (1, 1, 1)
    assert [row[2] for row in contents(lake)] == [20000, 20010, 20000]
    revisions = lake.revisions("MGC")
    assert revisions is not None
    assert revisions["close"].to_pylist() == [2000.5]
    assert revisions["batch"].to_pylist() == [record.batch_id]


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_bar_of_which_one_value_changed_is_revised_and_read_back_so(
    tmp_path: Path, column: str
) -> None:
    lake = Lake(tmp_path)
    row = {"open": 2000.0, "high": 2002.0, "low": 1998.0, "close": 2000.5, "volume": 5.0}
    change = {"open": 2000.1, "high": 2003.0, "low": 1997.0, "close": 2000.6, "volume": 6.0}
    now = {**row, column: change[column]}
    lake.ingest([batch([("MGCG4", START, *row.values())])], mgc(), NOW)
    before = lake.read(mgc())
    fingerprint = lake.fingerprint(mgc())

    (record,) = lake.ingest([batch([("MGCG4", START, *now.values())])], mgc(), NOW)

    assert (record.status, record.added, record.revised, record.unchanged) == ("added", 0, 1, 0)
    tick = 1 if column == "volume" else 10
    assert getattr(lake.read(mgc()), column)[0] == round(now[column] * tick)
    assert getattr(before, column)[0] == round(row[column] * tick)
    assert lake.fingerprint(mgc()) != fingerprint


def test_the_same_bars_of_another_contract_have_another_fingerprint(tmp_path: Path) -> None:
    prints = set()
    for contract in ("MGCG4", "MGCJ4"):
        lake = Lake(tmp_path / contract)
        lake.ingest([batch([bar(0, contract=contract)])], mgc(), NOW)
        prints.add(lake.fingerprint(mgc()))
    assert len(prints) == 2


def test_bars_of_two_contracts_are_kept_apart_by_time_first(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    late = [bar(at, 2000.0 + at, name) for at in (2, 1) for name in ("MGCJ4", "MGCG4")]
    lake.ingest([batch(late)], mgc(), NOW)
    lake.ingest([batch([bar(0, contract="MGCQ4"), bar(1, 2009.0, "MGCG4")])], mgc(), NOW)

    assert [(at - START, name, ticks) for at, name, ticks, _ in contents(lake)] == [
        (0, "MGCQ4", 20000),
        (1, "MGCG4", 20090),
        (1, "MGCJ4", 20010),
        (2, "MGCG4", 20020),
        (2, "MGCJ4", 20020),
    ]


def test_stored_bars_of_a_span_begin_at_its_first_minute_and_end_before_its_stop(
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path)
    # over the end of January, so that two months are read
    first = minute("2024-02-01", "09:58")
    rows = [("MGCG4", first + at, 2000.0, 2000.0, 2000.0, 2000.0, 1.0) for at in range(5)]
    lake.ingest([batch(rows)], mgc(), NOW)

    stored = lake.stored(mgc(), first + 1, first + 4)

    minutes = stored["ts"].cast(pa.int64()).to_numpy() // 60_000_000 - first
    assert minutes.tolist() == [1, 2, 3]
    assert lake.read(mgc(), first + 1, first + 4).minute.tolist() == [
        first + 1,
        first + 2,
        first + 3,
    ]
    assert lake.stored(mgc(), first + 5, first + 9).num_rows == 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parts=st.lists(
        st.lists(
            st.tuples(st.integers(0, 90_000), st.sampled_from(["MGCG4", "MGCJ4"])),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=4,
    ),
    order=st.randoms(use_true_random=False),
)
def test_batches_in_any_order_and_overlap_give_the_same_lake(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[tuple[int, str]]],
    order: object,
) -> None:
    batches = [
        batch([bar(at, 2000.0 + at % 7, name) for at, name in dict.fromkeys(part)])
        for part in parts
    ]
    shuffled = list(batches)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (Lake(tmp_path_factory.mktemp("lake")) for _ in range(2))

    one.ingest(batches, mgc(), NOW)
    for part in shuffled:
        other.ingest([part], mgc(), NOW)
    other.ingest(batches, mgc(), NOW)

    assert contents(one) == contents(other)
    assert one.fingerprint(mgc()) == other.fingerprint(mgc())
    assert other.revisions("MGC") is None


def test_the_fingerprint_is_of_the_bars_before_the_stop_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.ingest([batch([bar(0), bar(1)])], mgc(), NOW)
    before = lake.fingerprint(mgc(), START + 2)

    lake.ingest([batch([bar(2), bar(3, contract="MGCJ4")])], mgc(), NOW)

    assert lake.fingerprint(mgc(), START + 2) == before
    assert lake.fingerprint(mgc()) != before


def test_a_span_reads_its_own_bars_only(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = [bar(0), bar(30 * 1440), bar(60 * 1440)]
    lake.ingest([batch(rows)], mgc(), NOW)

    bars = lake.read(mgc(), START + 1, START + 40 * 1440)

    assert bars.minute.tolist() == [START + 30 * 1440]
    assert len(Lake(tmp_path / "nowhere").read(mgc())) == 0
