"""Reads times, numbers and sides as platforms write them; ambiguous ones raise an error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.text.number_text import Decimal, UnsureMarkError, read_numbers
from ml_core.bars.sources.time_text import WrittenTimes, formats_of, parse_format, parse_year_first
from ml_core.fills.fill import Action
from ml_core.fills.table import FillsFileError
from ml_core.market.market import is_zone

SIDES: Mapping[str, Action] = {
    **dict.fromkeys(("buy", "b", "bot", "bought", "buy to cover", "buytocover", "bc"), "buy"),
    **dict.fromkeys(("sell", "s", "sld", "sold", "sell short", "sellshort", "ss"), "sell"),
}
"""Lower-case words for the sides."""

_BETWEEN = re.compile(r"(?<=\d)\s*[;,]\s*(?=\d)")
"""The separator Interactive Brokers writes between date and time."""
_MONEY = re.compile(r"[$\u20ac\u00a3]|\b[A-Z]{3}\b")
_MOST_LETTERS = 60


def read_moments(
    path: str,
    column: str,
    texts: Sequence[str],
    lines: Sequence[int],
    *,
    zone: str | None,
    time_format: str | None,
) -> tuple[list[datetime | None], list[str], bool]:
    """Read times.

    Parameters
    ----------
    path, column
        The file and the column, for errors.
    texts, lines
        Shape (n,): the texts, and their lines.
    zone
        Zone of times without one.
    time_format
        strptime format; by default times that begin with the year, or the only order of day, month
        and year that fits all of them.

    Returns
    -------
    moments, faults, needed_zone
        Aware UTC or None; the reason for None, otherwise ""; whether ``zone`` was used.

    Raises
    ------
    FillsFileError
        Times have no zone and none is given, or the order of days and months is ambiguous.
    """
    if zone is not None and not is_zone(zone):
        raise FillsFileError(path, f"there is no zone {zone!r}", "use an IANA name such as UTC")
    clean = [_BETWEEN.sub(" ", text) for text in texts]
    time_format = time_format or _format_of_times(path, column, clean, lines)
    column_of_text = pa.chunked_array([pa.array(clean, pa.string())])
    try:
        if time_format is None:
            written = parse_year_first(column_of_text, path)
        else:
            written = parse_format(column_of_text, time_format, path)
    except SourceError as error:
        raise FillsFileError(path, error.fault, error.remedy) from error
    local = written.good & ~written.zoned
    if local.any() and zone is None:
        first = int(np.flatnonzero(local)[0])
        fault = f"line {lines[first]}: {column} {texts[first]!r:.40} has no zone"
        raise FillsFileError(path, fault, "give --zone (the platform's, such as America/Chicago)")
    moments = written.moments.copy()
    unread = "is not a readable time" if time_format is None else f"is not like {time_format}"
    faults = np.where(written.good, "", unread).astype(object)
    if local.any():
        clock = np.where(local, written.moments, np.datetime64("NaT", "us"))
        read = WrittenTimes.local(clock, str(zone))
        moments[local] = read.moments[local]
        faults[read.skipped] = "is an hour that daylight saving leaves out"
        faults[read.repeated] = "is an hour that daylight saving repeats"
    moments[faults != ""] = np.datetime64("NaT")
    made = [None if value is None else value.replace(tzinfo=UTC) for value in moments.tolist()]
    return made, faults.tolist(), bool(local.any())


def _format_of_times(
    path: str, column: str, texts: Sequence[str], lines: Sequence[int]
) -> str | None:
    """Return the format of times that begin with day or month; None if the year comes first.

    Raises
    ------
    FillsFileError
        All of them fit two formats.
    """
    allowed: dict[str, int] = {}
    written = [(text, line) for text, line in zip(texts, lines, strict=True) if formats_of(text)]
    for text, _ in written:
        for name in formats_of(text):
            allowed[name] = allowed.get(name, 0) + 1
    if not written or 2 * len(written) < sum(map(bool, texts)):
        return None
    most = max(allowed.values())
    matching = [name for name, count in allowed.items() if count == most]
    if len(matching) > 1:
        text, line = written[0]
        proven = any(len(formats_of(text)) == 1 for text, _ in written)
        others = "and other lines prove both" if proven else "as may all others"
        fault = f"line {line}: {column} {text!r:.40} may be read two ways, {others}"
        remedy = "give --time-format " + " or ".join(f"{name!r}" for name in matching)
        raise FillsFileError(path, fault, remedy)
    return matching[0]


def read_amounts(
    path: str, columns: Mapping[str, Sequence[str]], decimal: Decimal | None
) -> dict[str, NDArray[np.float64]]:
    """Return the numbers of text columns, each of shape (n,), NaN where there is none.

    Currency signs are ignored, and parentheses around a number mean minus.

    Raises
    ------
    FillsFileError
        A column of numbers can be read in two ways.
    """
    text = {
        name: pa.chunked_array([pa.array([_normalized(value) for value in values], pa.string())])
        for name, values in columns.items()
    }
    try:
        return read_numbers(text, decimal)
    except UnsureMarkError as error:
        fault = f"{error.column} {error.value!r:.40} may be a number of thousands or a fraction"
        remedy = "give the decimal separator: --decimal , or --decimal ."
        raise FillsFileError(path, fault, remedy) from error


def _normalized(written: str) -> str | None:
    text = _MONEY.sub("", written[:_MOST_LETTERS]).replace("\N{MINUS SIGN}", "-").strip()
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1].strip()}"
    if text.startswith("- "):
        text = f"-{text[2:].strip()}"
    return text or None
