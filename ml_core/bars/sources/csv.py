"""CSV files of 1-minute bars, in the layouts that traders download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.bars.contract import PRICES, RAW_SCHEMA, RawBatch, SourceError, existing_files
from ml_core.bars.sources.local_time import to_utc
from ml_core.files import sha256_of

ENDINGS = (".csv", ".txt", ".csv.gz")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a vendor lays a file out.

    Attributes
    ----------
    name
        As ``--layout`` takes it.
    delimiter
        What parts the columns; None lets the file show it.
    header
        Whether the first line names the columns.
    columns
        Orbcast's names for the columns: by position without a header, else by what the vendor
        calls them. ``date`` and ``time`` may stand apart.
    stamp
        Format of the time, DuckDB's strptime; None lets DuckDB read it.
    zone
        Zone of the times, None where the file or the caller must say.
    """

    name: str
    delimiter: str | None
    header: bool
    columns: dict[str, str]
    stamp: str | None
    zone: str | None


_NAMED = {name: name for name in (*PRICES, "volume")}
LAYOUTS = {
    "histdata": Layout(
        "histdata",
        ";",
        header=False,
        columns={"ts": "0", "open": "1", "high": "2", "low": "3", "close": "4", "volume": "5"},
        stamp="%Y%m%d %H%M%S",
        zone="Etc/GMT+5",  # HistData stamps in EST all the year round
    ),
    "metatrader": Layout(
        "metatrader",
        "\t",
        header=True,
        columns={
            "date": "<DATE>",
            "time": "<TIME>",
            "open": "<OPEN>",
            "high": "<HIGH>",
            "low": "<LOW>",
            "close": "<CLOSE>",
            "volume": "<TICKVOL>",
        },
        stamp="%Y.%m.%d %H:%M:%S",
        zone=None,
    ),
    "dukascopy": Layout(
        "dukascopy",
        ",",
        header=True,
        columns={"ts": "Gmt time", **{n: n.capitalize() for n in _NAMED}},
        stamp="%d.%m.%Y %H:%M:%S.%f",
        zone="UTC",
    ),
    "firstrate": Layout(
        "firstrate",
        ",",
        header=False,
        columns={"ts": "0", "open": "1", "high": "2", "low": "3", "close": "4", "volume": "5"},
        stamp="%Y-%m-%d %H:%M:%S",
        zone="America/New_York",
    ),
    "generic": Layout(
        "generic", None, header=True, columns={"ts": "ts", **_NAMED}, stamp=None, zone=None
    ),
}
_GENERIC_STAMPS = ("ts", "ts_utc", "timestamp", "datetime", "date_time", "time", "date")
_UTC_NAMES = {"ts_utc", "utc", "gmt time"}


def read_csv(
    paths: list[str],
    symbol: str,
    *,
    layout: str = "auto",
    zone: str | None = None,
    delimiter: str | None = None,
    columns: dict[str, str] | None = None,
) -> Iterator[RawBatch]:
    """Read CSV files, one batch each; every value that is no number or time is set aside later.

    Parameters
    ----------
    paths
        Files, or folders of files ending in ``.csv``, ``.txt`` or ``.csv.gz``.
    symbol
        Stands for the contract where no ``contract`` column is mapped.
    layout
        ``auto`` (told from the first line), or a name of ``LAYOUTS``.
    zone
        Zone of times that carry none; the layout's own when left out.
    delimiter
        What parts the columns; the layout's own when left out.
    columns
        Orbcast's column names to the file's, over the layout's.

    Raises
    ------
    SourceError
        No file, an empty one, an unknown layout, missing columns, or times whose zone nobody
        says.
    """
    for path in existing_files(paths, ENDINGS):
        yield _read_file(Path(path), symbol, layout, zone, delimiter, columns or {})


def detect(first_line: str) -> str:
    """Name the layout a file's first line shows.

    >>> detect("20240102 180000;2063.1;2063.4;2063.0;2063.2;12")
    'histdata'
    >>> detect("Gmt time,Open,High,Low,Close,Volume")
    'dukascopy'
    """
    line = first_line.lstrip("\ufeff").strip()
    if line.startswith("<DATE>"):
        return "metatrader"
    if line.lower().startswith("gmt time"):
        return "dukascopy"
    if line[:8].isdigit() and ";" in line:
        return "histdata"
    if line[:4].isdigit() and line[4:5] == "-" and line.count(",") >= len(PRICES):
        return "firstrate"
    return "generic"


def _read_file(  # noqa: PLR0917 - a file and how to read it
    path: Path,
    symbol: str,
    layout: str,
    zone: str | None,
    delimiter: str | None,
    columns: dict[str, str],
) -> RawBatch:
    chosen = _layout(path, layout)
    raw = _raw(path, chosen, delimiter or chosen.delimiter)
    names = _mapped(path, chosen, columns, raw.column_names)
    stamps = _stamp_text(raw, names)
    named_utc = names.get("ts", "").lower() in _UTC_NAMES
    known_zone = zone or chosen.zone or ("UTC" if named_utc else None)
    ts, fault = to_utc(stamps, chosen.stamp, known_zone, str(path))
    count = len(raw)
    decimal = _decimal([raw[names[name]] for name in PRICES])
    contract = raw[names["contract"]] if "contract" in names else pa.repeat(symbol, count)
    # one line of the file is the header, and people count lines from 1
    line = np.arange(count) + (2 if chosen.header else 1)
    table = {
        "contract": contract,
        "ts": ts,
        **{name: _numbers(raw[names[name]], decimal) for name in (*PRICES, "volume")},
        "source_line": pa.array(line),
        "fault": fault,
    }
    return RawBatch(
        name=path.name,
        source="csv",
        content_hash=sha256_of(path),
        table=pa.table(table, schema=RAW_SCHEMA),
        zone=known_zone,
    )


def _layout(path: Path, layout: str) -> Layout:
    import gzip  # noqa: PLC0415 - rarely

    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as file:
        first = file.readline()
    if not first.strip():
        raise SourceError(str(path), "is empty", "name a file with bars")
    name = detect(first) if layout == "auto" else layout
    if name not in LAYOUTS:
        raise SourceError(
            str(path), f"no layout named {layout!r}", f"use auto, {', '.join(LAYOUTS)}"
        )
    return LAYOUTS[name]


def _raw(path: Path, layout: Layout, delimiter: str | None) -> pa.Table:
    """Every column as text: what is no number is a fault of a row, not of the file."""
    options: dict[str, object] = {"header": layout.header, "all_varchar": True}
    if delimiter:
        options["delimiter"] = delimiter
    try:
        with duckdb.connect() as connection:
            relation = connection.read_csv(str(path), null_padding=True, **options)  # type: ignore[arg-type]
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
    if layout.name == "generic" and "ts" not in columns:
        names["ts"] = next((each for each in _GENERIC_STAMPS if each in lower), "ts")
        if {"date", "time"} <= set(lower) and names["ts"] in {"time", "date"}:
            names.update(date="date", time="time")
            names.pop("ts")
    missing = sorted({key for key, name in names.items() if name.lower() not in lower})
    if missing:
        fault = f"lacks columns {', '.join(f'{key}={names[key]}' for key in missing)}"
        remedy = f"map them with --column (the file has {', '.join(here)}) or say --layout"
        raise SourceError(str(path), fault, remedy)
    return {key: lower[name.lower()] for key, name in names.items()}


def _stamp_text(raw: pa.Table, names: dict[str, str]) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # noqa: PLC0415 - one use

    if "ts" in names:
        return raw[names["ts"]]
    return pc.binary_join_element_wise(raw[names["date"]], raw[names["time"]], " ")


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
