"""Another system's DuckDB: its tables, and which of them hold bars or a record of ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import duckdb
import pyarrow as pa

from ml_core.bars.arrow_values import MINUTE_US
from ml_core.bars.contract import PRICES
from ml_core.bars.sources.duckdb_file import BEYOND, quoted, reading_of, table_sql, tables_of
from ml_core.bars.sources.times import TimeReading, read_times

if TYPE_CHECKING:
    from deployments.legacy_import.outside_record import Slot

Kind = Literal["bars", "features", "other"]

_TIMES = ("ts_utc", "ts", "timestamp_utc", "timestamp", "time", "datetime", "date_time")
_SYMBOLS = ("symbol", "instrument", "ticker", "root")
_CONTRACTS = ("contract", "source_symbol", "raw_symbol", "contract_symbol")
_DAYS = ("date_local", "trading_day", "trade_date", "date")
_RECORD = re.compile(r"(?:orb?_)(\d{4})_(high|low|break_dir|break_direction|outcome|r_multiple)")
_SHORT = {
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyTable:
    """A table of another system.

    Attributes
    ----------
    name
        ``schema.table``, or only ``table`` in the main schema.
    kind
        Its content, judged by its columns.
    rows
        Number of rows.
    columns
        Name -> DuckDB type, in order.
    mapping
        For bars: Orbcast's name -> the table's, ``symbol`` empty if there is none.
    day, symbol
        For features: the columns that identify the row; None if there is none.
    note
        Why it cannot be used, if that is known.
    """

    name: str
    kind: Kind
    rows: int
    columns: dict[str, str]
    mapping: dict[str, str]
    day: str | None
    symbol: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TimeSample:
    """A sample of a table's times, spread evenly.

    Attributes
    ----------
    minutes
        UTC minutes of the times that could be read.
    local_zone
        Zone that was applied to times without one; None if the times have their own.
    """

    minutes: list[int]
    local_zone: str | None


def tables(path: str) -> tuple[LegacyTable, ...]:
    """Return every table and view; the database is opened read-only and closed again.

    Raises
    ------
    SourceError
        There is no such file, or it is not a DuckDB database.
    DatabaseLockedError
        Another program is writing to it; a later try may succeed.
    """
    with reading_of(path) as connection:
        return tuple(_describe_table(connection, name) for name in tables_of(connection))


def symbols_of(path: str, table: str, column: str) -> dict[str, int]:
    """Count the rows of each symbol."""
    name, source = quoted(column), table_sql(table)
    with reading_of(path) as connection:
        counted = connection.sql(
            f"SELECT CAST({name} AS VARCHAR) AS symbol, count(*) AS rows FROM {source} "
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50"
        ).to_arrow_table()
    return {str(row["symbol"]): int(row["rows"]) for row in counted.to_pylist()}


def sampled_times(
    path: str, table: str, column: str, reading: TimeReading, most: int = 20_000
) -> TimeSample:
    """Read the times of a sample of bars, spread evenly over the table.

    Raises
    ------
    SourceError
        The times cannot be read without an option, which the error names.
    """
    name, source = quoted(column), table_sql(table)
    with reading_of(path) as connection:
        sample = connection.sql(
            f"SELECT {name} AS ts FROM "
            f"(SELECT {name}, row_number() OVER () AS n, count(*) OVER () AS every FROM {source}) "
            "WHERE n % greatest(1, every // ?) = 0",
            params=[most],
        ).to_arrow_table()
    times = read_times(sample["ts"], reading, path)
    micros = times.ts.drop_null().cast(pa.int64()).to_numpy()
    return TimeSample((micros // MINUTE_US).tolist(), times.local_zone)


def record_of(path: str, table: LegacyTable, symbol: str) -> dict[Slot, dict[str, object]]:
    """Read a table of one row per day as a record of opening ranges.

    Returns
    -------
    (day, range) -> the fields of ``outside_record.FIELDS``, None if missing.
    """
    wanted = {name: hit for name in table.columns if (hit := _RECORD.fullmatch(name.lower()))}
    if not wanted or table.day is None:
        return {}
    columns = ", ".join(quoted(name) for name in wanted)
    clause = "" if table.symbol is None else f" WHERE upper({quoted(table.symbol)}) = upper(?)"
    query = (
        f"SELECT CAST({quoted(table.day)} AS DATE), {columns} "
        f"FROM {table_sql(table.name)}{clause} ORDER BY 1"
    )
    with reading_of(path) as connection:
        parameters = [] if table.symbol is None else [symbol]
        days = connection.sql(query, params=parameters).to_arrow_table()
    rows = zip(*(column.to_pylist() for column in days.columns), strict=True)
    record: dict[Slot, dict[str, object]] = {}
    for day, *values in rows:
        for match, value in zip(wanted.values(), values, strict=True):
            field = record.setdefault((str(day), match[1]), {})
            name, converted = _field(match[2], value)
            if name and (converted is not None or name not in field):
                field[name] = converted
    # a range without prices was not measured on that day, so it is not a record
    return {slot: row for slot, row in record.items() if row.get("high") is not None}


def _field(part: str, value: object) -> tuple[str, object]:
    if value is None:
        return {"break_dir": "direction", "break_direction": "direction"}.get(part, part), None
    if part in {"high", "low"}:
        return part, float(str(value))
    if part == "r_multiple":
        return "", None  # +1 or -1 without costs: the same as the outcome
    text = str(value).strip().upper()
    if part == "outcome":
        return "outcome", text if text in {"WIN", "LOSS"} else "NO_TRADE"
    up, down = {"UP", "LONG", "1", "1.0"}, {"DOWN", "SHORT", "-1", "-1.0"}
    return "direction", "UP" if text in up else "DOWN" if text in down else "NONE"


def _describe_table(connection: duckdb.DuckDBPyConnection, name: str) -> LegacyTable:
    try:
        described = connection.sql(f"SELECT * FROM {table_sql(name)} LIMIT 0")
        columns = dict(zip(described.columns, map(str, described.types), strict=True))
        counting = f"SELECT count(*) AS rows FROM {table_sql(name)}"
        counted = connection.sql(counting).to_arrow_table()
    except duckdb.Error as error:
        beyond = isinstance(error, duckdb.PermissionException)
        note = f"cannot be read: {BEYOND if beyond else ' '.join(str(error).split())[:160]}"
        return LegacyTable(
            name=name,
            kind="other",
            rows=0,
            columns={},
            mapping={},
            day=None,
            symbol=None,
            note=note,
        )
    mapping = _bars(columns)
    ranges = [column for column in columns if _RECORD.fullmatch(column.lower())]
    kind: Kind = "bars" if mapping else "features" if ranges else "other"
    return LegacyTable(
        name=name,
        kind=kind,
        rows=int(counted["rows"][0].as_py()),
        columns=columns,
        mapping=mapping,
        day=_first(columns, _DAYS),
        symbol=_first(columns, _SYMBOLS),
    )


def _bars(columns: dict[str, str]) -> dict[str, str]:
    """Map a table's columns to those of a bar; empty if the table has no bars."""
    ts = _first(columns, _TIMES)
    values = {name: _first(columns, _SHORT[name]) for name in (*PRICES, "volume")}
    if ts is None or not all(values.values()):
        return {}
    mapping = {"ts": ts, "symbol": _first(columns, _SYMBOLS) or ""}
    mapping |= {name: str(theirs) for name, theirs in values.items()}
    if contract := _first(columns, _CONTRACTS):
        mapping["contract"] = contract
    return mapping


def _first(columns: dict[str, str], names: tuple[str, ...]) -> str | None:
    lower = {column.lower(): column for column in columns}
    return next((lower[name] for name in names if name in lower), None)
