"""Parity: whether live logged features equal, bit for bit, those recomputed from the bars."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from ml_core.health.parity import Difference

_MOST_NAMED = 20


def differences(
    logged: Mapping[str, float | None], now: Mapping[str, float | None]
) -> tuple[Difference, ...]:
    """Return every feature whose bits differ, including those only on one side.

    >>> differences({"a": 0.1, "b": None}, {"a": 0.1, "b": 0.0})
    (Difference(feature='b', logged=None, now=0.0),)
    """
    names = sorted({*logged, *now})
    pairs = ((name, logged.get(name), now.get(name)) for name in names)
    return tuple(Difference(*pair) for pair in pairs if _bits(pair[1]) != _bits(pair[2]))


def first_in_words(changes: Iterable[object]) -> tuple[str, ...]:
    """Return the first changes in words, and the number of further ones."""
    words = [str(change) for change in changes]
    rest = len(words) - _MOST_NAMED
    return (*words[:_MOST_NAMED], *([f"and {rest:,} more bars"] if rest > 0 else []))


def _bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)
