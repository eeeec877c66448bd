"""Reads a file of executions as text: finds its header, its rows with lines, its columns."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ml_core.bars.sources.text.text_file import plain_text
from ml_core.errors import InputError
from ml_core.fills.layouts import FIELDS, GENERIC, LAYOUTS, NEEDED, FillLayout, layouts_of

_DELIMITERS = (",", ";", "\t", "|")
_LINES_ABOVE = 60
"""Maximum number of lines above a header, such as a report's title."""


class FillsFileError(InputError):
    """The file of executions cannot be used."""

    path: str
    fault: str
    remedy: str
    template = "{path}: {fault}; {remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """A row: its line in the file, from 1, and its cells by column."""

    line: int
    cells: Mapping[str, str]

    def text(self, column: str | None) -> str:
        """Return a cell without surrounding blanks; "" if there is none."""
        return self.cells.get(column, "").strip() if column else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A file's rows, its layout, and the column of each field that has one."""

    layout: FillLayout
    columns: Mapping[str, str]
    names: Mapping[str, str]
    rows: tuple[TextRow, ...]

    def column(self, name: str) -> str | None:
        """Return a column's name as in the file, by its lower-case name."""
        return self.names.get(name)


def read_table(
    path: Path,
    *,
    platform: str | None = None,
    columns: Mapping[str, str] | None = None,
    delimiter: str | None = None,
) -> TextTable:
    """Read a file of executions as text.

    Parameters
    ----------
    path
        CSV in any encoding, packed or not.
    platform
        Name of a layout; by default the one that matches the header.
    columns
        Maps fields to the file's columns; overrides the layout's.
    delimiter
        Separator of the cells; by default detected from the header.

    Raises
    ------
    FillsFileError, SourceError
        The file is not text, has no header of executions, matches two platforms, or lacks a
        column.
    """
    if platform is not None and platform not in LAYOUTS:
        fault = f"there is no platform {platform!r}"
        raise FillsFileError(str(path), fault, f"use one of {', '.join(LAYOUTS)}")
    named = dict(columns or {})
    with plain_text(path) as text:
        lines = _lines(path, text, delimiter)
    place = _header_place(lines, named)
    if place is None:
        fault = "has no header of executions"
        remedy = "name its columns: --columns time=...,side=...,quantity=...,price=..."
        raise FillsFileError(str(path), fault, f"{remedy}; or give --delimiter")
    header = [name.strip() for name in lines[place][1]]
    layout = _layout(path, header, platform)
    rows = tuple(
        TextRow(line=line, cells=dict(zip(header, cells, strict=False)))
        for line, cells in lines[place + 1 :]
        if any(cell.strip() for cell in cells)
    )
    if not rows:
        raise FillsFileError(str(path), "has a header and no row", "export it again")
    names = {name.lower(): name for name in reversed(header)}
    columns = _columns(path, header, names, layout, named)
    _require_single(path, header, columns)
    return TextTable(layout=layout, columns=columns, names=names, rows=rows)


def _lines(path: Path, text: Path, delimiter: str | None) -> list[tuple[int, list[str]]]:
    with text.open(encoding="utf-8-sig", newline="") as file:
        start = file.read(1 << 16)
        file.seek(0)
        mark = delimiter or _delimiter(start)
        try:
            return _cells(path, file, mark)
        except (csv.Error, TypeError) as error:
            fault = f"cannot be read as CSV ({error})"
            raise FillsFileError(
                str(path), fault, "export it again, or give --delimiter"
            ) from error


def _cells(path: Path, file: TextIO, mark: str) -> list[tuple[int, list[str]]]:
    """Return each row with its line; refuse a quotation mark that is never closed.

    It would take all lines after it into one cell. Other errors in quotation marks are tolerated.
    """
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(file, delimiter=mark, strict=True)
    try:
        rows.extend((reader.line_num, cells) for cells in reader)
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            fault = f"row {len(rows) + 1}: a quotation mark is not closed"
            remedy = "close or delete it, or export the file again"
            raise FillsFileError(str(path), fault, remedy) from error
        file.seek(0)
        reader = csv.reader(file, delimiter=mark, strict=False)
        rows = [(reader.line_num, cells) for cells in reader]
    return rows


def _delimiter(start: str) -> str:
    """Return the separator in the line with the most cells."""
    lines = start.splitlines()[:_LINES_ABOVE]
    counts = {mark: max((line.count(mark) for line in lines), default=0) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _header_place(lines: Sequence[tuple[int, list[str]]], named: Mapping[str, str]) -> int | None:
    """Return the position of the header: a platform's, else one with usual or named columns."""
    above = lines[:_LINES_ABOVE]
    for is_header in (
        layouts_of,
        lambda cells: _generic(cells, named),
    ):
        for place, (_, cells) in enumerate(above):
            if is_header(cells):
                return place
    return None


def _generic(cells: Sequence[str], named: Mapping[str, str]) -> bool:
    names = {cell.strip().lower() for cell in cells}
    if any(column.lower() in names for column in named.values()):
        return True
    return sum(bool(names & set(GENERIC.columns[field])) for field in NEEDED) >= len(NEEDED) - 1


def _layout(path: Path, header: Sequence[str], platform: str | None) -> FillLayout:
    if platform is not None:
        return LAYOUTS[platform]
    possible = layouts_of(header)
    if len(possible) > 1:
        names = " or ".join(layout.name for layout in possible)
        fault = f"its header may be of {names}"
        raise FillsFileError(str(path), fault, "give one with --platform")
    return possible[0] if possible else GENERIC


def _columns(
    path: Path,
    header: Sequence[str],
    names: Mapping[str, str],
    layout: FillLayout,
    named: Mapping[str, str],
) -> dict[str, str]:
    """Return the column of each field that has one."""
    present = ", ".join(name for name in header if name)
    columns: dict[str, str] = {}
    for field, column in named.items():
        if field not in FIELDS:
            fault = f"--columns names {field!r}, which is not a field"
            raise FillsFileError(str(path), fault, f"map one of {', '.join(FIELDS)}")
        if column and column.lower() not in names:
            fault = f"has no column {column!r} for {field}"
            raise FillsFileError(str(path), fault, f"name one of {present}")
        if column:
            columns[field] = names[column.lower()]
    for field, choices in layout.columns.items():
        if field in named or (field == "date" and "time" in named):
            continue
        if (first := _first(choices, names)) is not None:
            columns[field] = first
    if "date" in columns and "time" not in columns:
        columns["time"] = columns.pop("date")
    missing = [field for field in NEEDED if field not in columns]
    if missing:
        fault = f"lacks a column of {', '.join(missing)}"
        remedy = f"map it with --columns {missing[0]}=...; there are {present}"
        raise FillsFileError(str(path), fault, remedy)
    return columns


def _require_single(path: Path, header: Sequence[str], columns: Mapping[str, str]) -> None:
    for field, column in columns.items():
        places = [str(place) for place, name in enumerate(header, 1) if name == column]
        if len(places) > 1:
            fault = f"has {len(places)} columns named {column!r} ({field}): {', '.join(places)}"
            raise FillsFileError(str(path), fault, "rename all but the right one in its header")


def _first(choices: Sequence[str], names: Mapping[str, str]) -> str | None:
    for choice in choices:
        if not choice.endswith("*"):
            if choice in names:
                return names[choice]
            continue
        matches = [name for name in names if name.startswith(choice[:-1])]
        if len(matches) == 1:
            return names[matches[0]]
    return None
