"""The daily figures, kept so that they need not be worked out to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from registry.database import Database
from registry.tables import PerformanceRow


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


def update_performance(
    database: Database, records: Iterable[PerformanceRecord], at: datetime
) -> int:
    """Put daily figures in place; give how many rows are new or changed."""
    changed = 0
    with database.session() as session:
        for record in records:
            row = session.scalars(
                select(PerformanceRow).where(
                    PerformanceRow.market == record.market,
                    PerformanceRow.day == record.day,
                    PerformanceRow.mode == record.mode,
                    PerformanceRow.role == record.role,
                    PerformanceRow.version == record.version,
                    PerformanceRow.opening_range == record.opening_range,
                )
            ).first()
            if row is None:
                values = {name: getattr(record, name) for name in PerformanceRecord.__slots__}
                session.add(PerformanceRow(**values, updated_at=at))
            elif row.figures != record.figures:
                row.figures, row.updated_at = record.figures, at
            else:
                continue
            changed += 1
    return changed
