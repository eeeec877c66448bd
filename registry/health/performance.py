"""The daily performance figures, stored so that they need not be recomputed to be shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from ml_core.health.daily_sums import PerformanceRecord
from ml_core.json_values import field_values
from registry.database import Database
from registry.ledger.entries import OutcomeKey
from registry.rows import read_records
from registry.tables.ledger import OutcomeRow, PerformanceRow

_KEY = tuple(part.name for part in fields(PerformanceRecord) if part.name != "figures")


def update_performance(
    database: Database, records: Iterable[PerformanceRecord], at: datetime
) -> int:
    """Store daily figures; return how many rows are new or changed."""
    wanted = tuple(records)
    markets = {record.market for record in wanted}
    changed = 0
    with database.session() as session:
        query = select(PerformanceRow).where(PerformanceRow.market.in_(markets))
        rows = {_key(row): row for row in session.scalars(query)}
        for record in wanted:
            row = rows.get(_key(record))
            if row is None:
                session.add(PerformanceRow(**field_values(record), updated_at=at))
            elif row.figures != record.figures:
                row.figures, row.updated_at = record.figures, at
            else:
                continue
            changed += 1
    return changed


def performance_records(
    database: Database,
    market: str,
    *,
    mode: str,
    role: str | None = None,
    version: str | None = None,
    first: date | None = None,
) -> tuple[PerformanceRecord, ...]:
    """Return a market's daily figures of one mode, for a role, a version or all, from a day on."""
    query = select(PerformanceRow).where(
        PerformanceRow.market == market, PerformanceRow.mode == mode
    )
    if role is not None:
        query = query.where(PerformanceRow.role == role)
    if version is not None:
        query = query.where(PerformanceRow.version == version)
    if first is not None:
        query = query.where(PerformanceRow.day >= first)
    query = query.order_by(PerformanceRow.day, PerformanceRow.id)
    return read_records(database, PerformanceRecord, query)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """The last day with daily figures for a mode and role."""

    mode: str
    role: str
    last_day: date


def on_record(database: Database, market: str) -> tuple[OnRecord, ...]:
    """Return the modes and roles of a market that have daily figures, the champion first."""
    query = (
        select(PerformanceRow.mode, PerformanceRow.role, func.max(PerformanceRow.day))
        .where(PerformanceRow.market == market)
        .group_by(PerformanceRow.mode, PerformanceRow.role)
    )
    with database.reading() as session:
        records = [
            OnRecord(mode=mode, role=role, last_day=last)
            for mode, role, last in session.execute(query)
        ]
    return tuple(
        sorted(records, key=lambda record: (record.role != "champion", record.role, record.mode))
    )


def first_recorded(database: Database, market: str) -> dict[OutcomeKey, datetime]:
    """Return when the first outcome of each slot, label and market definition was recorded."""
    query = select(
        OutcomeRow.trading_day,
        OutcomeRow.opening_range,
        OutcomeRow.label,
        OutcomeRow.market_hash,
        OutcomeRow.recorded_at,
    ).where(OutcomeRow.market == market, OutcomeRow.revision == 0)
    with database.reading() as session:
        return {(day, name, label, of): at for day, name, label, of, at in session.execute(query)}


def _key(row: PerformanceRow | PerformanceRecord) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _KEY)
