"""The history of imports: batches, remarks, quarantined rows and revised bars."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from registry.bars.intake_history import (
    batches,
    findings,
    revisions,
    set_aside,
    set_aside_by_reason,
)
from registry.database import Database, open_database
from registry.tables.bars import BarRevision, DataBatch, Quarantine


def database_with(path: Path) -> Database:
    database = open_database(f"sqlite:///{path / 'orbcast.sqlite'}")
    with database.session() as session:
        for number, market in enumerate(("MGC", "MGC", "MNQ")):
            details = {"findings": [{"check": "gap", "count": 2, "examples": ["from 10:00 UTC"]}]}
            session.add(
                DataBatch(
                    batch_id=f"b{number}",
                    market=market,
                    name=f"file{number}.csv",
                    source="csv",
                    content_hash=f"h{number}",
                    status="added",
                    rows=10,
                    added=8,
                    revised=1,
                    quarantined=3,
                    details=details if number else {},
                    ingested_at=datetime(2025, 6, 1 + number, tzinfo=UTC),
                )
            )
        session.flush()
        for line, reason in enumerate(("off_tick", "off_tick", "nan_price")):
            row = Quarantine(batch_id="b1", source_line=line, reason=reason, row={"open": "x"})
            session.add(row)
        session.add(
            BarRevision(
                batch_id="b1",
                market="MGC",
                contract="GCM5",
                ts=datetime(2025, 5, 30, tzinfo=UTC),
                earlier={"close": 1.0},
            )
        )
    return database


def test_each_market_shows_its_own_newest_first(tmp_path: Path) -> None:
    database = database_with(tmp_path)
    assert [batch.name for batch in batches(database, "MGC")] == ["file1.csv", "file0.csv"]
    assert len(batches(database, "MGC", limit=1)) == 1
    assert [(finding.name, finding.check) for finding in findings(database, "MGC")] == [
        ("file1.csv", "gap")
    ]
    assert set_aside_by_reason(database, "MGC") == {"off_tick": 2, "nan_price": 1}
    assert [row.source_line for row in set_aside(database, "MGC")] == [0, 1, 2]
    (revised,) = revisions(database, "MGC")
    assert (revised.contract, revised.earlier, revised.name) == (
        "GCM5",
        {"close": 1.0},
        "file1.csv",
    )
    assert set_aside(database, "MNQ") == revisions(database, "MNQ") == []
