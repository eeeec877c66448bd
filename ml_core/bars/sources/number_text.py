"""Numbers as people write them: with a point or a comma, with or without marks of thousands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_GROUPS = r"^[+-]?\d{1,3}(\%s\d{3})+(\%s\d*)?$"
_TWO_GROUPS = r"^[+-]?\d{1,3}(\%s\d{3}){2,}$"


@dataclass(frozen=True, slots=True)
class Marks:
    """The decimal mark of a file, and its mark of thousands where it surely has one."""

    decimal: str = "."
    thousands: str | None = None


def marks_of(columns: Iterable[pa.ChunkedArray]) -> Marks:
    """Return the marks that a file's numbers show.

    A mark that stands where thousands never part, as in ``2055,5``, is the decimal mark of the
    file, and the other one parts thousands. ``21,250`` alone may be either, and shows nothing.
    """
    columns = list(columns)
    point, comma = (
        any(_has_sure_decimal(column, *marks) for column in columns) for marks in (".,", ",.")
    )
    if point and comma:
        return Marks(".")
    if point or comma:
        return Marks(".", ",") if point else Marks(",", ".")
    for decimal, thousands in (".,", ",."):
        if any(_any(column, _TWO_GROUPS % thousands) for column in columns):
            return Marks(decimal, thousands)
    return Marks(".")


def _has_sure_decimal(column: pa.ChunkedArray, mark: str, other: str) -> bool:
    marked = pc.match_substring(column, mark)
    groups = pc.match_substring_regex(column, _GROUPS % (mark, other))
    number = pc.match_substring_regex(column, r"^[+-]?[\d.,]+$")
    return bool(pc.any(pc.and_(number, pc.and_not(marked, groups))).as_py())


def numbers(column: pa.ChunkedArray, marks: Marks) -> NDArray[np.float64]:
    """Return numbers of text, shape (rows,), NaN where it is none: never a guess at a mark."""
    text = pc.utf8_trim_whitespace(column)
    if marks.thousands is not None:
        grouped = pc.match_substring_regex(text, _GROUPS % (marks.thousands, marks.decimal))
        plain = pc.replace_substring(text, marks.thousands, "")
        text = pc.if_else(grouped, plain, text)
    if marks.decimal == ",":
        # a point that is left can only part thousands, which is no number here
        pointed = pc.match_substring(text, ".")
        text = pc.if_else(pointed, None, pc.replace_substring(text, ",", "."))
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        import pandas as pd  # noqa: PLC0415 - only where a value is no number

        found: NDArray[np.float64] = pd.to_numeric(
            text.to_pandas().astype("object"), errors="coerce"
        ).to_numpy(np.float64)
        return found
    read: NDArray[np.float64] = pc.fill_null(values, float("nan")).to_numpy()
    return read


def _any(column: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())
