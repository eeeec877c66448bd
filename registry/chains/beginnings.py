"""Rows that an upgrade chained as it found them: an earlier edit of them is not detected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.chains.chain import chain_of
from registry.chains.chain_checkpoints import CheckpointFile, NotedHead
from registry.tables.chains import ChainBeginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The first rows of a table, which an upgrade chained as it found them.

    An edit before that time is not detected; a later one is.
    """

    table_name: str
    rows: int
    last_hash: str
    at: datetime


def beginnings_in(session: Session) -> tuple[Beginning, ...]:
    """Return what an upgrade chained, by table; nothing in a home that was created later."""
    rows = session.scalars(select(ChainBeginning).order_by(ChainBeginning.id))
    return tuple(
        Beginning(table_name=row.table_name, rows=row.rows, last_hash=row.last_hash, at=row.at)
        for row in rows
    )


def note_beginnings(session: Session, checkpoints: CheckpointFile) -> None:
    """Note the ends of the tables that an upgrade has just chained, as they were then."""
    begun = beginnings_in(session)
    for table in begun:
        head = NotedHead(
            chain=table.table_name, rows=table.rows, row_hash=table.last_hash, at=table.at
        )
        checkpoints.note(head)
    if begun:
        own = chain_of(ChainBeginning)
        end = own.head(session)
        checkpoints.note(
            NotedHead(chain=own.name, rows=end.rows, row_hash=end.row_hash, at=begun[-1].at)
        )
