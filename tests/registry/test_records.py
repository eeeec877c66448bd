"""Imports, decisions and measurements are recorded once, however often they are repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.health.daily_sums import DaySums, PerformanceRecord
from registry.bars.batches import record_batches
from registry.database import Database
from registry.health.performance import update_performance
from registry.models.decisions import DecisionRecord, list_decisions, record_decision
from registry.tables.bars import BarRevision, DataBatch, Quarantine
from registry.tables.ledger import PerformanceRow

AT = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)


def count(database: Database, table: type[Any]) -> int:
    with database.session() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def decided(**changes: Any) -> DecisionRecord:
    first = DecisionRecord(
        market="MGC",
        kind="promotion",
        version="v1",
        verdict="stays",
        reasons=["no lift"],
        evidence={"n": 10, "ece": float("nan")},
        at=AT,
    )
    return replace(first, **changes)


def test_the_same_decision_is_kept_once_and_another_beside_it(database: Database) -> None:
    kept = [
        record_decision(database, decision)
        for decision in (
            decided(),
            decided(at=AT + timedelta(days=1)),
            decided(evidence={"n": 11}, at=AT + timedelta(days=2)),
        )
    ]

    assert kept == [True, False, True]
    first, second = list_decisions(database, "MGC")
    assert first == decided(evidence={"n": 10, "ece": None})
    assert second.evidence == {"n": 11}
    assert list_decisions(database, "NQ") == ()


def test_daily_figures_are_brought_up_to_date_in_place(database: Database) -> None:
    day = PerformanceRecord(
        market="MGC",
        day=date(2024, 6, 3),
        mode="live",
        role="champion",
        version="v1",
        opening_range="all",
        figures=DaySums(slots=6),
    )

    changed = [
        update_performance(database, [figures], AT)
        for figures in (day, day, replace(day, figures=DaySums(slots=7)))
    ]

    assert changed == [1, 0, 1]
    assert count(database, PerformanceRow) == 1


BATCH = BatchRecord(
    batch_id="b1",
    name="june.csv",
    source="csv",
    content_hash="c",
    status="added",
    rows=3,
    added=2,
    unchanged=0,
    revised=1,
    duplicates=0,
    dropped={},
    first=AT.isoformat(),
    last=AT.isoformat(),
    quarantined={"off_tick": 1},
    findings=(),
    ingested_at=AT.isoformat(),
)
BAD = {"batch": "b1", "source_line": 7, "reason": "off_tick", "close": float("nan"), "ts": AT}
EARLIER = {"batch": "b1", "contract": "MGCQ4", "ts": AT, "close": 2000.1}


def test_batches_are_mirrored_once_with_their_rejected_rows(database: Database) -> None:
    added = [record_batches(database, "MGC", [BATCH], [BAD], [EARLIER]) for _ in range(2)]

    assert added == [1, 0]
    assert [count(database, table) for table in (DataBatch, Quarantine, BarRevision)] == [1, 1, 1]
    with database.session() as session:
        row = session.scalars(select(Quarantine)).one()
        batch = session.scalars(select(DataBatch)).one()
    assert (row.source_line, row.reason, row.row["close"]) == (7, "off_tick", None)
    assert (batch.quarantined, batch.ingested_at) == (1, AT)


def test_a_batch_that_cannot_be_mirrored_whole_is_not_mirrored(database: Database) -> None:
    with pytest.raises(KeyError):
        record_batches(database, "MGC", [BATCH], [{"batch": "b1", "source_line": 1}])

    assert count(database, DataBatch) == 0
