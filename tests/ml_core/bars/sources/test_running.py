"""A writer that updates the current row of a database: the running minute is never a bar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.bars.contract import SourceError
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.pushed import SETTLED_AFTER, is_finished
from tasks.data.sources import open_source, source_spec
from tests.ml_core.builders import mgc

START = datetime(2024, 1, 2, 23, tzinfo=UTC)
EVERY = 5


def write(path: Path, second: int, *, quiet_after: int | None = None) -> None:
    """Write what a trader's writer has written by then, at most five seconds late."""
    written = second - (second - 3) % EVERY  # at 3, 8, 13 ... seconds, so late for each minute
    with duckdb.connect(str(path)) as database:
        database.execute(
            "CREATE OR REPLACE TABLE bars_1m (ts_utc TIMESTAMP, symbol VARCHAR, open DOUBLE, "
            "high DOUBLE, low DOUBLE, close DOUBLE, volume BIGINT)"
        )
        for minute in range(written // 60 + 1):
            if quiet_after is not None and minute > quiet_after:
                break
            volume = min(written - 60 * minute, 60)
            row = [START.replace(tzinfo=None) + timedelta(minutes=minute), "MGC"]
            database.execute(
                "INSERT INTO bars_1m VALUES (?, ?, 2000, 2000, 2000, 2000, ?)", [*row, volume]
            )


def volumes(lake: Lake) -> list[int]:
    return [int(volume) for volume in lake.read(mgc()).volume]


@pytest.mark.parametrize("settle", [0, 10])
def test_no_reading_takes_a_row_that_still_changes(tmp_path: Path, settle: int) -> None:
    path, lake = tmp_path / "a.duckdb", Lake(tmp_path / "lake")
    spec = source_spec(
        kind="duckdb", paths=[str(path)], options={"settle": str(settle)} if settle else {}
    )
    seen = []
    for second in (*range(58, 77, 3), *range(118, 140, 3)):  # around the end of a minute
        write(path, second)
        at = START + timedelta(seconds=second)
        lake.ingest(open_source(spec, mgc(), at, tmp_path), mgc(), at)
        over = second // 60
        assert len(lake.read(mgc())) <= over
        seen += volumes(lake)

    # a bar read before its writer's last update is corrected by the next reading
    assert volumes(lake) == [60, 60]
    # with the option that the writer still corrects, no reading ever shows another value
    assert (set(seen) == {60}) == bool(settle)
    assert (lake.status("MGC").revisions == 0) == bool(settle)


def test_a_minute_after_which_nothing_traded_counts_once_its_writer_is_past_it(
    tmp_path: Path,
) -> None:
    path, lake = tmp_path / "a.duckdb", Lake(tmp_path / "lake")
    spec = source_spec(kind="duckdb", paths=[str(path)], options={"settle": "10"})
    write(path, 130, quiet_after=0)
    counted = {}
    for seconds in (69, 70):
        at = START + timedelta(seconds=seconds)
        lake.ingest(open_source(spec, mgc(), at, tmp_path), mgc(), at)
        counted[seconds] = len(lake.read(mgc()))
    assert counted == {69: 0, 70: 1}


def test_a_later_bar_shows_that_the_writer_has_gone_on(tmp_path: Path) -> None:
    path, lake = tmp_path / "a.duckdb", Lake(tmp_path / "lake")
    spec = source_spec(kind="duckdb", paths=[str(path)], options={"settle": "120"})
    write(path, 200)
    at = START + timedelta(seconds=200)

    lake.ingest(open_source(spec, mgc(), at, tmp_path), mgc(), at)

    assert volumes(lake) == [60, 60, 60]


def test_settle_is_a_number_of_seconds() -> None:
    with pytest.raises(SourceError, match="settle 'soon' is not a number of seconds"):
        source_spec(kind="duckdb", paths=["a"], options={"settle": "soon"})


@given(received=st.integers(0, 600), later=st.sampled_from([0, 1, 5]), at=st.integers(0, 900))
def test_a_pushed_row_counts_only_when_its_minute_is_over(
    received: int, later: int, at: int
) -> None:
    stamp = round(START.timestamp() * 1e6)
    now = START + timedelta(seconds=at)

    counts = is_finished(
        stamp, START + timedelta(seconds=received), stamp + later * 60_000_000, now
    )

    cannot_change = received >= 60 or later > 0 or at >= 60 + SETTLED_AFTER.total_seconds()
    assert counts == (at >= 60 and cannot_change)
