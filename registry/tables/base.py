"""The base of the tables, and their column types."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import orjson
from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Dialect,
    Float,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from ml_core.errors import OperatorError
from ml_core.json_form import from_json
from ml_core.json_values import json_values

_SHOWN = 40
"""Number of characters shown of a value that cannot be read."""


class UnreadableValueError(OperatorError):
    """Error for a stored value that Orbcast cannot have written: it does not fit its column."""

    begins: str
    fault: str
    template = (
        "a row of the database has {begins!r} where other values belong ({fault}); `orbcast "
        "verify` names the table, and a backup has the row as it was"
    )


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times; naive ones are refused, and the zone that SQLite drops is restored."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a time to UTC."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; give an aware time")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time with its zone, UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CanonicalJson(TypeDecorator[Any]):
    """Plain values as canonical JSON text: sorted keys, no spaces, no NaN."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read."""
        del dialect
        if value is None:
            return None
        try:
            return self._read(value)
        except Exception as error:
            fault = (str(error).splitlines() or [""])[0]
            words = f"{type(error).__name__}: {fault}"
            raise UnreadableValueError(str(value)[:_SHOWN], words) from error

    def _read(self, text: str) -> Any:
        return orjson.loads(text)


class JsonOf(CanonicalJson):
    """A dataclass in its JSON form; its own ``from_json`` reads what earlier releases wrote."""

    cache_ok = True

    def __init__(self, kind: type[Any]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write."""
        return super().process_bind_param(json_values(value), dialect)

    def _read(self, text: str) -> Any:
        values = super()._read(text)
        own = getattr(self.kind, "from_json", None)
        return own(values) if own else from_json(self.kind, values)


def canonical(value: Any) -> str:
    """Return the canonical JSON text of plain values; a number that is not finite becomes null.

    >>> canonical({"b": 1, "a": [0.1, None, float("nan")]})
    '{"a":[0.1,null,null],"b":1}'
    """
    return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Base(DeclarativeBase):
    """Base of all tables; constraints have predictable names, so that migrations find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy requires this form
        datetime: UtcDateTime(),
        dict[str, Any]: CanonicalJson(),
        list[Any]: CanonicalJson(),
        date: Date(),
        str: String(200),
        float: Float(53),
        bool: Boolean(name="flag", create_constraint=False),
    }


class Chained(Base):
    """An append-only table, each row of which holds the hash of the row before it.

    Attributes
    ----------
    noun
        Name of a row in messages; the table's name if "".
    dated_by
        The column that says when a row was made.
    if_given
        Columns that a hash covers only where they are not "". Rows written before such a column
        existed keep their hash, and a value filled in or emptied later is still detected.
    """

    __abstract__ = True
    noun: ClassVar[str] = ""
    dated_by: ClassVar[str] = "at"
    if_given: ClassVar[frozenset[str]] = frozenset()

    previous_hash: Mapped[str] = mapped_column(unique=True, index=True)
    row_hash: Mapped[str] = mapped_column(unique=True, index=True)
