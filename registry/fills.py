"""The trader's own executions, by import file; records are never changed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Select, select

from ml_core.errors import InputError
from ml_core.fills.fill import Fill, FillBatch, FillsFile, merged
from ml_core.json_values import field_values
from registry.chains.chain import chain_of
from registry.rows import record_of, records_in
from registry.tables.fills import FillBatchRow, FillRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from registry.database import Database

LAST = "last"
"""Refers to the latest import that counts."""

_SHORT = 12
_READ_ANEW = "its file was read again, with other options"


class UnknownFillBatchError(InputError):
    """Error for an unknown import, or one that was already withdrawn."""

    batch_id: str
    market: str
    template = (
        "{market} has no current import {batch_id!r} of fills; `orbcast fills show --files` "
        "lists them"
    )


def import_fills(
    database: Database, market: str, file: FillsFile, at: datetime
) -> tuple[FillBatch, bool]:
    """Record a file's executions once; withdraw an import of the same file with other options.

    Parameters
    ----------
    database, market
        The database, and the symbol.
    file
        The file as it was read.
    at
        Aware time, now.

    Returns
    -------
    batch, is_new
        The import, and whether it is new.

    Raises
    ------
    BusyDatabaseError
        Another process held the write lock for too long, or the connection to the server was lost.
    """
    with database.session() as session:
        events = _events(session, market)
        counting = _counting(events)
        same_file = [one for one in counting if one.content_hash == file.content_hash]
        for earlier in same_file:
            if earlier.reading == file.reading:
                return earlier, False
        batch = _imported(market, file, at, events)
        chain = chain_of(FillBatchRow)
        for earlier in same_file:
            chain.append(session, field_values(_withdrawn(earlier, _READ_ANEW, at)))
        chain.append(session, field_values(batch))
        end = None
        for fill in file.fills:
            values = {**field_values(fill), "market": market, "batch_id": batch.batch_id, "at": at}
            end = chain_of(FillRow).append(session, values, end)
    return batch, True


def withdraw_fills(
    database: Database, market: str, batch_id: str, reason: str, at: datetime
) -> FillBatch:
    """Withdraw an import: its fills stay on record but no longer count.

    Parameters
    ----------
    database, market
        The database, and the symbol.
    batch_id
        Id of the import, the start of its id, or ``LAST``.
    reason, at
        The reason, and the aware time now.

    Raises
    ------
    UnknownFillBatchError
        No import that counts has this id, or several do.
    """
    with database.session() as session:
        counting = _counting(_events(session, market))
        named = [one for one in counting if one.batch_id == batch_id]
        named = list(counting[-1:]) if batch_id == LAST else named
        named = named or [one for one in counting if one.batch_id.startswith(batch_id)]
        if len(named) != 1 or not batch_id:
            raise UnknownFillBatchError(batch_id, market)
        taken_back = _withdrawn(named[0], reason, at)
        chain_of(FillBatchRow).append(session, field_values(taken_back))
    return taken_back


def fill_batches(database: Database, market: str) -> tuple[FillBatch, ...]:
    """Return every import and withdrawal of a market, oldest first."""
    with database.reading() as session:
        return _events(session, market)


def fills_of(
    database: Database, market: str, known_by: datetime | None = None
) -> tuple[Fill, ...]:
    """Return a market's executions from the imports that count, each once, in order of time.

    Parameters
    ----------
    database, market
        The database, and the symbol.
    known_by
        Aware time: use the imports that counted then; by default, those that count now.
    """
    with database.reading() as session:
        events = _events(session, market)
        if known_by is not None:
            events = tuple(event for event in events if event.at <= known_by)
        by_batch: dict[str, list[Fill]] = {batch.batch_id: [] for batch in _counting(events)}
        query = select(FillRow).where(FillRow.market == market).order_by(FillRow.id)
        for row in session.scalars(query):
            if row.batch_id in by_batch:
                by_batch[row.batch_id].append(record_of(Fill, row))
    return merged(by_batch.values())


def _of_market(market: str) -> Select[FillBatchRow]:
    return select(FillBatchRow).where(FillBatchRow.market == market).order_by(FillBatchRow.id)


def _events(session: Session, market: str) -> tuple[FillBatch, ...]:
    return tuple(records_in(session, FillBatch, _of_market(market)))


def _counting(events: Iterable[FillBatch]) -> tuple[FillBatch, ...]:
    """Return the imports that were not withdrawn, oldest first."""
    counting: dict[str, FillBatch] = {}
    for event in events:
        if event.event == "imported":
            counting[event.batch_id] = event
        else:
            counting.pop(event.batch_id, None)
    return tuple(counting.values())


def _imported(
    market: str, file: FillsFile, at: datetime, events: Iterable[FillBatch]
) -> FillBatch:
    text = f"{market}\n{file.content_hash}\n{file.reading}"
    name = hashlib.sha256(text.encode()).hexdigest()[:_SHORT]
    # a withdrawn file that is imported again is a new import with its own rows
    before = Counter(event.batch_id.partition("-")[0] for event in events)[name] // 2
    return FillBatch(
        market=market,
        batch_id=f"{name}-{before + 1}" if before else name,
        event="imported",
        reason="",
        name=file.name,
        platform=file.platform,
        zone=file.zone,
        content_hash=file.content_hash,
        reading=file.reading,
        fills=len(file.fills),
        repeated=file.repeated,
        set_aside=[asdict(row) for row in file.set_aside],
        left_out=dict(file.left_out),
        at=at,
    )


def _withdrawn(batch: FillBatch, reason: str, at: datetime) -> FillBatch:
    return replace(batch, event="withdrawn", reason=reason, at=at)
