"""A table as a hash chain: each row's hash covers its values and the hash of the row before it.

Rows are appended within :meth:`registry.database.Database.session`, which lets one unit of work
run at a time, on SQLite and on PostgreSQL: the row that a new one follows is still the last one
when the new one is committed. Then the new end is noted outside the database.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import msgspec
import orjson
from sqlalchemy import Date, Float, Text, func, select, type_coerce
from sqlalchemy.orm import Session

from registry.chains.chain_checkpoints import NotedHead
from registry.tables.base import (
    CanonicalJson,
    Chained,
    UnreadableValueError,
    UtcDateTime,
    canonical,
)

GENESIS = "0" * 64
"""The previous hash of the first row."""

_ONE_VALUE = msgspec.json.Decoder(msgspec.Raw)
"""Checks that a text is one value of JSON, without building it: a third of the time."""

_PAGE = 200
_ASKED_AT_ONCE = 500
_WHICH = ("market", "name", "alias", "trading_day", "opening_range", "kind", "stage")
_OF_CHAIN = frozenset({"id", "previous_hash", "row_hash"})
_NEW_HEADS = "new heads"
LATEST_NOTE = "latest note"
"""Key in a session's ``info``: a function from a chain's name to the last note of its end."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its number of rows, and the hash of the last one."""

    rows: int
    row_hash: str


BEGINNING = Head(0, GENESIS)
"""The end of a chain without rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Result of a walk through a chain.

    Attributes
    ----------
    faults
        A line for every row that was edited, and where a row is gone or was moved.
    end
        The chain's end.
    places
        The places of the wanted hashes that are in the chain, from 1; None where the walk began
        after them, so that they were not counted.
    """

    faults: tuple[str, ...]
    end: Head
    places: Mapping[str, int | None]


