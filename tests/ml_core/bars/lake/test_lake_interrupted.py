"""A lake whose import was interrupted, or whose file was damaged, is made whole by another run."""

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
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ml_core import files
from ml_core.bars.contract import RawBatch
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.month_file import LakeDamagedError
from ml_core.files import TEMPORARY
from tests.ml_core.bars.lake.test_lake import NOW, START, bar, batch, contents
from tests.ml_core.builders import mgc, walk


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
    from tests.ml_core.bars.lake.test_lake_interrupted import months_of_bars
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
