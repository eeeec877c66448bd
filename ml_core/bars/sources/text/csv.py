"""CSV files of 1-minute bars, in the layouts that traders download."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import (
    PRICES,
    RAW_SCHEMA,
    RawBatch,
    ReadingMethod,
    SourceError,
    existing_files,
)
from ml_core.bars.sources.columns import contracts_of, find_columns, stamps_of
from ml_core.bars.sources.large_file import Part, parts_of, whole_or_in_months
from ml_core.bars.sources.text.layouts import Layout, has_several_cells, layout_of
from ml_core.bars.sources.text.lean import LeanZip, lean_zip, without_quotes
from ml_core.bars.sources.text.number_text import Decimal, UnsureMarkError, read_numbers
from ml_core.bars.sources.text.text_file import LONGEST_LINE, TOO_LONG, first_line, plain_text
from ml_core.bars.sources.times import Stamp, TimeReading, read_times, zone_in_name
from ml_core.files import is_disk_full

_LOG = logging.getLogger(__name__)

_ROWS_AT_ONCE = 100_000
"""Number of rows requested from DuckDB at once."""

ENDINGS = (".csv", ".txt", ".csv.gz", ".txt.gz", ".zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReading:
    """The settings for reading text as bars.

    Attributes
    ----------
    symbol
        Stands for the contract where no ``contract`` column is mapped.
    zone, time_format, stamp, columns, delimiter, layout, decimal
        As for :func:`read_csv`.
    """

    symbol: str
    zone: str | None = None
    time_format: str | None = None
    stamp: Stamp | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    layout: str = "auto"
    decimal: Decimal | None = None

    @property
    def times(self) -> TimeReading:
        """The caller's settings for times."""
        return TimeReading(zone=self.zone, time_format=self.time_format)


def read_csv(
    paths: list[str],
    symbol: str,
    *,
    layout: str = "auto",
    zone: str | None = None,
    time_format: str | None = None,
    stamp: Stamp | None = None,
    delimiter: str | None = None,
    columns: dict[str, str] | None = None,
    decimal: Decimal | None = None,
    contract_pattern: str = ".*",
    tell: Callable[[str], None] = _LOG.info,
) -> Iterator[RawBatch]:
    """Read CSV files, one batch per file; rows with invalid values are set aside later.

    A file of more than ``large_file.PART_ROWS`` rows gives one batch per month.

    Parameters
    ----------
    paths
        Files, or folders of files with one of ``ENDINGS``.
    symbol
        Stands for the contract where no ``contract`` column is mapped.
    layout
        ``auto`` (recognised by the first line), or a name from ``LAYOUTS``.
    zone, time_format, stamp
        How the times are read, as in ``TimeReading``; by default as in the layout.
    delimiter
        Separator of the columns; by default the layout's.
    columns
        Maps Orbcast's column names to the file's; overrides the layout's.
    decimal
        The decimal mark of numbers; by default deduced from the numbers.
    contract_pattern
        Pattern of the market's outrights, by which other rows of a large file are left out at
        once.
    tell
        Called with a message about files left out of a folder.

    Raises
    ------
    SourceError
        There is no file, or it is empty; the layout is unknown or ambiguous; columns are missing;
        or times cannot be read without an option, which the error names.
    """
    reading = TextReading(
        symbol=symbol,
        zone=zone,
        time_format=time_format,
        stamp=stamp,
        columns=columns or {},
        delimiter=delimiter,
        layout=layout,
        decimal=decimal,
    )
    for name in without_quotes(existing_files(paths, ENDINGS), paths, tell):
        path = Path(name)
        lean = lean_zip(path, layout)
        if lean is None:
            yield from _read_file(path, reading, contract_pattern)
        else:
            yield _read_lean(lean, reading)


def _read_lean(lean: LeanZip, reading: TextReading) -> RawBatch:
    rows = lean.rows()
    table, zone, how = bars_of_text(rows, lean.layout, reading, str(lean.path))
    place = table.column_names.index("source_line")
    return RawBatch(
        name=lean.path.name,
        source="csv",
        content_hash=lean.content_hash,
        table=table.set_column(place, RAW_SCHEMA.field("source_line"), rows["line"]),
        zone=zone,
        how=(how,),
    )


def _read_file(path: Path, reading: TextReading, pattern: str) -> Iterator[RawBatch]:
    with plain_text(path) as text:
        start = first_line(text)
        if not start.strip():
            if text.stat().st_size > len(start):
                fault = "begins with an empty line"
                raise SourceError(str(path), fault, "remove the lines above the header")
            raise SourceError(str(path), "is empty", "name a file with bars")
        if start.startswith(TOO_LONG):
            fault = f"begins with a line of more than {LONGEST_LINE:,} characters"
            raise SourceError(str(path), fault, "name a text file with a line a bar")
        layout = layout_of(start, reading.layout, reading.times, reading.stamp, str(path))
        if layout.name == "generic" and not (reading.delimiter or has_several_cells(start)):
            fault = f"its first line, {start.strip()!r:.60}, does not name the columns of bars"
            remedy = "remove the lines above the header, or give --delimiter"
            raise SourceError(str(path), fault, remedy)
        parts = _parts(path, text, layout, reading.delimiter or layout.delimiter)
        yield from whole_or_in_months(
            path,
            parts,
            lambda part: _batch_of(path, part, layout, reading),
            reading.symbol,
            pattern,
        )


