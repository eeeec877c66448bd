"""Records and their rows: each field of a record is the column with the same name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from registry.database import Database


class Record(Protocol):
    """A dataclass whose fields are columns."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Record)


def record_of(kind: type[R], row: Any, **beside: Any) -> R:
    """Return a row as a record; ``beside`` holds the fields that have no column."""
    names = (field.name for field in fields(kind) if field.name not in beside)
    return kind(**{name: getattr(row, name) for name in names}, **beside)


def records_in(session: Session, kind: type[R], query: Select[Any]) -> Iterator[R]:
    """Yield the rows of a query as records."""
    return (record_of(kind, row) for row in session.scalars(query))


def read_records(database: Database, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
    """Return the rows of a query as records, without holding up a writer.

    Parameters
    ----------
    database
        The database with the rows.
    kind
        The records' dataclass.
    query
        Query for rows of one table, in order.

    Returns
    -------
    tuple
        As many records as rows. Times are aware UTC.

    Raises
    ------
    BusyDatabaseError
        The connection to the server was lost.
    """
    with database.reading() as session:
        return tuple(records_in(session, kind, query))


def read_first(database: Database, kind: type[R], query: Select[Any]) -> R | None:
    """Return the first row of a query as a record; None without one. See :func:`read_records`."""
    return next(iter(read_records(database, kind, query.limit(1))), None)
