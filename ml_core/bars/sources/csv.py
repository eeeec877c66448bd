"""CSV files of 1-minute bars, in the layouts that traders download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import PRICES, RAW_SCHEMA, RawBatch, SourceError, existing_files
from ml_core.bars.sources.columns import contracts_of, find_columns, stamps_of
from ml_core.bars.sources.layouts import FIXED_POINT, Layout, layout_of
from ml_core.bars.sources.number_text import read_numbers
from ml_core.bars.sources.text_file import LONGEST_LINE, TOO_LONG, first_line, plain_text
from ml_core.bars.sources.times import Stamp, TimeReading, read_times, zone_in_name
from ml_core.files import sha256_of

ENDINGS = (".csv", ".txt", ".csv.gz", ".txt.gz", ".zip")


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
) -> Iterator[RawBatch]:
    """Read CSV files, one batch a file; every value that is no number or time is set aside later.

    Parameters
    ----------
    paths
        Files, or folders of files that end in one of ``ENDINGS``.
    symbol
        Stands for the contract where no ``contract`` column is mapped.
    layout
        ``auto`` (recognised by the first line), or a name of ``LAYOUTS``.
    zone, time_format, stamp
        How the times are read, as in ``TimeReading``; the layout's own when left out.
    delimiter
        What separates the columns; the layout's own when left out.
    columns
        Orbcast's column names to the file's, over the layout's.

    Raises
    ------
    SourceError
        No file, an empty one, a layout that is unknown or may be two, missing columns, or times
        that cannot be read without an option, which the error names.
    """
    reading = TimeReading(zone=zone, time_format=time_format)
    for path in existing_files(paths, ENDINGS):
        yield _read_file(Path(path), symbol, layout, reading, stamp, delimiter, columns or {})


def _read_file(  # noqa: PLR0917 - a file and how to read it
    path: Path,
    symbol: str,
    name: str,
    reading: TimeReading,
    stamp: Stamp | None,
    delimiter: str | None,
    columns: dict[str, str],
) -> RawBatch:
    with plain_text(path) as text:
        start = first_line(text)
        if not start.strip():
            raise SourceError(str(path), "is empty", "name a file with bars")
        if start.startswith(TOO_LONG):
            fault = f"begins with a line of more than {LONGEST_LINE:,} characters"
            raise SourceError(str(path), fault, "name a text file with a line a bar")
        layout = layout_of(start, name, reading, stamp, str(path))
        raw = _raw(path, text, layout, delimiter or layout.delimiter)
    table, zone = bars_of_text(raw, symbol, layout, reading, stamp, columns, str(path))
    return RawBatch(
        name=path.name, source="csv", content_hash=sha256_of(path), table=table, zone=zone
    )


def bars_of_text(  # noqa: PLR0917 - text and how to read it
    raw: pa.Table,
    symbol: str,
    layout: Layout,
    reading: TimeReading,
    stamp: Stamp | None,
    columns: dict[str, str],
    source: str,
) -> tuple[pa.Table, str | None]:
    """Return the bars of a table of text, and the zone that local times were read in.

    Parameters
    ----------
    raw
        Text columns, named as the layout and ``columns`` have them.
    symbol, layout, reading, stamp, columns
        As in :func:`read_csv`.
    source
        Named in errors.

    Raises
    ------
    SourceError
        Missing columns, or times that cannot be read without an option, which the error names.
    """
    names = find_columns(raw.column_names, columns, source, _expected(layout, columns))
    times = read_times(
        stamps_of(raw, names),
        replace(
            reading,
            assumed_zone=layout.zone or zone_in_name(names.get("ts", "")),
            time_format=reading.time_format or layout.time_format,
            stamp=stamp or layout.stamp,
        ),
        source,
    )
    count = len(raw)
    parts = [names[part] for part in ("volume", *layout.volume_parts) if part in names]
    read = read_numbers({column: raw[column] for column in (*(names[n] for n in PRICES), *parts)})
    prices = {name: read[names[name]] for name in PRICES}
    if layout.is_fixed_point and not _any_point(raw, names):
        prices = {name: values / FIXED_POINT for name, values in prices.items()}
    table = {
        "contract": contracts_of(raw, names, symbol, source),
        "ts": times.ts,
        **prices,
        "volume": np.sum([np.zeros(count), *(read[part] for part in parts)], axis=0),
        # people count the lines of a file from 1, its header with them
        "source_line": pa.array(np.arange(count) + 1 + layout.header_lines),
        "fault": times.fault,
    }
    return pa.table(table, schema=RAW_SCHEMA), times.local_zone


def _raw(path: Path, text: Path, layout: Layout, delimiter: str | None) -> pa.Table:
    """Every column as text: what is no number is a fault of a row, not of the file."""
    options: dict[str, object] = {"header": layout.header_lines > 0, "all_varchar": True}
    if delimiter:
        options["delimiter"] = delimiter
    try:
        with duckdb.connect() as connection:
            relation = connection.read_csv(str(text), null_padding=True, **options)  # type: ignore[arg-type]
            table: pa.Table = relation.to_arrow_table()
    except duckdb.Error as error:
        fault = f"cannot be read as CSV ({str(error).splitlines()[0]})"
        remedy = "check the file, or say --layout and --delimiter"
        raise SourceError(str(path), fault, remedy) from error
    if not len(table):
        raise SourceError(str(path), "holds no rows", "name a file with bars")
    if layout.header_lines > 1:
        table = table.slice(layout.header_lines - 1)
    if not layout.header_lines:
        table = table.rename_columns([str(index) for index in range(table.num_columns)])
    return table


def _expected(layout: Layout, columns: dict[str, str]) -> dict[str, str] | None:
    """Return the columns of a layout; its parts of the volume only where the caller names none."""
    if "volume" in columns or not layout.columns:
        return layout.columns or None
    return {**layout.columns, **{part: part for part in layout.volume_parts}}


def _any_point(raw: pa.Table, names: dict[str, str]) -> bool:
    return any(pc.any(pc.match_substring(raw[names[name]], ".")).as_py() for name in PRICES)
