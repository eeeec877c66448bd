"""Converts values of any kind to JSON values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

INLINE = {"json": "beside"}
"""For a dataclass field: its own fields appear among those of its owner."""

OMIT_DEFAULT = {"json": "unless default"}
"""For a field that is left out if it has its default value."""

OMIT = {"json": "kept out"}
"""For a field that is not part of the JSON form."""


def parse_json(text: str | bytes, **options: Any) -> Any:
    """Return the value of a JSON text; ``options`` are those of :func:`json.loads`.

    Raises
    ------
    json.JSONDecodeError
        The text is not JSON, is nested too deeply, has a number with too many digits for Python,
        or contains half of a surrogate pair.
    UnicodeDecodeError
        The bytes are not text.
    """
    try:
        values = json.loads(text, **options)
        if ("\\u" if isinstance(text, str) else b"\\u") in text:  # type: ignore[operator]
            json.dumps(values, ensure_ascii=False).encode()  # fails for an unpaired surrogate
    except RecursionError as error:
        fault = "it nests too deeply"
        raise json.JSONDecodeError(fault, "", 0) from error
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    return values


def finite_or_none(value: float) -> float | None:
    """Return a number for JSON; None for NaN and infinity."""
    return float(value) if math.isfinite(value) else None


def json_values(value: object) -> Any:
    """Return a value in a form for JSON.

    A dataclass becomes its fields by name, followed by the properties named in
    ``json_properties``. A field's metadata can change this: an ``alias`` in JSON (as in pydantic),
    one of :data:`INLINE`, :data:`OMIT_DEFAULT` and :data:`OMIT`, or a function that is
    applied to the value. For any other form a class defines a method ``to_json``.

    >>> json_values({"at": datetime(2025, 6, 30, 9, tzinfo=UTC), "r": float("nan"), "n": (1, 2)})
    {'at': '2025-06-30T09:00:00+00:00', 'r': None, 'n': [1, 2]}
    """
    match value:
        case Enum():
            given: Any = value.value
        case None | bool() | int() | str():
            given = value
        case float():
            given = finite_or_none(value)
        case datetime():
            given = (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        case date():
            given = value.isoformat()
        case Mapping():
            given = {str(name): json_values(entry) for name, entry in value.items()}
        case list() | tuple():
            given = [json_values(entry) for entry in value]
        case AbstractSet():
            given = sorted((json_values(entry) for entry in value), key=str)
        case _ if is_dataclass(value):
            given = json_values(_form_of(value))
        case _:
            given = json_values(value.item()) if hasattr(value, "item") else str(value)
    return given


def field_values(value: Any) -> dict[str, Any]:
    """Return a dataclass's fields by name, with unconverted values."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _form_of(value: Any) -> Any:
    """Return a dataclass's own JSON form, or the one defined by its fields and properties."""
    if hasattr(value, "to_json"):
        return value.to_json()
    form: dict[str, Any] = {}
    for field in fields(value):
        part = getattr(value, field.name)
        match field.metadata.get("json"):
            case "beside":
                form |= json_values(part) or {}
            case "kept out":
                pass
            case "unless default" if part == field.default:
                pass
            case how:
                name = field.metadata.get("alias", field.name)
                form[name] = how(part) if callable(how) else part
    return form | {name: getattr(value, name) for name in getattr(value, "json_properties", ())}
