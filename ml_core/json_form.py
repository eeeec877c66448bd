"""Reads typed results from the JSON form that ``json_values`` writes."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter

from ml_core.json_values import finite_or_none

T = TypeVar("T")

Figure = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(finite_or_none),
]
"""A number that may be missing: NaN in memory, null in JSON (JSON has no NaN)."""


_adapters: dict[type[Any], TypeAdapter[Any]] = {}  # creating one takes milliseconds


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def from_json(kind: type[T], values: Any) -> T:
    """Return the typed result that :func:`ml_core.json_values.json_values` wrote.

    Raises
    ------
    pydantic.ValidationError
        ``values`` do not have this form; the error names each invalid field.
    """
    made: T = _adapter(kind).validate_python(values)
    return made
