"""The record of estimates made without outcomes; the realised figures are added later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from ml_core.health.estimates import Expected, Reconciled
from ml_core.json_values import field_values, json_values
from registry.rows import read_records
from registry.tables.watch import EstimateRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRecord:
    """An estimate; ``realised`` and ``reconciled_at`` are None until its outcomes are known."""

    market: str
    role: str
    version: str
    mode: str
    first_day: date
    last_day: date
    rows: int
    expected: Expected
    at: datetime
    realised: Reconciled | None = None
    reconciled_at: datetime | None = None


def record_estimate(database: Database, record: EstimateRecord) -> bool:
    """Record an estimate; return False if there is one for that line and last day, which is kept.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    values = field_values(record)
    with database.session() as session:
        if session.scalars(select(EstimateRow.id).where(_same(record))).first() is not None:
            return False
        session.add(EstimateRow(**values))
    return True


def fill_realised(
    database: Database, record: EstimateRecord, realised: Reconciled, at: datetime
) -> bool:
    """Add the realised figures to an estimate; return False if they are already there.

    Parameters
    ----------
    realised
        The realised figures.
    at
        Aware time.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    with database.session() as session:
        row = session.scalars(select(EstimateRow).where(_same(record))).one()
        if json_values(row.realised) == json_values(realised):
            return False
        row.realised, row.reconciled_at = realised, at
    return True


def estimate_records(
    database: Database, market: str, *, first: date | None = None
) -> tuple[EstimateRecord, ...]:
    """Return a market's estimates, oldest first.

    Parameters
    ----------
    first
        Only those whose last day is this one or later.

    Returns
    -------
    tuple of EstimateRecord
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(EstimateRow).where(EstimateRow.market == market)
    if first is not None:
        query = query.where(EstimateRow.last_day >= first)
    query = query.order_by(EstimateRow.last_day, EstimateRow.id)
    return read_records(database, EstimateRecord, query)


def _same(record: EstimateRecord) -> ColumnElement[bool]:
    return (
        (EstimateRow.market == record.market)
        & (EstimateRow.role == record.role)
        & (EstimateRow.version == record.version)
        & (EstimateRow.mode == record.mode)
        & (EstimateRow.last_day == record.last_day)
    )
