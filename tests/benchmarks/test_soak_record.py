"""The soak counts actual ledger rows and dead processes, not planned ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from benchmarks.soak import Plan, Soak, findings
from benchmarks.soak.record import Record, Sample
from ml_core.decision.entry import PredictionEntry
from tasks.runs.process_mark import mark
from tests.ledger_rows import PREDICTION
from tests.waiting import AT_MOST_SECONDS

PLAN = Plan(first=date(2025, 11, 3), days=1, seed=5, kills=0.5)


@pytest.fixture
def soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Soak]:
    """A soak before its start, whose source has no bars and therefore no breakouts."""
    monkeypatch.setattr(findings, "_breaks", lambda *_: {})
    soak = Soak(tmp_path, PLAN, port=1, say=list)
    soak.home.mkdir()
    with duckdb.connect(str(tmp_path / "trader.duckdb")) as trader:
        trader.execute("CREATE TABLE bars_1m (ts_utc TIMESTAMP, close DOUBLE)")
    yield soak
    soak.settings.database().close()


def rows(soak: Soak, status: str, reason: str | None) -> list[PredictionEntry]:
    """A row for each slot of the plan."""
    return [
        replace(
            PREDICTION,
            trading_day=slot.trading_day,
            opening_range=slot.opening_range,
            decision_time=slot.decision,
            made_at=slot.decision,
            status=status,  # type: ignore[arg-type]
            reason=reason,
        )
        for slot in soak.slots
    ]


def test_slots_without_a_row_are_not_counted_and_are_faults(soak: Soak) -> None:
    soak.settings.ledger().record(rows(soak, "predicted", None)[:5])

    soak.look_at_record()

    assert (soak.record.planned, soak.record.slots, soak.record.predicted) == (6, 5, 5)
    assert soak.record.faults == ["2025-11-03 0030 has no row"]


def test_rows_that_are_no_predictions_are_faults(soak: Soak) -> None:
    soak.settings.ledger().record(rows(soak, "abstained", "missed"))

    soak.look_at_record()

    assert (soak.record.slots, soak.record.predicted) == (6, 0)
    assert soak.record.faults == ["only 0 of 6 slots with bars were predicted"]
    assert soak.record.lines()[0] == "6 of 6 slots have their row, 0 predicted: 6 missed; 0 late"


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    begin = "import time; print('begun', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", begin, *words]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # before that, its command line may be missing in /proc
            yield process
        finally:
            process.kill()


def test_a_kill_counts_once_its_process_is_dead(soak: Soak) -> None:
    with running("deployments.serving.runner") as runner, running("server") as server:
        marks = [mark(server.pid), mark(runner.pid)]
        file = soak.home / "prefect" / "children.json"
        file.parent.mkdir()
        file.write_text(json.dumps(marks))

        soak.server.kill("runner")

        assert runner.wait(AT_MOST_SECONDS) == -9
        assert server.poll() is None
        assert soak.record.killed == {"runner": 1}

        soak.server.kill("runner")  # already gone

        assert soak.record.killed == {"runner": 1}
        assert soak.record.faults == []


def test_temporary_files_that_became_more_are_named() -> None:
    nights = [
        ("run",),
        ("run",),
        ("run",),
        ("run", "a"),
        ("run", "a", "b"),
        ("run", "a", "b", "c"),
    ]
    record = Record(
        samples=[
            Sample(
                memory_mb=500.0,
                open_files=60,
                temporary_files=there,
                prefect_mb=30,
                runs=9,
                events=9,
            )
            for there in nights
        ]
    )

    record.look_at_growth()

    assert record.faults == ["temporary files grew from 1 to 4, new: a, b, c"]
