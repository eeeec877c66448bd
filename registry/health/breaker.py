"""Changes of a market's circuit breaker, kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ml_core.market_events import BreakerEvent
from registry.chains.chain import chain_of
from registry.errors import UnsignedChangeError
from registry.rows import read_records, values_of
from registry.tables.watch import BreakerRow

if TYPE_CHECKING:
    from registry.database import Database


def record_breaker(database: Database, record: BreakerEvent) -> None:
    """Append a change of a breaker.

    Raises
    ------
    UnsignedChangeError
        It does not say who or why.
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
    """
    for name in ("by", "detail"):
        if not getattr(record, name).strip():
            raise UnsignedChangeError("breaker", "reason" if name == "detail" else name)
    with database.session() as session:
        chain_of(BreakerRow).append(session, values_of(record))


def breaker_records(database: Database, market: str) -> tuple[BreakerEvent, ...]:
    """Return a market's changes, oldest first.

    Returns
    -------
    tuple of BreakerEvent
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    query = (
        select(BreakerRow)
        .where(BreakerRow.market == market)
        .order_by(BreakerRow.at, BreakerRow.id)
    )
    return read_records(database, BreakerEvent, query)
