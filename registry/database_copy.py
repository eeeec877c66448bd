"""Copy a whole database into an empty one, of the other kind too: SQLite and PostgreSQL.

Everything is read from one state of the source and written in one unit of work: a copy that is
stopped leaves the target as empty as it was. A chained table is the same where its chain is whole
and ends in the same row; of the others each value is compared.
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
"""Told of rows copied, rows in all, and the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """What a table holds.

    Attributes
    ----------
    name, rows
        The table, and how many rows it has.
    end
        Of a chain the last row's hash; of another table a SHA-256 of all its values; hex.
    chained
        Whether it is a chain.
    """

    name: str
    rows: int
    end: str
    chained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCopy:
    """A target that holds what its source holds, verified.

    Attributes
    ----------
    tables
        What each table holds, those that refer to others behind them.
    already
        Whether the target held all of it before, so that nothing was written.
    notes
        Where the notes of the chains' ends were copied to; None where they stay in the home.
    """

    tables: tuple[TableContent, ...]
    already: bool
    notes: Path | None

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(content.rows for content in self.tables)


def copy_database(source: Database, target: Database, say: Say) -> DatabaseCopy:
    """Copy every table into an empty database of the same schema, and verify both.

    Parameters
    ----------
    source
        Verified whole first; it is only read.
    target
        An empty database, or one that holds this very copy already, which is left as it is.
    say
        Told how far it is.

    Raises
    ------
    ChangedRecordError
        The source, or the copy, is not as it was written.
    NotEmptyError
        The target has other rows.
    SourceWrittenError
        Something was written to the source meanwhile.
    DatabaseError
        The target is the source, or cannot hold one of its values.
    BusyDatabaseError
        Somebody else holds one of them.
    """
    if _place(source) == _place(target):
        remedy = "name another database with --to"
        raise DatabaseError(target.masked_url, "is the one to be copied", remedy)
    notes = _notes_of(source)  # before the rows: a note that is older than they are is no fault
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
                remedy = "the value is longer or of another kind than its column; mend its source"
                raise DatabaseError(url, " ".join(fault.split()), remedy) from error
            done += len(page)
            say(done, total, content.name)
        if writing.get_bind().dialect.name == "postgresql":
            _count_on(writing, content.name)


def _count_on(session: Session, name: str) -> None:
    """Have a PostgreSQL table number its next row behind those that were copied."""
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
    """Walk the copy's chains, and compare what each of its tables holds with the source's."""
    for chain in chains().values():
        _require_whole(url, tuple(chain.faults(session)))
    differing = _differing(contents, _contents(session))
    _require_whole(url, tuple(f"{name} is not the same as in the source" for name in differing))


def _differing(
    contents: tuple[TableContent, ...], others: tuple[TableContent, ...]
) -> tuple[str, ...]:
    return tuple(one.name for one, other in zip(contents, others, strict=True) if one != other)


def _contents(session: Session) -> tuple[TableContent, ...]:
    """Return what each table holds, parents before those whose rows refer to them."""
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
    """Yield a table's rows in the order of its key, JSON as the text that is stored."""
    keys: list[Any] = [column(key.name) for key in METADATA.tables[name].primary_key]
    query: Select[Any] = select(_plain(name)).order_by(*keys)
    rows = session.execute(query.execution_options(yield_per=PAGE)).mappings()
    for page in rows.partitions():
        yield [dict(row) for row in page]


def _plain(name: str) -> Any:
    """Return a table whose JSON is text: copied as it was hashed, not parsed and written anew."""
    columns = METADATA.tables[name].columns
    return table(
        name,
        *(
            column(it.name, Text() if isinstance(it.type, CanonicalJson) else it.type)
            for it in columns
        ),
    )


def _place(database: Database) -> object:
    """Return where a database is, whatever its URL looks like."""
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
    """Put the notes of the chains' ends beside a file in another folder that has none yet."""
    file = _file_of(target)
    if notes is None or file is None or source.checkpoints is None:
        return None
    path = file.with_name(source.checkpoints.path.name)
    if path.exists():
        return None
    with written_atomically(path) as temporary:
        temporary.write_bytes(notes)
    return path
