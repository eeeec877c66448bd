"""Batches, quarantine and revisions of bars, mirrored from the lake into SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from ml_core.bars.lake import BatchRecord
from registry.database import Database
from registry.tables.bars import BarRevision, DataBatch, Quarantine

_MOST_QUARANTINED = 1000
"""Rows a batch mirrors into SQL; the lake keeps every one."""


def record_batches(
    database: Database,
    market: str,
    batches: Iterable[BatchRecord],
    quarantined: Iterable[dict[str, Any]] = (),
    revisions: Iterable[dict[str, Any]] = (),
) -> int:
    """Mirror what is not in SQL yet; give how many batches were new.

    Parameters
    ----------
    database
        Where to.
    market
        Symbol.
    batches
        The lake's records.
    quarantined
        Rows with ``batch``, ``source_line``, ``reason`` and plain values.
    revisions
        Earlier bars with ``batch``, ``contract``, ``ts`` and plain values.
    """
    with database.session() as session:
        known = set(session.scalars(select(DataBatch.batch_id)))
        new = [each for each in batches if each.batch_id not in known]
        fresh = {each.batch_id for each in new}
        session.add_all(_batch(market, each) for each in new)
        session.flush()
        counts: dict[str, int] = {}
        for row in quarantined:
            batch_id = row["batch"]
            counts[batch_id] = counts.get(batch_id, 0) + 1
            if batch_id in fresh and counts[batch_id] <= _MOST_QUARANTINED:
                session.add(
                    Quarantine(
                        batch_id=batch_id,
                        source_line=row["source_line"],
                        reason=row["reason"],
                        row=_plain(row),
                    )
                )
        for row in revisions:
            if row["batch"] in fresh:
                session.add(
                    BarRevision(
                        batch_id=row["batch"],
                        market=market,
                        contract=row["contract"],
                        ts=row["ts"],
                        earlier=_plain(row),
                    )
                )
    return len(new)


def _batch(market: str, record: BatchRecord) -> DataBatch:
    from datetime import datetime  # noqa: PLC0415 - one use

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


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Values that JSON can hold; times as ISO text, what is not a number as None."""
    return {
        name: value.isoformat()
        if hasattr(value, "isoformat")
        else (None if isinstance(value, float) and value != value else value)  # noqa: PLR0124 - NaN
        for name, value in row.items()
    }
