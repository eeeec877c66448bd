"""Numbers as people write them: with a point or a comma, with or without thousands separators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.on_demand import library

pd = library("pandas")

_GROUPS = r"^[+-]?\d{1,3}(\%s\d{3})+(\%s\d*)?$"
_SPACED = r"^[+-]?\d{1,3}([ '\x{00A0}\x{202F}\x{2019}]\d{3})+([.,]\d*)?$"
_SPACE = r"[ '\x{00A0}\x{202F}\x{2019}]"
_TWO_GROUPS = r"^[+-]?\d{1,3}(\%s\d{3}){2,}$"


@dataclass(frozen=True, slots=True)
class Marks:
    """The decimal mark of a file, and its thousands separator if it surely has one."""

    decimal: str = "."
    thousands: str | None = None


class UnsureMarkError(ValueError):
    """A column of numbers can be read in two ways."""

    def __init__(self, column: str, value: str) -> None:
        super().__init__(column, value)
        self.column, self.value = column, value


Decimal = Literal[".", ","]
"""The mark before the decimals."""

_MARKS: dict[Decimal, Marks] = {".": Marks(".", ","), ",": Marks(",", ".")}


def read_numbers(
    columns: Mapping[str, pa.ChunkedArray], decimal: Decimal | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of text columns, each of shape (rows,), NaN where there is none.

    Thousands may also be separated by blanks or apostrophes. A mark in a position where thousands
    are never separated, as in ``2055,5``, is the decimal mark of the file unless ``decimal`` is
    given, and the other mark separates thousands. ``21,250`` alone is ambiguous and not read as a
    number.

    Raises
    ------
    UnsureMarkError
        Most values of a column are like ``21,250``, and no other value resolves the ambiguity.
    """
    if decimal != "," and (numbers := _cast(columns)) is not None:
        return numbers
    text = {name: pc.utf8_trim_whitespace(column) for name, column in columns.items()}
    text = {name: _without_spaces(column) for name, column in text.items()}
    if decimal != "," and (numbers := _cast(text)) is not None:
        return numbers
    marks = _MARKS[decimal] if decimal else _marks_of(text.values())
    if marks == Marks():
        _refuse_unsure(text)
    return {name: _numbers(column, marks) for name, column in text.items()}


def _refuse_unsure(text: Mapping[str, pa.ChunkedArray]) -> None:
    """Refuse a column if most of its values, such as ``21,250``, can be read in two ways."""
    if any(_any(column, r"\.") for column in text.values()):
        return
    for name, column in text.items():
        unsure = pc.match_substring_regex(column, _GROUPS % (",", "."))
        if 2 * (pc.sum(unsure).as_py() or 0) > len(column):
            raise UnsureMarkError(name, column.filter(unsure)[0].as_py())


def _cast(columns: Mapping[str, pa.ChunkedArray]) -> dict[str, NDArray[np.float64]] | None:
    """Return the numbers of unambiguous columns, as nearly all are; otherwise None."""
    try:
        return {name: _filled(column.cast(pa.float64())) for name, column in columns.items()}
    except pa.ArrowInvalid:
        return None


def _without_spaces(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Remove the blanks and apostrophes that separate thousands."""
    spaced = pc.match_substring_regex(text, _SPACED)
    return pc.if_else(spaced, pc.replace_substring_regex(text, _SPACE, ""), text)


def _marks_of(columns: Iterable[pa.ChunkedArray]) -> Marks:
    """Return the marks that a file's numbers imply."""
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


def _any(column: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())


def _numbers(text: pa.ChunkedArray, marks: Marks) -> NDArray[np.float64]:
    if marks.thousands is not None:
        grouped = pc.match_substring_regex(text, _GROUPS % (marks.thousands, marks.decimal))
        text = pc.if_else(grouped, pc.replace_substring(text, marks.thousands, ""), text)
    if marks.decimal == ",":
        # a remaining point can only separate thousands and is not a number here
        pointed = pc.match_substring(text, ".")
        text = pc.if_else(pointed, None, pc.replace_substring(text, ",", "."))
    try:
        return _filled(text.cast(pa.float64()))
    except pa.ArrowInvalid:
        values = pd.to_numeric(text.to_pandas().astype("object"), errors="coerce")
        numbers: NDArray[np.float64] = values.to_numpy(np.float64)
        return numbers


def _filled(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = pc.fill_null(column, float("nan")).to_numpy()
    return values
