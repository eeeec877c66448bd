"""A table as a hash chain: each row's hash covers its values and the hash of the row before it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Float, Row, Text, func, select, type_coerce
from sqlalchemy.orm import Session

from registry.tables import CanonicalJson, OutcomeRow, PredictionRow, RolloutRow, canonical

GENESIS = "0" * 64
"""What the first row follows."""

_PAGE = 2_000
_WHICH = ("market", "trading_day", "opening_range", "kind", "stage")
_PLAIN = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

ChainedRow = type[PredictionRow | OutcomeRow | RolloutRow]


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: rows in all, and the last one's hash."""

    rows: int
    row_hash: str


class Chain:
    """How a table is chained.

    Parameters
    ----------
    noun
        What a row is called, such as ``prediction``.
    table
        Its rows; they follow each other by ``id``.
    names
        The columns that a row's hash covers.
    """

    def __init__(self, noun: str, table: ChainedRow, names: tuple[str, ...]) -> None:
        self.noun, self.table, self.names = noun, table, tuple(sorted(names))
        columns = table.__table__.columns
        self._numbers = {each for each in names if isinstance(columns[each].type, Float)}
        self._texts = {each for each in names if isinstance(columns[each].type, CanonicalJson)}
        self._groups = [
            (is_text, tuple(group))
            for is_text, group in groupby(self.names, key=self._texts.__contains__)
        ]

    def head(self, session: Session) -> Head:
        """Give the chain's end."""
        rows = session.scalar(select(func.count()).select_from(self.table)) or 0
        last = select(self.table.row_hash).order_by(self.table.id.desc()).limit(1)
        return Head(rows, session.scalars(last).first() or GENESIS)

    def has(self, session: Session, row_hash: str) -> bool:
        """Tell whether a row with this hash, or one that begins with it, stands in the chain."""
        if row_hash == GENESIS:
            return True
        found = self.table.row_hash.startswith(row_hash, autoescape=True)
        return session.scalars(select(self.table.id).where(found)).first() is not None

    def standing(self, session: Session, hashes: list[str]) -> set[str]:
        """Give those of the hashes whose rows stand in the chain."""
        found: set[str] = set()
        for start in range(0, len(hashes), 500):
            some = self.table.row_hash.in_(hashes[start : start + 500])
            found.update(session.scalars(select(self.table.row_hash).where(some)))
        return found

    def append(self, session: Session, values: Mapping[str, Any], after: str) -> str:
        """Add a row behind the one whose hash is ``after``; give the new row's hash."""
        stored = self.stored(values)
        digest = self.row_hash(stored, after)
        session.add(self.table(**stored, previous_hash=after, row_hash=digest))
        session.flush()
        return digest

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give values as every database gives them back: numbers as floats, none infinite."""
        return {name: self._storable(name, value) for name, value in values.items()}

    def row_hash(self, values: Mapping[str, Any], previous: str) -> str:
        """Give the hash of a row: SHA-256, hex, of the previous hash and the canonical JSON."""
        stored = self.stored(values)
        plain = {name: _plain(stored[name]) for name in self.names}
        return hashlib.sha256((previous + canonical(plain)).encode()).hexdigest()

    def faults(self, session: Session) -> Iterator[str]:
        """Name every row that was edited, and every place where one is gone or moved."""
        previous, number = GENESIS, None
        while page := self._page(session, number):
            for row in page:
                number = row.id
                if row.previous_hash != previous:
                    yield (
                        f"{self._name(session, number)} does not follow the row before it: "
                        "one is gone or moved"
                    )
                if not self._as_written(row):
                    yield from self._edited(session, number)
                previous = row.row_hash

    def _page(self, session: Session, after: int | None) -> list[Row[Any]]:
        """Give the next rows with nothing but their hashes read, so that none can fail."""
        columns = self.table.__table__.columns
        wanted = [
            # as stored, so that one unreadable value does not spoil the page
            type_coerce(columns[name], Text).label(name) if name in self._texts else columns[name]
            for name in self.names
        ]
        fixed = (self.table.id, self.table.previous_hash, self.table.row_hash)
        return self._rows(session, select(*fixed, *wanted), after)

    def _rows(self, session: Session, query: Any, after: int | None) -> list[Row[Any]]:
        if after is not None:
            query = query.where(self.table.id > after)
        try:
            return list(session.execute(query.order_by(self.table.id).limit(_PAGE)))
        except (ValueError, TypeError):
            # a time or day that cannot be read: take this page's rows by their hashes alone
            bare = select(self.table.id, self.table.previous_hash, self.table.row_hash)
            if after is not None:
                bare = bare.where(self.table.id > after)
            return list(session.execute(bare.order_by(self.table.id).limit(_PAGE)))

    def _as_written(self, row: Row[Any]) -> bool:
        """Tell, without taking its JSON apart, whether a row is as it was written.

        The stored text of a JSON column is put where the column's value stood when the hash was
        taken. It must be JSON by itself: then no other reading of the hashed text is possible.
        """
        values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
        if len(values) <= len(self.names):
            return False
        parts = []
        try:
            for is_text, names in self._groups:
                if not is_text:
                    parts.append(_PLAIN.encode({each: _plain(values[each]) for each in names}))
                    continue
                for name in names:
                    json.loads(values[name])
                    parts.append(f'{{"{name}":{values[name]}}}')
        except (ValueError, TypeError):
            return False
        text = "{" + ",".join(each[1:-1] for each in parts) + "}"
        digest = hashlib.sha256((row.previous_hash + text).encode()).hexdigest()
        return bool(digest == row.row_hash)

    def _edited(self, session: Session, number: int) -> Iterator[str]:
        """Read one row with care and say what is wrong with it, if anything is."""
        try:
            row: Any = session.get_one(self.table, number)
        except (ValueError, TypeError) as error:
            yield f"{self.noun} {number} was edited: it cannot be read ({error})"
            return
        values = {name: getattr(row, name) for name in self.names}
        if self.row_hash(values, row.previous_hash) != row.row_hash:
            yield f"{self._name(session, number)} was edited"
        session.expunge(row)

    def _name(self, session: Session, number: int) -> str:
        try:
            row: Any = session.get_one(self.table, number)
        except (ValueError, TypeError):
            return f"{self.noun} {number}"
        what = [getattr(row, each) for each in _WHICH if hasattr(row, each)]
        return f"{self.noun} {number} ({':'.join(map(str, what))})"

    def _storable(self, name: str, value: Any) -> Any:
        if name not in self._numbers or value is None:
            return value
        number = float(value)
        return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
