"""Attempts to retrain: when each began, by whom, and how it ended, if it did."""

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
    """Keep that an attempt begins; return its number, for its end.

    Parameters
    ----------
    at
        Aware time.
    by_itself
        Whether a schedule, a trigger or a restart began it, and not a person.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
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
        As :func:`begin_attempt` returned it.
    end
        ``done``, ``failed``, or ``stopped`` by a person.
    at
        Aware time.
    detail
        What was wrong, if anything.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the server went away.
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
        The server went away.
    """
    query = (
        select(RetrainAttemptRow)
        .where(RetrainAttemptRow.market == market)
        .order_by(RetrainAttemptRow.id)
    )
    return read_records(database, RetrainAttempt, query)
