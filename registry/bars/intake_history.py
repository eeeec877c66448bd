"""What was taken in and what was not: batches, rows set aside, bars that were revised."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from registry.database import Database
from registry.tables.bars import BarRevision, DataBatch, Quarantine

_BATCH = ("ingested_at", "name", "source", "status", "rows", "added", "revised", "quarantined")
_REVISION = ("ts", "contract", "earlier")


def batches(database: Database, market: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """Return the latest batches of a market, newest first."""
    columns = [getattr(DataBatch, name) for name in _BATCH]
    query = (
        select(*columns)
        .where(DataBatch.market == market)
        .order_by(DataBatch.ingested_at.desc(), DataBatch.batch_id)
        .limit(limit)
    )
    with database.reading() as session:
        return [dict(row) for row in session.execute(query).mappings()]


def findings(database: Database, market: str) -> list[dict[str, Any]]:
    """Return findings on bars that were kept, such as gaps in the calendar, newest batch first.

    Returns
    -------
    list of dict
        ``name`` of the batch, ``check``, ``count``, ``examples`` in words.
    """
    query = (
        select(DataBatch.name, DataBatch.details)
        .where(DataBatch.market == market)
        .order_by(DataBatch.ingested_at.desc(), DataBatch.batch_id)
    )
    with database.reading() as session:
        return [
            {"name": name, **finding}
            for name, details in session.execute(query)
            for finding in details.get("findings", ())
        ]


def set_aside_by_reason(database: Database, market: str) -> dict[str, int]:
    """Count a market's rows in quarantine by their reason, most first."""
    query = (
        select(Quarantine.reason, func.count())
        .join(DataBatch, DataBatch.batch_id == Quarantine.batch_id)
        .where(DataBatch.market == market)
        .group_by(Quarantine.reason)
        .order_by(func.count().desc(), Quarantine.reason)
    )
    with database.reading() as session:
        return dict(session.execute(query).all())


def set_aside(database: Database, market: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """Return rows in quarantine, the newest batch's first: batch, line, reason, the row itself."""
    query = (
        select(DataBatch.name, Quarantine.source_line, Quarantine.reason, Quarantine.row)
        .join(DataBatch, DataBatch.batch_id == Quarantine.batch_id)
        .where(DataBatch.market == market)
        .order_by(DataBatch.ingested_at.desc(), Quarantine.id)
        .limit(limit)
    )
    with database.reading() as session:
        return [dict(row) for row in session.execute(query).mappings()]


def revisions(database: Database, market: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """Return the earlier values of bars that a later batch changed, the latest bars first."""
    columns = [getattr(BarRevision, name) for name in _REVISION]
    query = (
        select(*columns, DataBatch.name, DataBatch.ingested_at)
        .join(DataBatch, DataBatch.batch_id == BarRevision.batch_id)
        .where(BarRevision.market == market)
        .order_by(BarRevision.ts.desc(), BarRevision.id)
        .limit(limit)
    )
    with database.reading() as session:
        return [dict(row) for row in session.execute(query).mappings()]
