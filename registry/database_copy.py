"""Copy a whole database into an empty one, between SQLite and PostgreSQL in any direction.

Everything is read from one snapshot of the source and written in one transaction, so that an
interrupted copy leaves the target empty. A chained table counts as equal if its chain is intact
and ends in the same row; in other tables, every value is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Text, column, func, insert, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from ml_core.files import written_atomically
from registry.database import Database
from registry.errors import (
    ChangedRecordError,
    DatabaseError,
    NotEmptyError,
    SourceWrittenError,
)
from registry.ledger.verification import chains, verify
from registry.tables.base import CanonicalJson
from registry.tables.every import METADATA

PAGE = 2_000
"""Rows held in memory at once."""

Say = Callable[[int, int, str], None]
"""Called with rows copied, rows in all, and the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """A summary of a table's content.

    Attributes
    ----------
    name, rows
        The table, and its number of rows.
    end
        For a chain, the last row's hash; otherwise, a SHA-256 of all values; hex.
    chained
        Whether the table is chained.
    """

    name: str
    rows: int
    end: str
    chained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCopy:
    """A verified copy of a database.

    Attributes
    ----------
    tables
        Summary of each table, each after the tables that it refers to.
    already
        Whether the target already held everything, so that nothing was written.
    notes
        Where the notes of the chains' ends were copied to; None if they stay in the home.
    """

    tables: tuple[TableContent, ...]
    already: bool
    notes: Path | None

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return sum(content.rows for content in self.tables)


def copy_database(source: Database, target: Database, say: Say) -> DatabaseCopy:
    """Copy every table into an empty database of the same schema, and verify both.

    Parameters
    ----------
    source
        The source, which is verified first and only read.
    target
        An empty database, or one that already holds exactly this copy, which is not changed.
    say
        Called with the progress.

    Raises
    ------
    ChangedRecordError
        The record of the source, or of the copy, was changed.
    NotEmptyError
        The target has other rows.
    SourceWrittenError
        Something was written to the source during the copy.
    DatabaseError
        The target is the source, or cannot hold one of its values.
    BusyDatabaseError
        Another process has locked one of them.
    """
    if _place(source) == _place(target):
        remedy = "name another database with --to"
        raise DatabaseError(target.masked_url, "is the one to be copied", remedy)
    notes = _notes_of(source)  # read before the rows: notes may be older than the rows
    _require_whole(source.masked_url, verify(source).faults)
    with source.reading() as reading:
        contents = _contents(reading)
        with target.session() as writing:
            there = _contents(writing)
            already = any(content.rows for content in there)
            if already and there != contents:
                names = tuple(content.name for content in there if content.rows)
                raise NotEmptyError(target.masked_url, names)
            if not already:
                _copy_rows(reading, writing, contents, target.masked_url, say)
            _require_same(target.masked_url, writing, contents)
            with source.reading() as later:
                written = _differing(contents, _contents(later))
            if written:
                raise SourceWrittenError(source.masked_url, written)
    return DatabaseCopy(tables=contents, already=already, notes=_carry(notes, source, target))


def _copy_rows(
    reading: Session, writing: Session, contents: tuple[TableContent, ...], url: str, say: Say
) -> None:
    done, total = 0, sum(content.rows for content in contents)
    for content in contents:
        into = insert(_plain(content.name))
        for page in _pages(reading, content.name):
            try:
                writing.execute(into, page)
            except DataError as error:
                fault = f"cannot hold a value of {content.name} ({error.orig})"
                remedy = (
                    "the value is longer or of another kind than its column; correct its source"
                )
                raise DatabaseError(url, " ".join(fault.split()), remedy) from error
            done += len(page)
            say(done, total, content.name)
        if writing.get_bind().dialect.name == "postgresql":
            _count_on(writing, content.name)


def _count_on(session: Session, name: str) -> None:
    """Let a PostgreSQL table number its next row after the copied ones."""
    numbered = METADATA.tables[name].columns.get("id")
    if numbered is None:
        return
    sequence = session.scalar(select(func.pg_get_serial_sequence(name, "id")))
    last = session.scalar(select(func.max(numbered)))
    if sequence and last:
        session.execute(
            text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last}
        )


def _require_whole(url: str, faults: tuple[str, ...]) -> None:
    if faults:
        raise ChangedRecordError(url, faults)


def _require_same(url: str, session: Session, contents: tuple[TableContent, ...]) -> None:
    """Verify the copy's chains, and compare each table's summary with the source's."""
    for chain in chains().values():
        _require_whole(url, chain.faults(session))
    differing = _differing(contents, _contents(session))
    _require_whole(url, tuple(f"{name} is not the same as in the source" for name in differing))


def _differing(
    contents: tuple[TableContent, ...], others: tuple[TableContent, ...]
) -> tuple[str, ...]:
    return tuple(one.name for one, other in zip(contents, others, strict=True) if one != other)


def _contents(session: Session) -> tuple[TableContent, ...]:
    """Return the summary of each table, parents before the tables that refer to them."""
    return tuple(_content(session, table.name) for table in METADATA.sorted_tables)


def _content(session: Session, name: str) -> TableContent:
    if (chain := chains().get(name)) is not None:
        head = chain.head(session)
        return TableContent(name=name, rows=head.rows, end=head.row_hash, chained=True)
    digest, rows = hashlib.sha256(), 0
    for page in _pages(session, name):
        rows += len(page)
        for row in page:
            digest.update(repr(tuple(row.values())).encode())
    return TableContent(name=name, rows=rows, end=digest.hexdigest(), chained=False)


def _pages(session: Session, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield a table's rows by key, with JSON as its stored text."""
    keys: list[Any] = [column(key.name) for key in METADATA.tables[name].primary_key]
    query: Select[Any] = select(_plain(name)).order_by(*keys)
    rows = session.execute(query.execution_options(yield_per=PAGE)).mappings()
    for page in rows.partitions():
        yield [dict(row) for row in page]


def _plain(name: str) -> Any:
    """Return a table with JSON as text, to copy it as it was hashed, without parsing."""
    columns = METADATA.tables[name].columns
    return table(
        name,
        *(
            column(it.name, Text() if isinstance(it.type, CanonicalJson) else it.type)
            for it in columns
        ),
    )


def _place(database: Database) -> object:
    """Return the place of a database, however its URL is written."""
    url = database.engine.url
    return _file_of(database) or (url.host, url.port, url.database, dict(url.query))


def _file_of(database: Database) -> Path | None:
    url = make_url(database.masked_url)
    return Path(str(url.database)).resolve() if url.get_backend_name() == "sqlite" else None


def _notes_of(database: Database) -> bytes | None:
    checkpoints = database.checkpoints
    if checkpoints is None or not checkpoints.path.is_file():
        return None
    return checkpoints.path.read_bytes()


def _carry(notes: bytes | None, source: Database, target: Database) -> Path | None:
    """Copy the notes of the chains' ends to a database file's folder, if it has none yet."""
    file = _file_of(target)
    if notes is None or file is None or source.checkpoints is None:
        return None
    path = file.with_name(source.checkpoints.path.name)
    if path.exists():
        return None
    with written_atomically(path) as temporary:
        temporary.write_bytes(notes)
    return path
