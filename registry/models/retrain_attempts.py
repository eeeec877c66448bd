"""The record of retrain attempts: when each began, what started it, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from ml_core.json_values import field_values
from ml_core.market_events import AttemptEnd, RetrainAttempt
from registry.rows import read_records
from registry.tables.watch import RetrainAttemptRow

if TYPE_CHECKING:
    from registry.database import Database


def begin_attempt(database: Database, market: str, at: datetime, *, by_itself: bool) -> int:
    """Record the start of an attempt; return its number, for :func:`end_attempt`.

    Parameters
    ----------
    at
        Aware time.
    by_itself
        Whether a schedule, a trigger or a restart started it, and not a user.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    attempt = RetrainAttempt(market=market, began_at=at, by_itself=by_itself)
    row = RetrainAttemptRow(**field_values(attempt))
    with database.session() as session:
        session.add(row)
        session.flush()
        return row.id


def end_attempt(
    database: Database, number: int, end: AttemptEnd, at: datetime, detail: str = ""
) -> None:
    """Record how an attempt ended.

    Parameters
    ----------
    number
        The number that :func:`begin_attempt` returned.
    end
        ``done``, ``failed``, or ``stopped`` by a user.
    at
        Aware time.
    detail
        The error, if any.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    with database.session() as session:
        row = session.get_one(RetrainAttemptRow, number)
        row.end, row.ended_at, row.detail = end, at, detail


def retrain_attempts(database: Database, market: str) -> tuple[RetrainAttempt, ...]:
    """Return a market's attempts, oldest first.

    Returns
    -------
    tuple of RetrainAttempt
        Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    query = (
        select(RetrainAttemptRow)
        .where(RetrainAttemptRow.market == market)
        .order_by(RetrainAttemptRow.id)
    )
    return read_records(database, RetrainAttempt, query)
