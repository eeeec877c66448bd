"""Bars pushed by a platform: read from a request, stored in a spool, read from it as batches.

A line of the spool is one row as pushed: its time of receipt, its layout, and its cells as text.
Zone, stamp and columns are applied when the spool is read, so that a wrong setting can be
corrected by reading again. A file holds the rows received on one UTC day.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ml_core.bars.arrow_values import MINUTE_US
from ml_core.bars.contract import RAW_SCHEMA, RawBatch, ReadingMethod, SourceError
from ml_core.bars.sources.columns import WHOSE
from ml_core.bars.sources.kind import Request, by_month, hash_of_rows
from ml_core.bars.sources.text.csv import TextReading, bars_of_text
from ml_core.bars.sources.text.layouts import layout_of
from ml_core.json_values import parse_json

SETTLED_AFTER = timedelta(seconds=60)
"""Delay after its minute from which a row counts that was last pushed within the minute."""

_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class PushedRow:
    """One row as pushed.

    Attributes
    ----------
    received
        Aware UTC.
    layout
        Name of its layout.
    cells
        Maps columns to text.
    line
        Line of the request, from 1.
    """

    received: datetime
    layout: str
    cells: dict[str, str]
    line: int = 0

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        """Its layout and its sorted columns: rows of one shape are read together."""
        return self.layout, tuple(sorted(self.cells))

    def to_line(self) -> bytes:
        """Return the row as a line of the spool."""
        values = {"at": self.received.isoformat(), "layout": self.layout, "cells": self.cells}
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> PushedRow:
        """Read the output of ``to_line``.

        Raises
        ------
        KeyError, TypeError, ValueError
            The line is not in this form.
        """
        values = parse_json(line)
        cells = dict(values["cells"])
        if not all(isinstance(text, str) for text in (values["layout"], *cells.values())):
            fault = "layout and cells are not all text"
            raise TypeError(fault)
        return cls(datetime.fromisoformat(values["at"]), values["layout"], cells)


class RequestError(SourceError):
    """The request cannot be read as rows.

    Attributes
    ----------
    line, field
        The location, as far as it is known.
    fault, remedy
        What is wrong and what to do.
    """

    source: str = "the request"
    fault: str = ""
    remedy: str = ""
    line: int | None = None
    field: str | None = None


def rows_of(body: bytes, received: datetime, reading: TextReading) -> list[PushedRow]:
    """Return the rows of a request: a JSON object, a list or lines of them, or lines of CSV.

    Raises
    ------
    SourceError
        The body has none of these forms.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(fault=f"is not UTF-8 ({error.reason})", remedy="send UTF-8") from error
    start = text.lstrip()[:1]
    if not start:
        raise RequestError(fault="is empty", remedy="send at least one bar")
    if start in {"{", "["}:
        return [
            PushedRow(received, "generic", _cells(values, number), number)
            for number, values in enumerate(_objects(text), 1)
        ]
    rows = list(_csv_rows(text, received, reading))
    if not rows:
        raise RequestError(fault="holds no bar", remedy="send a line for each bar, or JSON")
    return rows


def _objects(text: str) -> list[Any]:
    number_as_written = {"parse_float": str, "parse_int": str}
    try:
        whole = parse_json(text, **number_as_written)
    except json.JSONDecodeError as error:
        if "\n" not in text.strip():
            raise _no_json(error, error.lineno) from error
        return list(_json_lines(text, number_as_written))
    if isinstance(whole, dict) and isinstance(whole.get("bars"), list):
        whole = whole["bars"]
    return whole if isinstance(whole, list) else [whole]


def _json_lines(text: str, number_as_written: dict[str, Any]) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield parse_json(line, **number_as_written)
            except json.JSONDecodeError as error:
                raise _no_json(error, number) from error


def _no_json(error: json.JSONDecodeError, line: int) -> RequestError:
    fault = f"is not JSON ({error.msg})"
    return RequestError(fault=fault, remedy="send an object for each bar", line=line)


def _cells(values: Any, line: int) -> dict[str, str]:
    if not isinstance(values, dict):
        fault = f"is {json.dumps(values)[:60]}, not an object"
        remedy = 'send {"ts": ..., "open": ..., ...} for each bar'
        raise RequestError(fault=fault, remedy=remedy, line=line)
    cells = {}
    for name, value in values.items():
        if isinstance(value, dict | list | bool):
            fault = f"{json.dumps(value)[:60]} is neither a number nor text"
            raise RequestError(fault=fault, remedy="send plain values", line=line, field=name)
        if value is not None:
            cells[name] = str(value)
    return cells


def _csv_rows(text: str, received: datetime, reading: TextReading) -> Iterator[PushedRow]:
    lines = text.splitlines()
    layout = layout_of(lines[0], reading.layout, reading.times, reading.stamp, "the request")
    delimiter = reading.delimiter or layout.delimiter
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lines[0].count)
    table = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = _rows_of_csv(table)
    header = next(rows, None) if layout.header_lines else None
    for _ in range(layout.header_lines - 1):
        next(rows, None)
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        names = header or [str(number) for number in range(len(cells))]
        if len(cells) != len(names):
            fault = f"has {len(cells)} values for {len(names)} columns"
            remedy = "send a value for each column"
            raise RequestError(fault=fault, remedy=remedy, line=table.line_num)
        pairs = zip(names, cells, strict=True)
        row = {name.strip(): cell.strip() for name, cell in pairs}
        yield PushedRow(received, layout.name, row, table.line_num)


