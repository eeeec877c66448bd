"""The history of imports: batches, quarantined rows, revised bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from registry.database import Database
from registry.tables.bars import BarRevision, DataBatch, Quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRecord:
    """An imported or refused batch, with its counts of rows."""

    ingested_at: datetime
    name: str
    source: str
    status: str
    rows: int
    added: int
    revised: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """A remark on unusual but kept bars of a batch, with examples in words."""

    name: str
    check: str
    count: int
    examples: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row in quarantine: its batch and line, the reason, and the row itself."""

    name: str
    source_line: int | None
    reason: str
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierBar:
    """A bar's earlier values, and the batch that changed it."""

    ts: datetime
    contract: str
    earlier: Mapping[str, Any]
    name: str
    ingested_at: datetime


def batches(database: Database, market: str, *, limit: int = 200) -> list[IntakeRecord]:
    """Return the latest batches of a market, newest first."""
    columns = [getattr(DataBatch, field.name) for field in fields(IntakeRecord)]
    query = (
        select(*columns)
        .where(DataBatch.market == market)
        .order_by(DataBatch.ingested_at.desc(), DataBatch.batch_id)
        .limit(limit)
    )
    with database.reading() as session:
        return [IntakeRecord(**row) for row in session.execute(query).mappings()]


def findings(database: Database, market: str) -> list[Oddity]:
    """Return remarks on kept bars, such as gaps in the calendar, newest batch first."""
    query = (
        select(DataBatch.name, DataBatch.details)
        .where(DataBatch.market == market)
        .order_by(DataBatch.ingested_at.desc(), DataBatch.batch_id)
    )
    with database.reading() as session:
        return [
            Oddity(name=name, **finding)
            for name, details in session.execute(query)
            for finding in details.get("findings", ())
        ]


def set_aside_by_reason(database: Database, market: str) -> dict[str, int]:
    """Count a market's quarantined rows by reason, most frequent first."""
    query = (
        select(Quarantine.reason, func.count())
        .join(DataBatch, DataBatch.batch_id == Quarantine.batch_id)
        .where(DataBatch.market == market)
        .group_by(Quarantine.reason)
        .order_by(func.count().desc(), Quarantine.reason)
    )
    with database.reading() as session:
        return dict(session.execute(query).all())


def set_aside(database: Database, market: str, *, limit: int = 200) -> list[SetAside]:
    """Return quarantined rows, newest batch first."""
    query = (
        select(DataBatch.name, Quarantine.source_line, Quarantine.reason, Quarantine.row)
        .join(DataBatch, DataBatch.batch_id == Quarantine.batch_id)
        .where(DataBatch.market == market)
        .order_by(DataBatch.ingested_at.desc(), Quarantine.id)
        .limit(limit)
    )
    with database.reading() as session:
        return [SetAside(**row) for row in session.execute(query).mappings()]


def revisions(database: Database, market: str, *, limit: int = 200) -> list[EarlierBar]:
    """Return the earlier values of bars that a later batch changed, latest bars first."""
    query = (
        select(
            BarRevision.ts,
            BarRevision.contract,
            BarRevision.earlier,
            DataBatch.name,
            DataBatch.ingested_at,
        )
        .join(DataBatch, DataBatch.batch_id == BarRevision.batch_id)
        .where(BarRevision.market == market)
        .order_by(BarRevision.ts.desc(), BarRevision.id)
        .limit(limit)
    )
    with database.reading() as session:
        return [EarlierBar(**row) for row in session.execute(query).mappings()]
