"""Batches, quarantine and revisions of bars, mirrored from the lake into SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.json_values import json_values
from registry.database import Database
from registry.tables.bars import BarRevision, DataBatch, Quarantine

_MOST_ROWS = 1000
"""Most rows of each kind that a batch mirrors into SQL; the lake keeps all of them."""


def recorded_batches(database: Database, market: str) -> set[str]:
    """Return the batches of a market that are in SQL."""
    query = select(DataBatch.batch_id).where(DataBatch.market == market)
    with database.reading() as session:
        return set(session.scalars(query))


def record_batches(
    database: Database,
    market: str,
    batches: Iterable[BatchRecord],
    quarantined: Iterable[Mapping[str, Any]] = (),
    revisions: Iterable[Mapping[str, Any]] = (),
) -> int:
    """Mirror the batches that SQL does not have yet; return how many were new.

    Parameters
    ----------
    database
        The database to write to.
    market
        Symbol.
    batches
        The lake's batch records.
    quarantined
        Rows with ``batch``, ``source_line``, ``reason`` and plain values.
    revisions
        Earlier bars with ``batch``, ``contract``, ``ts`` and plain values.
    """
    with database.session() as session:
        recorded = set(session.scalars(select(DataBatch.batch_id)))
        new = [batch for batch in batches if batch.batch_id not in recorded]
        fresh = {batch.batch_id for batch in new}
        session.add_all(_batch(market, batch) for batch in new)
        session.flush()
        for row in filter(_first_of(fresh), quarantined):
            session.add(
                Quarantine(
                    batch_id=row["batch"],
                    source_line=row["source_line"],
                    reason=row["reason"],
                    row=json_values(row),
                )
            )
        for row in filter(_first_of(fresh), revisions):
            session.add(
                BarRevision(
                    batch_id=row["batch"],
                    market=market,
                    contract=row["contract"],
                    ts=row["ts"],
                    earlier=json_values(row),
                )
            )
    return len(new)


def _first_of(batches: set[str]) -> Callable[[Mapping[str, Any]], bool]:
    """Return a test for the rows of these batches that are mirrored: the first of each batch."""
    counts: Counter[str] = Counter()

    def is_first(row: Mapping[str, Any]) -> bool:
        counts[row["batch"]] += 1
        return row["batch"] in batches and counts[row["batch"]] <= _MOST_ROWS

    return is_first


def _batch(market: str, record: BatchRecord) -> DataBatch:

    return DataBatch(
        batch_id=record.batch_id,
        market=market,
        name=record.name,
        source=record.source,
        content_hash=record.content_hash,
        status=record.status,
        rows=record.rows,
        added=record.added,
        revised=record.revised,
        quarantined=sum(record.quarantined.values()),
        details=asdict(record),
        ingested_at=datetime.fromisoformat(record.ingested_at),
    )