def _rows_of_csv(table: Any) -> Iterator[list[str]]:
    """Yield a CSV reader's rows; an unreadable row is refused with its line number."""
    try:
        yield from table
    except csv.Error as error:
        fault, remedy = f"is not CSV ({error})", "send a line for each bar, quotes closed"
        raise RequestError(fault=fault, remedy=remedy, line=table.line_num) from error


def bars_of_rows(
    rows: list[PushedRow], reading: TextReading
) -> tuple[pa.Table, str | None, tuple[ReadingMethod, ...]]:
    """Return rows as bars of ``RAW_SCHEMA`` in order, the zone of local times, and how.

    Raises
    ------
    SourceError
        Columns are missing, or times cannot be read without an option.
    """
    parts, places, zone = [], [], None
    how: list[ReadingMethod] = []
    places_of: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for place, row in enumerate(rows):
        places_of.setdefault(row.shape, []).append(place)
    for (layout, names), here in sorted(places_of.items()):
        raw = pa.table(
            {name: pa.array([rows[at].cells[name] for at in here], pa.string()) for name in names}
        )
        shape = layout_of(",".join(names), layout, reading.times, reading.stamp, "pushed bars")
        table, local, form = bars_of_text(raw, shape, reading, "pushed bars", optional=WHOSE)
        parts.append(table)
        how.append(form)
        places += here
        zone = zone or local
    if not parts:
        return RAW_SCHEMA.empty_table(), None, ()
    together = pa.concat_tables(parts)
    return together.take(pa.array(np.argsort(places))), zone, tuple(how)


def received_rows(folder: Path, since: datetime | None) -> list[PushedRow]:
    """Return the rows received from a day on, oldest first.

    Text after the last line end is being written, or was when a server was killed; its sender got
    no confirmation.

    Raises
    ------
    SourceError
        A line cannot be read.
    """
    first = f"{since.astimezone(UTC):%Y-%m-%d}" if since else ""
    rows = []
    for path in sorted(folder.glob("[0-9]*.jsonl")):
        if path.stem < first:
            continue
        lines = path.read_bytes().split(b"\n")[:-1]
        for number, line in enumerate(lines, 1):
            try:
                rows.append(PushedRow.from_line(line))
            except (ValueError, KeyError, TypeError) as error:
                fault = f"line {number} cannot be read ({error})"
                raise SourceError(str(path), fault, "delete that line, or restore it") from error
    return rows


def is_finished(stamp_us: int, received: datetime, last_of_contract_us: int, at: datetime) -> bool:
    """Return whether a row is a finished bar, not an update of a running minute.

    Parameters
    ----------
    stamp_us, received
        Start of its minute, microseconds UTC; time of receipt of the row.
    last_of_contract_us
        The latest minute of the same contract for which a row was received.
    at
        Aware time, used as now.
    """
    closes = datetime.fromtimestamp(stamp_us / 1e6, UTC) + timedelta(minutes=1)
    if at < closes:
        return False
    return received >= closes or last_of_contract_us > stamp_us or at >= closes + SETTLED_AFTER


def read_pushed(folder: Path, reading: TextReading, request: Request) -> Iterator[RawBatch]:
    """Return the finished bars, one batch for each month that has any.

    Of the rows of one minute the last one received counts.

    Raises
    ------
    SourceError
        The spool cannot be read as bars.
    """
    rows = received_rows(folder, request.since)
    table, zone, how = bars_of_rows(rows, reading)
    finished = _finished(table, rows, request.at)
    bars = table.take(pa.array(finished, pa.int64())).sort_by(
        [("ts", "ascending"), ("contract", "ascending")]
    )
    place = RAW_SCHEMA.get_field_index("source_line")
    for month, rows_of_month in by_month(bars):
        lines = pa.array(np.arange(len(rows_of_month)) + 1, pa.int64())
        part = rows_of_month.set_column(place, "source_line", lines).cast(RAW_SCHEMA)
        yield RawBatch(
            name=f"http:{month}",
            source="http",
            content_hash=hash_of_rows(part),
            table=part,
            zone=zone,
            how=how,
        )


def _finished(table: pa.Table, rows: list[PushedRow], at: datetime) -> list[int]:
    """Return the positions of the rows that count: a minute's last row, if it is finished."""
    keys = keys_of(table)
    newest = newest_of(keys)
    last = {key: place for place, key in enumerate(keys)}
    return [
        place
        for (contract, stamp), place in last.items()
        if stamp is None or is_finished(stamp, rows[place].received, newest[contract], at)
    ]


def keys_of(table: pa.Table) -> list[tuple[str | None, int | None]]:
    """Return contract and stamp (microseconds UTC) of each row; None if missing."""
    stamps: Iterable[int | None] = table["ts"].cast(pa.int64()).to_pylist()
    return list(zip(table["contract"].to_pylist(), stamps, strict=True))


def newest_of(
    keys: Iterable[tuple[str | None, int | None]], before: Mapping[str | None, int] | None = None
) -> dict[str | None, int]:
    """Return each contract's last stamp, including those in ``before``."""
    newest = dict(before or {})
    for contract, stamp in keys:
        if stamp is not None:
            newest[contract] = max(stamp, newest.get(contract, stamp))
    return newest


def is_ahead(stamp_us: int, received: datetime) -> bool:
    """Return whether a minute begins after its row came, by more than clocks may differ."""
    return stamp_us > int(received.timestamp() * 1_000_000) + MINUTE_US
