"""Attempts to retrain: when each began, by whom, and how it ended, if it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from registry.rows import read_records
from registry.tables.watch import RetrainAttemptRow

if TYPE_CHECKING:
    from registry.database import Database

End = Literal["done", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainAttempt:
    """An attempt; without an end it is under way, or its process was killed.

    Attributes
    ----------
    by_itself
        A schedule, a trigger or a restart began it, and not a person.
    end
        ``done``, ``failed``, or ``stopped`` by a person.
    detail
        What was wrong, if anything.
    """

    market: str
    began_at: datetime
    by_itself: bool
    end: End | None
    ended_at: datetime | None
    detail: str


def begin_attempt(database: Database, market: str, at: datetime, *, by_itself: bool) -> int:
    """Keep that an attempt begins; give its number, for its end."""
    row = RetrainAttemptRow(
        market=market, began_at=at, by_itself=by_itself, end=None, ended_at=None, detail=""
    )
    with database.session() as session:
        session.add(row)
        session.flush()
        return row.id


def end_attempt(database: Database, number: int, end: End, at: datetime, detail: str = "") -> None:
    """Keep how an attempt ended."""
    with database.session() as session:
        row = session.get_one(RetrainAttemptRow, number)
        row.end, row.ended_at, row.detail = end, at, detail


def retrain_attempts(database: Database, market: str) -> tuple[RetrainAttempt, ...]:
    """Return a market's attempts, oldest first."""
    query = (
        select(RetrainAttemptRow)
        .where(RetrainAttemptRow.market == market)
        .order_by(RetrainAttemptRow.id)
    )
    return read_records(database, RetrainAttempt, query)
