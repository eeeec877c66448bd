"""The lake: nothing is lost or changed twice, and it is consistent at every moment."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core import files
from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.bars.contract import RAW_SCHEMA, RawBatch
from ml_core.bars.lake import batch_intake
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.month_file import LakeDamagedError
from ml_core.files import TEMPORARY
from ml_core.market.schedule import from_minute
from tests.ml_core.builders import mgc, minute, walk

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


def damaged(path: Path, how: str) -> None:
    whole = path.read_bytes()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    else:
        content = {"empty": b"", "half": whole[: len(whole) // 2], "words": b"PAR1 no more"}
        path.write_bytes(content[how])


@pytest.mark.parametrize("how", ["empty", "half", "words", "a folder"])
def test_a_damaged_month_is_named_and_its_remedy_loses_nothing(tmp_path: Path, how: str) -> None:
    # Arrange: three months, of which a later file changed a bar of the second
    lake = Lake(tmp_path / "lake")
    readings = [
        batch([bar(0), bar(30 * 1440), bar(31 * 1440), bar(60 * 1440)], "file"),
        batch([bar(30 * 1440, 2001.0), bar(60 * 1440)], "later"),
    ]
    for reading in readings:
        lake.ingest([reading], mgc(), NOW)
    before, log, changed = contents(lake), lake.batches("MGC"), lake.revisions("MGC")
    month = tmp_path / "lake" / "MGC" / "bars" / "2024-02.parquet"

    # Act and assert: every reader reports it
    damaged(month, how)
    for read in (
        lambda: lake.read(mgc()),
        lambda: lake.stored(mgc(), START, START + 90 * 1440),
        lambda: lake.count("MGC"),
        lambda: lake.minutes("MGC"),
        lambda: lake.status("MGC"),
        lambda: lake.fingerprint(mgc()),
    ):
        with pytest.raises(LakeDamagedError, match=r"2024-02\.parquet is damaged .*move it away"):
            read()
    month.rename(tmp_path / "moved away")
    (first, second) = lake.ingest(readings, mgc(), NOW)

    # Assert
    assert (first.added, first.status, second.status) == (2, "added", "already")
    assert contents(lake) == before
    assert lake.batches("MGC") == log
    assert lake.revisions("MGC") == changed
    assert [record.status for record in lake.ingest(readings, mgc(), NOW)] == [
        "already",
        "already",
    ]


_KILLED = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from ml_core.bars.lake import lake
    from tests.ml_core.bars.lake.test_lake import months_of_bars
    from tests.ml_core.builders import mgc

    def report(name, done):
        print(done, flush=True)

    store = lake.Lake(Path(sys.argv[1]))
    while True:
        store.ingest(months_of_bars(), mgc(), datetime(2024, 6, 1, tzinfo=UTC), report)
"""


def months_of_bars() -> list[RawBatch]:
    """Return twelve batches of a week each, three of which revise bars of the one before."""
    bars = walk(date(2024, 1, 8), date(2024, 3, 29), seed=2)
    edges = np.linspace(0, len(bars), 13).astype(int)
    batches = []
    for number, (start, stop) in enumerate(pairwise(edges.tolist())):
        rows = [
            (
                "MGCG4",
                int(bars.minute[i]),
                *(float(getattr(bars, key)[i]) / 10 for key in ("open", "high", "low", "close")),
                float(bars.volume[i]),
            )
            for i in range(max(start - 50, 0) if number % 4 == 3 else start, stop)
        ]
        if number % 4 == 3 and start:
            rows[:50] = [(*row[:6], row[6] + 1) for row in rows[:50]]
        batches.append(batch(rows, f"week {number}"))
    return batches


class Killed(BaseException):
    """An exception that ends a run immediately."""


def test_cut_short_at_any_write_another_run_counts_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Arrange: two months, then another reading changes, withdraws and adds one bar each
    rows = [bar(0), bar(1), bar(40 * 1440), bar(41 * 1440)]
    first = replace(batch(rows, "file"), origin="file", reading="one way")
    changed = [bar(0, 2001.0), bar(40 * 1440), bar(41 * 1440), bar(42 * 1440)]
    second = replace(batch(changed, "file again"), origin="file", reading="another")
    calm = Lake(tmp_path / "calm")
    times = (NOW, NOW + timedelta(hours=1))
    readings = list(zip((first, second), times, strict=True))
    counted = [calm.ingest([reading], mgc(), at)[0] for reading, at in readings]
    assert [record.added for record in counted] == [4, 1]
    assert (counted[1].revised, counted[1].withdrawn) == (1, 1)
    synced = files.sync
    points = 0

    # Act and assert: each sync to the disk is a point at which a run can end
    for point in itertools.count():
        lake, done = Lake(tmp_path / f"cut {point}"), itertools.count()

        def cut(path: Path, last: int = point, so_far: Iterator[int] = done) -> None:
            if next(so_far) == last:
                raise Killed
            synced(path)

        records, was_cut = [], False
        for reading, at in readings:
            monkeypatch.setattr(files, "sync", cut)
            try:
                lake.ingest([reading], mgc(), at)
            except Killed:
                was_cut = True
            monkeypatch.setattr(files, "sync", synced)
            lake.ingest([reading], mgc(), at)
            records.append(lake.batches("MGC")[-1])
        assert contents(lake) == contents(calm), point
        assert records == counted, point
        points += was_cut
        if not was_cut:
            break
    assert points > 10


def test_killed_half_way_the_lake_is_whole_and_another_run_completes_it(tmp_path: Path) -> None:
    # Arrange: the result of an undisturbed run
    calm = Lake(tmp_path / "calm")
    calm.ingest(months_of_bars(), mgc(), NOW)
    lake = Lake(tmp_path / "killed")

    # Act: kill a real process after different amounts of work, again and again
    for batches_done in (1, 7):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_KILLED), str(lake.root)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        )
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= batches_done:
                break
        time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        lake.read(mgc())  # consistent at this moment, whatever was being written
    lake.ingest(months_of_bars(), mgc(), NOW)

    # Assert
    assert contents(lake) == contents(calm)
    assert not list((lake.root / "MGC").glob(f"*/{TEMPORARY}*"))
    ours, theirs = lake.revisions("MGC"), calm.revisions("MGC")
    assert ours is not None
    assert theirs is not None
    assert sorted(ours["ts"].to_pylist()) == sorted(theirs["ts"].to_pylist())
