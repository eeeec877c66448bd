"""The permanent record of changes of a market's rollout, numbered and chained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ml_core.json_values import field_values
from ml_core.market_events import RolloutEvent
from registry.chains.chain import chain_of
from registry.errors import RolloutChangedError, UnsignedChangeError
from registry.rows import read_records
from registry.tables.rollout import RolloutRow

if TYPE_CHECKING:
    from registry.database import Database


ROLLOUT = chain_of(RolloutRow)


def record_rollout(database: Database, records: Sequence[RolloutEvent]) -> None:
    """Append events directly after those that their author had read, all of them or none.

    Parameters
    ----------
    records
        Events of one market, numbered after those on record; times are aware.

    Raises
    ------
    UnsignedChangeError
        An event does not say who makes the change or why.
    RolloutChangedError
        Another event was recorded meanwhile.
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    for record in records:
        for name in ("by", "reason"):
            if not getattr(record, name).strip():
                raise UnsignedChangeError("rollout", name)
    try:
        with database.session() as session:
            for record in records:
                ROLLOUT.append(session, field_values(record))
    except IntegrityError as error:
        raise RolloutChangedError(records[0].market) from error


def rollout_records(database: Database, market: str) -> tuple[RolloutEvent, ...]:
    """Return a market's events in the order of recording.

    Returns
    -------
    tuple of RolloutEvent
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = select(RolloutRow).where(RolloutRow.market == market).order_by(RolloutRow.sequence)
    return read_records(database, RolloutEvent, query)


def rollout_faults(database: Database) -> tuple[str, ...]:
    """Return a fault for each edited, missing or moved event.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    with database.reading() as session:
        return ROLLOUT.faults(session)
