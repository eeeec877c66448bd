"""Another system's DuckDB: which tables it has, which hold bars, which hold a record of ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from ml_core.bars.contract import PRICES, SourceError
from ml_core.bars.sources.duckdb_file import opened, quoted

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
class Found:
    """A table of another system.

    Attributes
    ----------
    name
        ``schema.table``, or ``table`` alone in the main schema.
    kind
        What it seems to hold, by its columns.
    rows
        How many.
    columns
        Name -> DuckDB type, in order.
    mapping
        Of bars: Orbcast's name -> the table's, ``symbol`` empty where there is none.
    day, symbol
        Of features: the columns that name the row; None where there is none.
    note
        Why it cannot be used, where that is known.
    """

    name: str
    kind: Kind
    rows: int
    columns: dict[str, str]
    mapping: dict[str, str]
    day: str | None
    symbol: str | None
    note: str = ""


def tables(path: str) -> tuple[Found, ...]:
    """Look at every table and view, opened read-only and let go again.

    Raises
    ------
    SourceError
        No such file, or no DuckDB database.
    DatabaseLockedError
        Another program is writing it; worth another try.
    """
    with _reading(path) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database() ORDER BY 1, 2"
        ).fetchall()
        return tuple(
            _look(connection, table if schema == "main" else f"{schema}.{table}")
            for schema, table in names
        )


def symbols_of(path: str, table: str, column: str) -> dict[str, int]:
    """Count the rows of each symbol."""
    name, source = quoted(column), _source(table)
    with _reading(path) as connection:
        found = connection.execute(
            f"SELECT CAST({name} AS VARCHAR), count(*) FROM {source} "  # noqa: S608 - quoted
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50"
        ).fetchall()
    return {str(symbol): int(count) for symbol, count in found}


def sampled_minutes(path: str, table: str, column: str, most: int = 20_000) -> list[int]:
    """Give the UTC minutes of some bars, spread evenly, a column without zone taken as UTC."""
    name, source = quoted(column), _source(table)
    with _reading(path) as connection:
        found = connection.execute(
            f"SELECT epoch_us(TRY_CAST({name} AS TIMESTAMPTZ)) // 60000000 FROM "  # noqa: S608 - quoted
            f"(SELECT {name}, row_number() OVER () AS n, count(*) OVER () AS every FROM {source}) "
            "WHERE n % greatest(1, every // ?) = 0",
            [most],
        ).fetchall()
    return [int(minute) for (minute,) in found if minute is not None]


def record_of(path: str, table: Found, symbol: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Read a table of one row a day as a record of opening ranges.

    Returns
    -------
    (day, range) -> the fields of ``ml_core.evidence.outside_record.FIELDS``, None where missing.
    """
    wanted = {name: found for name in table.columns if (found := _RECORD.fullmatch(name.lower()))}
    if not wanted or table.day is None:
        return {}
    columns = ", ".join(quoted(name) for name in wanted)
    clause = "" if table.symbol is None else f" WHERE upper({quoted(table.symbol)}) = upper(?)"
    query = (
        f"SELECT CAST({quoted(table.day)} AS DATE), {columns} "  # noqa: S608 - quoted
        f"FROM {_source(table.name)}{clause} ORDER BY 1"
    )
    with _reading(path) as connection:
        rows = connection.execute(query, [] if table.symbol is None else [symbol]).fetchall()
    record: dict[tuple[str, str], dict[str, Any]] = {}
    for day, *values in rows:
        for match, value in zip(wanted.values(), values, strict=True):
            field = record.setdefault((str(day), match[1]), {})
            name, plain = _field(match[2], value)
            if name and (plain is not None or name not in field):
                field[name] = plain
    # a range without prices was not measured that day: that is no record of it
    return {slot: each for slot, each in record.items() if each.get("high") is not None}


def _field(part: str, value: object) -> tuple[str, object]:
    if value is None:
        return {"break_dir": "direction", "break_direction": "direction"}.get(part, part), None
    if part in {"high", "low"}:
        return part, float(str(value))
    if part == "r_multiple":
        return "", None  # costless +1 or -1: the outcome says the same
    text = str(value).strip().upper()
    if part == "outcome":
        return "outcome", text if text in {"WIN", "LOSS"} else "NO_TRADE"
    up, down = {"UP", "LONG", "1", "1.0"}, {"DOWN", "SHORT", "-1", "-1.0"}
    return "direction", "UP" if text in up else "DOWN" if text in down else "NONE"


@contextmanager
def _reading(path: str) -> Iterator[duckdb.DuckDBPyConnection]:
    if not Path(path).is_file():
        raise SourceError(path, "does not exist", "check the path of the DuckDB file")
    with opened(path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            yield connection
        except duckdb.Error as error:
            fault = f"cannot be read ({' '.join(str(error).split())[:200]})"
            raise SourceError(path, fault, "check the table, or export it anew") from error


def _look(connection: duckdb.DuckDBPyConnection, name: str) -> Found:
    try:
        described = connection.execute(f"SELECT * FROM {_source(name)} LIMIT 0").description  # noqa: S608 - quoted
        counted = connection.execute(f"SELECT count(*) FROM {_source(name)}").fetchone()  # noqa: S608 - quoted
    except duckdb.Error as error:
        note = f"cannot be read: {' '.join(str(error).split())[:160]}"
        return Found(
            name=name,
            kind="other",
            rows=0,
            columns={},
            mapping={},
            day=None,
            symbol=None,
            note=note,
        )
    columns = {str(each[0]): str(each[1]) for each in described}
    mapping = _bars(columns)
    ranges = [each for each in columns if _RECORD.fullmatch(each.lower())]
    kind: Kind = "bars" if mapping else "features" if ranges else "other"
    return Found(
        name=name,
        kind=kind,
        rows=int(counted[0]) if counted else 0,
        columns=columns,
        mapping=mapping,
        day=_first(columns, _DAYS),
        symbol=_first(columns, _SYMBOLS),
    )


def _bars(columns: dict[str, str]) -> dict[str, str]:
    """Map a table's columns to a bar's; empty if it holds none."""
    ts = _first(columns, _TIMES)
    found = {name: _first(columns, _SHORT[name]) for name in (*PRICES, "volume")}
    if ts is None or not all(found.values()):
        return {}
    mapping = {"ts": ts, "symbol": _first(columns, _SYMBOLS) or ""}
    mapping |= {name: str(theirs) for name, theirs in found.items()}
    if contract := _first(columns, _CONTRACTS):
        mapping["contract"] = contract
    return mapping


def _first(columns: dict[str, str], names: tuple[str, ...]) -> str | None:
    lower = {each.lower(): each for each in columns}
    return next((lower[name] for name in names if name in lower), None)


def _source(table: str) -> str:
    return ".".join(quoted(part) for part in table.split("."))
