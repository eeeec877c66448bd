"""CSV files of 1-minute bars, in the layouts that traders download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.bars.contract import PRICES, RAW_SCHEMA, RawBatch, SourceError, existing_files
from ml_core.bars.sources.layouts import Layout, layout_of
from ml_core.bars.sources.text_file import first_line, plain_text
from ml_core.bars.sources.times import Stamp, TimeReading, read_times, zone_in_name
from ml_core.files import sha256_of

ENDINGS = (".csv", ".txt", ".csv.gz", ".txt.gz", ".zip")


_GENERIC_STAMPS = (
    "ts", "ts_utc", "timestamp", "timestamp_utc", "datetime", "date_time", "open_time", "time",
    "date",
)  # fmt: skip


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
        layout = layout_of(start, name, reading, stamp, str(path))
        raw = _raw(path, text, layout, delimiter or layout.delimiter)
    names = _mapped(path, layout, columns, raw.column_names)
    times = read_times(
        _time_text(raw, names),
        replace(
            reading,
            assumed_zone=layout.zone or zone_in_name(names.get("ts", "")),
            time_format=reading.time_format or layout.time_format,
            stamp=stamp or layout.stamp,
        ),
        str(path),
    )
    count = len(raw)
    decimal = _decimal([raw[names[name]] for name in PRICES])
    parts = ("volume",) if "volume" in names else layout.volume_parts
    volumes = [_numbers(raw[names[part]], decimal) for part in parts]
    # one line of the file is the header, and people count lines from 1
    line = np.arange(count) + (2 if layout.header else 1)
    table = {
        "contract": raw[names["contract"]] if "contract" in names else pa.repeat(symbol, count),
        "ts": times.ts,
        **{name: _numbers(raw[names[name]], decimal) for name in PRICES},
        "volume": np.sum(volumes, axis=0),
        "source_line": pa.array(line),
        "fault": times.fault,
    }
    return RawBatch(
        name=path.name,
        source="csv",
        content_hash=sha256_of(path),
        table=pa.table(table, schema=RAW_SCHEMA),
        zone=times.local_zone,
    )


def _raw(path: Path, text: Path, layout: Layout, delimiter: str | None) -> pa.Table:
    """Every column as text: what is no number is a fault of a row, not of the file."""
    options: dict[str, object] = {"header": layout.header, "all_varchar": True}
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
    if not layout.header:
        table = table.rename_columns([str(index) for index in range(table.num_columns)])
    return table


def _mapped(
    path: Path, layout: Layout, columns: dict[str, str], here: list[str]
) -> dict[str, str]:
    names = {**layout.columns, **columns}
    lower = {name.lower().strip(): name for name in here}
    if "ts" in columns:
        names = {key: name for key, name in names.items() if key not in {"date", "time"}}
    elif {"date", "time"} <= set(columns):
        names.pop("ts", None)
    elif layout.name == "generic":
        names["ts"] = next((name for name in _GENERIC_STAMPS if name in lower), "ts")
        if {"date", "time"} <= set(lower) and names["ts"] in {"time", "date"}:
            names.update(date="date", time="time")
            names.pop("ts")
    if "volume" not in names:
        names.update({part: part for part in layout.volume_parts})
    missing = sorted({key for key, name in names.items() if name.lower() not in lower})
    if missing:
        fault = f"lacks columns {', '.join(f'{key}={names[key]}' for key in missing)}"
        remedy = f"map them with --column (the file has {', '.join(here)}) or say --layout"
        raise SourceError(str(path), fault, remedy)
    return {key: lower[name.lower()] for key, name in names.items()}


def _time_text(raw: pa.Table, names: dict[str, str]) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # noqa: PLC0415 - one use

    if "ts" in names:
        return raw[names["ts"]]
    parts = [pc.utf8_trim_whitespace(raw[names[name]]) for name in ("date", "time")]
    return pc.binary_join_element_wise(*parts, " ")


def _decimal(prices: list[pa.ChunkedArray]) -> str:
    """Tell a file's decimal mark: a comma only where no price could mean thousands by it."""
    import pyarrow.compute as pc  # noqa: PLC0415 - one use

    for column in prices:
        comma = pc.match_substring(column, ",")
        thousands = pc.match_substring_regex(column, r"^\d{1,3}(,\d{3})+(\.\d*)?$")
        if pc.any(pc.and_not(comma, thousands)).as_py():
            return ","
    return "."


def _numbers(column: pa.ChunkedArray, decimal: str) -> NDArray[np.float64]:
    """Numbers of text, NaN where it is none: never a guess at what a comma means."""
    import pandas as pd  # noqa: PLC0415 - only where text is read

    text = pd.Series(column.to_pandas()).astype("str")
    if decimal == ",":
        # with a comma for decimals a point can only part thousands, which is no number here
        text = text.mask(text.str.contains(".", regex=False, na=False)).str.replace(",", ".")
    numbers: NDArray[np.float64] = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    return numbers