class Chain:
    """The hash chain of a table.

    Parameters
    ----------
    table
        The table; its rows are chained in the order of ``id``.
    names
        The columns that a row's hash covers; if left out, all but the chain's own columns.
    """

    def __init__(self, table: type[Chained], names: Collection[str] | None = None) -> None:
        self.table: Any = table
        columns = self._columns = self.table.__table__.columns
        names = {column.name for column in columns} - _OF_CHAIN if names is None else names
        self.name = str(self.table.__tablename__)
        self.noun = table.noun or f"{self.name} row"
        self.names = tuple(sorted(names))
        self._if_given = table.if_given & set(names)
        self._numbers = {name for name in names if isinstance(columns[name].type, Float)}
        self._texts = sorted(
            name for name in names if isinstance(columns[name].type, CanonicalJson)
        )
        self._days = [name for name in names if isinstance(columns[name].type, Date)]
        self._times = [name for name in names if isinstance(columns[name].type, UtcDateTime)]
        bare = {*self._texts, *self._days, *self._times}
        # raw values of the driver: an unreadable value then fails its own row and not the page
        self._rows = select(
            *(columns[column] for column in ("id", "previous_hash", "row_hash")),
            *(type_coerce(columns[e], Text) if e in bare else columns[e] for e in self.names),
        ).order_by(columns["id"])

    def head(self, session: Session) -> Head:
        """Return the chain's end; every row is counted."""
        rows = session.scalar(select(func.count()).select_from(self.table)) or 0
        return Head(rows, self.last_hash(session))

    def end(self, session: Session) -> Head:
        """Return the chain's end as the next row's unit of work needs it.

        Only the rows after the last noted end are counted, so that an append takes as long in a
        table of ten million rows as in a small one. Rows that are gone from before it are found by
        the verification, which counts and links all of them.
        """
        announced = session.info.get(_NEW_HEADS, {}).get(self.name)
        if announced is not None:  # appended in this unit of work, which runs alone
            return Head(announced.rows, announced.row_hash)
        noted = session.info[LATEST_NOTE](self.name) if LATEST_NOTE in session.info else None
        if noted is None or not (start := self.id_of(session, noted.row_hash)):
            return self.head(session)
        later = select(func.count()).where(self._columns["id"] > start)
        return Head(noted.rows + (session.scalar(later) or 0), self.last_hash(session))

    def last_hash(self, session: Session) -> str:
        """Return the hash of the last row, or the genesis hash if there is none."""
        last = select(self.table.row_hash).order_by(self.table.id.desc()).limit(1)
        return session.scalars(last).first() or GENESIS

    def has(self, session: Session, row_hash: str) -> bool:
        """Return whether the chain has a row whose hash is this one or begins with it."""
        if row_hash == GENESIS:
            return True
        condition = self.table.row_hash.startswith(row_hash, autoescape=True)
        return session.scalars(select(self.table.id).where(condition)).first() is not None

    def append(
        self, session: Session, values: Mapping[str, Any], after: Head | None = None
    ) -> Head:
        """Append a row at the end of the chain, ``after`` if it is known; return the new end."""
        end = after or self.end(session)
        stored = self.stored(values)
        digest = self.row_hash(stored, end.row_hash)
        session.add(self.table(**stored, previous_hash=end.row_hash, row_hash=digest))
        session.flush()
        head = Head(end.rows + 1, digest)
        self._announce(session, head, stored[self.table.dated_by])
        return head

    def _announce(self, session: Session, head: Head, at: datetime) -> None:
        """Store the new end in the unit of work, dated by the latest of its rows."""
        ends: dict[str, NotedHead] = session.info.setdefault(_NEW_HEADS, {})
        latest = max(ends[self.name].at, at) if self.name in ends else at
        ends[self.name] = NotedHead(
            chain=self.name, rows=head.rows, row_hash=head.row_hash, at=latest
        )

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as every database returns them: numbers as floats, None if not finite."""
        return {name: self._storable(name, value) for name, value in values.items()}

    def row_hash(self, values: Mapping[str, Any], previous: str) -> str:
        """Return the hash of a row: SHA-256, hex, of the previous hash and the canonical JSON."""
        stored = self.stored(values)
        hashed_values = {
            name: _time_as_text(stored[name])
            for name in self.names
            if not (name in self._if_given and stored[name] == "")
        }
        return hashlib.sha256((previous + canonical(hashed_values)).encode()).hexdigest()

    def faults(self, session: Session) -> tuple[str, ...]:
        """Return a line for every row that was edited, and where a row is gone or was moved."""
        return self.walk(session).faults

    def walk(
        self, session: Session, after: Head = BEGINNING, wanted: Collection[str] = ()
    ) -> Walk:
        """Check the rows in order, and note the places of some on the way.

        Parameters
        ----------
        session
            A session that reads the database.
        after
            An earlier head of the chain: its row and the later ones are checked. Of the rows
            before it only the number is compared with the head's.
        wanted
            Hashes of rows whose places are returned.
        """
        faults: list[str] = []
        start = self.id_of(session, after.row_hash)
        previous: str | None = GENESIS
        query, earlier = self._rows, 0
        if start:
            previous, query = None, self._rows.where(self._columns["id"] >= start)
            earlier = self._rows_up_to(session, start)
            if earlier != after.rows:
                faults.append(
                    f"{self.name} has {earlier:,} rows up to the sealed checkpoint, which counted "
                    f"{after.rows:,}: some are missing or were inserted"
                )
        elif after.rows:
            faults.append(
                f"{self.name} row {after.rows:,} is not the one that was sealed: it was edited, "
                "or rows are missing"
            )
        unplaced, places = frozenset(wanted), dict[str, int | None]()
        place, digest, first = 0, GENESIS, max(1, earlier)
        # in parts, so that a large table needs no more memory
        with session.connection().execute(query, execution_options={"yield_per": _PAGE}) as rows:
            for place, row in enumerate(rows, first):
                number, follows, digest = row[:3]
                if previous is not None and follows != previous:
                    faults.append(
                        f"{self._name(session, number)} does not follow the row before it: "
                        "one is missing or was moved"
                    )
                if not self._as_written(row):
                    faults.extend(self._edited(session, number))
                if digest in unplaced:
                    places[digest] = place
                previous = digest
        if start:
            sealed = self._up_to(session, unplaced - places.keys() | {after.row_hash}, start)
            places |= dict.fromkeys(sealed)
        return Walk(faults=tuple(faults), end=Head(place, digest), places=places)

    def _rows_up_to(self, session: Session, start: int) -> int:
        count = select(func.count()).where(self._columns["id"] <= start)
        return session.scalar(count) or 0

    def _as_written(self, row: Sequence[Any]) -> bool:
        """Return whether a row is as it was written, without parsing and re-encoding its JSON.

        The stored text of a JSON column is inserted where the column's value was when the hash was
        made. It must be valid JSON by itself: then the hashed text can be read in one way only.

        False does not mean edited: a value that is written in another way than here, such as
        1e-05, is read in full by :meth:`_edited`.
        """
        values: dict[str, Any] = dict(zip(self.names, row[3:], strict=True))
        for name in self._if_given:
            if values[name] == "":
                del values[name]
        try:
            for name in self._days:
                values[name] = values[name] and str(values[name])
            for name in self._times:
                values[name] = _time(values[name])
            for name in self._numbers:
                if (number := values[name]) is not None and not math.isfinite(number):
                    return False  # it would be written as null
            for name in self._texts:
                _ONE_VALUE.decode(values[name])
                values[name] = orjson.Fragment(values[name])
            text = orjson.dumps(values)
        except (ValueError, TypeError, KeyError, RecursionError):
            return False
        return hashlib.sha256(str(row[1]).encode() + text).hexdigest() == str(row[2])

    def id_of(self, session: Session, row_hash: str) -> int | None:
        """Return the ``id`` of the row with a hash; 0 for the genesis hash, None without one."""
        if row_hash == GENESIS:
            return 0
        query = select(self._columns["id"]).where(self._columns["row_hash"] == row_hash)
        return session.scalar(query)

    def _up_to(self, session: Session, hashes: Collection[str], start: int) -> Iterator[str]:
        """Yield the hashes that are in the chain up to a row."""
        column = self._columns["row_hash"]
        ordered = sorted(hashes)
        for first in range(0, len(ordered), _ASKED_AT_ONCE):
            some = column.in_(ordered[first : first + _ASKED_AT_ONCE])
            yield from session.scalars(select(column).where(some, self._columns["id"] <= start))

    def _edited(self, session: Session, number: int) -> Iterator[str]:
        """Read one row in full and yield what is wrong with it, if anything."""
        try:
            row = self._row(session, number)
        except (UnreadableValueError, ValueError, TypeError) as error:
            fault = error.fault if isinstance(error, UnreadableValueError) else error
            yield f"{self.noun} {number} was edited: it cannot be read ({fault})"
            return
        values = {name: getattr(row, name) for name in self.names}
        if self.row_hash(values, row.previous_hash) != row.row_hash:
            yield f"{self._name(session, number)} was edited"
        session.expunge(row)

    def _row(self, session: Session, number: int) -> Any:
        return session.scalars(select(self.table).where(self.table.id == number)).one()

    def _name(self, session: Session, number: int) -> str:
        try:
            row = self._row(session, number)
        except (ValueError, TypeError):
            return f"{self.noun} {number}"
        what = [getattr(row, name) for name in _WHICH if hasattr(row, name)]
        return f"{self.noun} {number} ({':'.join(map(str, what))})"

    def _storable(self, name: str, value: Any) -> Any:
        if name not in self._numbers or value is None:
            return value
        number = float(value)
        return number if math.isfinite(number) else None


@cache
def chain_of(table: type[Chained]) -> Chain:
    """Return the hash chain of a table."""
    return Chain(table)


def new_heads(session: Session) -> tuple[NotedHead, ...]:
    """Return the ends of the chains that a unit of work added rows to."""
    return tuple(session.info.get(_NEW_HEADS, {}).values())


def _time_as_text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _time(value: Any) -> str | None:
    """Return a time in UTC as ISO text: from SQLite's text, or from a driver's own value."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value).removesuffix(".000000").replace(" ", "T", 1) + "+00:00"
