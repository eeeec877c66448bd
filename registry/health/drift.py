"""The record of drift reports: the days, the version compared with, and what moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from ml_core.health.drift import DriftFigures
from ml_core.json_values import field_values
from registry.rows import read_first, read_records
from registry.tables.watch import DriftRow

if TYPE_CHECKING:
    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRecord:
    """A recorded report; ``at`` is when it was last made."""

    market: str
    version: str
    first_day: date
    last_day: date
    rows: int
    detected: bool
    verdict: str
    figures: DriftFigures
    at: datetime


def record_drift(database: Database, record: DriftRecord) -> bool:
    """Record a report; return False if there is one on the same rows, which a later one replaces.

    The same rows can give another result, since outcomes arrive after the predictions.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    same = (
        (DriftRow.market == record.market)
        & (DriftRow.version == record.version)
        & (DriftRow.last_day == record.last_day)
        & (DriftRow.rows == record.rows)
    )
    values = field_values(record)
    with database.session() as session:
        row = session.scalars(select(DriftRow).where(same)).first()
        if row is not None:
            if record.at >= row.at:
                for name, value in values.items():
                    setattr(row, name, value)
            return False
        session.add(DriftRow(**values))
    return True


def drift_records(database: Database, market: str) -> tuple[DriftRecord, ...]:
    """Return a market's reports, oldest first.

    Returns
    -------
    tuple of DriftRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(DriftRow).where(DriftRow.market == market).order_by(DriftRow.at, DriftRow.id)
    return read_records(database, DriftRecord, query)


def latest_drift(database: Database, market: str) -> DriftRecord | None:
    """Return a market's latest report; None before the first.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(DriftRow).where(DriftRow.market == market)
    query = query.order_by(DriftRow.at.desc(), DriftRow.id.desc())
    return read_first(database, DriftRecord, query)
