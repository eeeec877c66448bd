"""The permanent record of changes of a market's circuit breaker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Select, select

from ml_core.json_values import field_values
from ml_core.market_events import BreakerEvent
from registry.chains.chain import chain_of
from registry.errors import UnsignedChangeError
from registry.rows import read_records, record_of
from registry.tables.watch import BreakerRow

if TYPE_CHECKING:
    from registry.database import Database


def record_breaker(
    database: Database,
    record: BreakerEvent,
    skip_if: Callable[[tuple[BreakerEvent, ...]], bool] = lambda _events: False,
) -> bool:
    """Append a change of a breaker; return False if the breaker is already in that state.

    Parameters
    ----------
    database, record
        The database, and the change.
    skip_if
        Called in the transaction with the market's changes, oldest first; True skips the append.

    Raises
    ------
    UnsignedChangeError
        The change does not say who makes it or why.
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    for name in ("by", "detail"):
        if not getattr(record, name).strip():
            raise UnsignedChangeError("breaker", "reason" if name == "detail" else name)
    with database.session() as session:
        rows = session.scalars(_of_market(record.market))
        if skip_if(tuple(record_of(BreakerEvent, row) for row in rows)):
            return False
        chain_of(BreakerRow).append(session, field_values(record))
    return True


def breaker_records(database: Database, market: str) -> tuple[BreakerEvent, ...]:
    """Return a market's changes, oldest first.

    Returns
    -------
    tuple of BreakerEvent
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    return read_records(database, BreakerEvent, _of_market(market))


def _of_market(market: str) -> Select[BreakerRow]:
    same = BreakerRow.market == market
    return select(BreakerRow).where(same).order_by(BreakerRow.at, BreakerRow.id)
