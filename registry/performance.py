"""The daily figures, kept so that they need not be worked out to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from registry.database import Database
from registry.tables import OutcomeRow, PerformanceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRecord:
    """One day's figures of one version in one mode and role, for one opening range or all."""

    market: str
    day: date
    mode: str
    role: str
    version: str
    opening_range: str
    figures: dict[str, Any]


_KEY = tuple(name for name in PerformanceRecord.__slots__ if name != "figures")


def update_performance(
    database: Database, records: Iterable[PerformanceRecord], at: datetime
) -> int:
    """Put daily figures in place; give how many rows are new or changed."""
    wanted = tuple(records)
    markets = {each.market for each in wanted}
    changed = 0
    with database.session() as session:
        query = select(PerformanceRow).where(PerformanceRow.market.in_(markets))
        known = {_key(row): row for row in session.scalars(query)}
        for record in wanted:
            row = known.get(_key(record))
            if row is None:
                values = {name: getattr(record, name) for name in PerformanceRecord.__slots__}
                session.add(PerformanceRow(**values, updated_at=at))
            elif row.figures != record.figures:
                row.figures, row.updated_at = record.figures, at
            else:
                continue
            changed += 1
    return changed


def performance_records(
    database: Database, market: str, *, mode: str, first: date | None = None
) -> tuple[PerformanceRecord, ...]:
    """Give a market's daily figures of one mode from a day on, by day."""
    query = select(PerformanceRow).where(
        PerformanceRow.market == market, PerformanceRow.mode == mode
    )
    if first is not None:
        query = query.where(PerformanceRow.day >= first)
    query = query.order_by(PerformanceRow.day, PerformanceRow.id)
    with database.reading() as session:
        return tuple(
            PerformanceRecord(**{name: getattr(row, name) for name in PerformanceRecord.__slots__})
            for row in session.scalars(query)
        )


def first_recorded(database: Database, market: str) -> dict[tuple[date, str, str], datetime]:
    """Give when the first outcome of each trading day, opening range and label was recorded."""
    query = select(
        OutcomeRow.trading_day,
        OutcomeRow.opening_range,
        OutcomeRow.label,
        OutcomeRow.recorded_at,
    ).where(OutcomeRow.market == market, OutcomeRow.revision == 0)
    with database.reading() as session:
        return {(day, name, label): at for day, name, label, at in session.execute(query)}


def _key(row: PerformanceRow | PerformanceRecord) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _KEY)
