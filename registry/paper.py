"""The record of paper accounts: what each did, slot by slot; records are never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select

from ml_core.json_values import field_values
from ml_core.paper.events import PaperEvent
from registry.chains.chain import chain_of
from registry.rows import read_records
from registry.tables.hand_off import PaperEventRow

if TYPE_CHECKING:
    from registry.database import Database


def record_paper(
    database: Database,
    book: str,
    market: str,
    events: Sequence[PaperEvent],
    *,
    after: int,
    at: datetime,
) -> bool:
    """Append a book's new events, all or none; return False if another run was first.

    Parameters
    ----------
    database, book, market
        The database, and the paper account and its market.
    events
        The new events.
    after
        Number of events in the book when the new ones were computed.
    at
        Aware time, now.
    """
    with database.session() as session:
        count = select(func.count()).select_from(PaperEventRow).where(_of_book(book, market))
        if session.scalar(count) != after:
            return False
        end = None
        for event in events:
            end = chain_of(PaperEventRow).append(session, field_values(replace(event, at=at)), end)
    return True


def paper_events(database: Database, book: str, market: str) -> tuple[PaperEvent, ...]:
    """Return the record of a market's paper account, oldest first."""
    query = select(PaperEventRow).where(_of_book(book, market)).order_by(PaperEventRow.id)
    return read_records(database, PaperEvent, query)


def _of_book(book: str, market: str) -> ColumnElement[bool]:
    return (PaperEventRow.book == book) & (PaperEventRow.market == market)
