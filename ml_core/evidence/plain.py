"""Results as plain values, ready for JSON."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Return dicts, lists and numbers as they are, tuples as lists, NaN and infinity as None.

    >>> plain({"a": (1.0, float("nan"))})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
