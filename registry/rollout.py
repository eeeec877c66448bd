"""Changes of a market's rollout, kept for ever, numbered and chained."""

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
    """Append events as the next after those their author had read, all of them or none.

    Parameters
    ----------
    records
        Events of one market, numbered on from those on record; times are aware.

    Raises
    ------
    UnsignedChangeError
        One does not say who or why.
    RolloutChangedError
        Another event was recorded meanwhile.
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
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
    """Return a market's events in the order they were recorded.

    Returns
    -------
    tuple of RolloutEvent
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    query = select(RolloutRow).where(RolloutRow.market == market).order_by(RolloutRow.sequence)
    return read_records(database, RolloutEvent, query)


def rollout_faults(database: Database) -> tuple[str, ...]:
    """Name every event that was edited, and every place where one is gone or moved.

    Raises
    ------
    BusyDatabaseError
        The server went away.
    """
    with database.reading() as session:
        return tuple(ROLLOUT.faults(session))