def _batch_of(path: Path, part: Part, layout: Layout, reading: TextReading) -> RawBatch:
    table, zone, how = bars_of_text(part.rows, layout, reading, part.source(path), part=part)
    _refuse_unreadable(part.source(path), part.rows, table, layout, how)
    return RawBatch(
        name=path.name, source="csv", content_hash="", table=table, zone=zone, how=(how,)
    )


def _refuse_unreadable(
    source: str, raw: pa.Table, table: pa.Table, layout: Layout, how: ReadingMethod
) -> None:
    """Refuse rows without a single readable price, showing the first.

    One row alone is not refused: it counts as a bad row.
    """
    columns = dict(how.columns)
    for name in PRICES:
        if len(table) == 1 or np.isfinite(table[name].to_numpy()).any():
            continue
        text = pc.utf8_trim_whitespace(raw[columns[name]]).fill_null("")
        written = np.flatnonzero(pc.not_equal(text, "").to_numpy())
        if len(written):
            row = int(written[0])
            fault = f"row {row + 1 + layout.header_lines}: {name} {text[row].as_py()!r:.40} was "
            fault += "taken for a price and cannot be read as one"
            remedy = f"give --decimal, or map another column with --column {name}=..."
            raise SourceError(source, fault, remedy)


def bars_of_text(
    raw: pa.Table,
    layout: Layout,
    reading: TextReading,
    source: str,
    optional: tuple[str, ...] = ("symbol",),
    part: Part | None = None,
) -> tuple[pa.Table, str | None, ReadingMethod]:
    """Return the bars of a text table, the zone of its local times, and how it was read.

    Parameters
    ----------
    raw
        Text columns, named as in the layout and ``reading.columns``.
    layout, reading
        Their layout and settings; the times may already be moments.
    source
        Named in errors.
    optional
        As for ``find_columns``.
    part
        The part of a file that ``raw`` is; None for all of it.

    Raises
    ------
    SourceError
        Columns are missing, or times or prices cannot be read without an option, which the error
        names.
    """
    expected = _expected(layout, reading.columns)
    names = find_columns(raw.column_names, reading.columns, source, expected, optional)
    how = ReadingMethod(
        layout=layout.name,
        stamp=reading.stamp or layout.stamp,
        columns=tuple(names.items()),
    )
    times = read_times(
        stamps_of(raw, names),
        replace(
            reading.times,
            assumed_zone=layout.zone or zone_in_name(names.get("ts", "")),
            time_format=reading.time_format or layout.time_format,
            stamp=reading.stamp or layout.stamp,
        ),
        source,
    )
    count = len(raw)
    before = layout.header_lines + (part.before if part else 0)
    is_part = part is not None and not part.is_whole
    parts = [names[part] for part in ("volume", *layout.volume_parts) if part in names]
    text = {column: raw[column] for column in (*(names[name] for name in PRICES), *parts)}
    try:
        read = read_numbers(text, reading.decimal)
    except UnsureMarkError as error:
        fault = (
            f"column {error.column}: {error.value!r} may be a number of thousands or a fraction"
        )
        remedy = "give the decimal separator: --decimal , or --decimal ."
        raise SourceError(source, fault, remedy) from error
    prices = {name: read[names[name]] for name in PRICES}
    if layout.units != 1 and not (layout.is_fixed_point and _any_point(raw, names)):
        prices = {name: values / layout.units for name, values in prices.items()}
    table = {
        "contract": contracts_of(raw, names, reading.symbol, source, is_part=is_part),
        "ts": times.ts,
        **prices,
        "volume": np.sum([np.zeros(count), *(read[part] for part in parts)], axis=0),
        # people count the lines of a file from 1, including the header
        "source_line": pa.array(np.arange(count) + 1 + before),
        "fault": times.fault,
    }
    return pa.table(table, schema=RAW_SCHEMA), times.local_zone, how


def _parts(path: Path, text: Path, layout: Layout, delimiter: str | None) -> Iterator[Part]:
    """Read every column as text: an invalid number is an error of a row, not of the file."""
    options: dict[str, object] = {"header": layout.header_lines > 0, "all_varchar": True}
    if delimiter:
        options["delimiter"] = delimiter
    try:
        with duckdb.connect() as connection:
            relation = connection.read_csv(str(text), null_padding=True, **options)  # type: ignore[arg-type]
            reader = relation.to_arrow_reader(_ROWS_AT_ONCE)
            for part in parts_of(reader, reader.schema):
                yield _without_header(path, part, layout)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if is_disk_full(error):
            raise
        fault = f"cannot be read as CSV ({str(error).splitlines()[0]})"
        remedy = "check the file, or give --layout and --delimiter"
        raise SourceError(str(path), fault, remedy) from error


def _without_header(path: Path, part: Part, layout: Layout) -> Part:
    """Return a part with named columns, without the header lines below the names."""
    table = part.rows
    if not len(table):
        raise SourceError(str(path), "holds no rows", "name a file with bars")
    if layout.header_lines > 1 and not part.before:
        table = table.slice(layout.header_lines - 1)
    if not layout.header_lines:
        table = table.rename_columns([str(index) for index in range(table.num_columns)])
    return replace(part, rows=table)


def _expected(layout: Layout, columns: Mapping[str, str]) -> dict[str, str] | None:
    """Return the columns of a layout; its volume parts only if the caller maps no volume."""
    if "volume" in columns or not layout.columns:
        return layout.columns or None
    return {**layout.columns, **{part: part for part in layout.volume_parts}}


def _any_point(raw: pa.Table, names: dict[str, str]) -> bool:
    return any(pc.any(pc.match_substring(raw[names[name]], ".")).as_py() for name in PRICES)
