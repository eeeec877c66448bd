"""The record of parity reports: what was audited, what differed, and when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from ml_core.health.parity import ParityReport
from ml_core.json_values import field_values, json_values
from registry.rows import read_first
from registry.tables.base import canonical
from registry.tables.watch import ParityRow

if TYPE_CHECKING:
    from registry.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRecord:
    """A recorded report; ``at`` is when it was last made."""

    market: str
    first_day: date
    last_day: date
    compared: int
    unexplained: int
    verdict: str
    figures: ParityReport
    at: datetime


def record_parity(database: Database, record: ParityRecord) -> bool:
    """Record a report; return False if one with the same content exists, whose time is updated.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    values = field_values(record)
    digest = hashlib.sha256(canonical(json_values(record.figures)).encode()).hexdigest()
    with database.session() as session:
        same = (ParityRow.market == record.market) & (ParityRow.content_hash == digest)
        row = session.scalars(select(ParityRow).where(same)).first()
        if row is not None:
            row.at = max(row.at, record.at)
            return False
        session.add(ParityRow(**values, content_hash=digest))
    return True


def latest_parity(database: Database, market: str) -> ParityRecord | None:
    """Return a market's latest report; None before the first.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(ParityRow).where(ParityRow.market == market)
    query = query.order_by(ParityRow.at.desc(), ParityRow.id.desc())
    return read_first(database, ParityRecord, query)
