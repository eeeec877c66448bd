"""A trader's own DuckDB database, opened read-only, read a month at a time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import PRICES, RAW_SCHEMA, RawBatch, SourceError
from ml_core.errors import TransientError

DEFAULT_TABLE = "bars_1m"
DEFAULT_COLUMNS = {
    "ts": "ts_utc",
    "symbol": "symbol",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
}
"""What Orbcast calls a column, and what the table does; ``contract`` may be mapped as well."""


_NO_TIME = "without-a-time"  # the month of rows whose time is missing: set aside, not lost
_MONTH = re.compile(r"[12]\d{3}-\d{2}")


class DatabaseLockedError(TransientError):
    """The trader's own writer has the database open."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} is open for writing in another program; it is tried again, or close "
            "that program (DuckDB lets nobody read a file that is being written)"
        )


def read_duckdb(
    path: str,
    symbol: str,
    *,
    table: str = DEFAULT_TABLE,
    columns: dict[str, str] | None = None,
    since: datetime | None = None,
) -> Iterator[RawBatch]:
    """Read a table of 1-minute bars, one batch for each month that has any.

    Parameters
    ----------
    path
        The database file; it is opened read-only and let go after each month.
    symbol
        Rows of this symbol only, where the table has a symbol column. Without a ``contract``
        column the table is a ready-made continuous series and the symbol stands for its contract.
    table
        Table or view, ``schema.table`` allowed.
    columns
        Names that differ from ``DEFAULT_COLUMNS``; map ``contract`` to name the contract column,
        and ``symbol`` to an empty text if there is no symbol column.
    since
        Aware time; only bars from then on are read. None reads all.

    Raises
    ------
    SourceError
        No such file, table or column, or no bars of that symbol.
    DatabaseLockedError
        Another program has it open for writing; worth another try.
    """
    if not Path(path).is_file():
        raise SourceError(path, "does not exist", "check the path of the DuckDB file")
    names = {**DEFAULT_COLUMNS, **(columns or {})}
    source = ".".join(quoted(part) for part in table.split("."))
    with opened(path) as connection:
        _require_columns(connection, path, table, source, names)
        stamp = _utc_stamp(connection, source, names["ts"])
        months = _months(connection, source, stamp, _of_symbol(names, symbol), since)
    if not months and since is None:
        fault = f"table {table} has no rows of symbol {symbol}"
        raise SourceError(path, fault, "check --table, --column symbol=... and the market")
    for month in months:
        wanted = _of_symbol(names, symbol).also(_within(stamp, month))
        if since is not None and month != _NO_TIME:
            wanted = wanted.also(_from(stamp, since))
        with opened(path) as connection:
            rows = _month(connection, source, names, stamp, wanted, symbol)
        yield RawBatch(
            name=f"{Path(path).name}:{table}:{month}",
            source="duckdb",
            content_hash=_content_hash(rows),
            table=rows,
        )


def opened(path: str) -> duckdb.DuckDBPyConnection:
    """Open a database read-only.

    Raises
    ------
    SourceError
        It is no DuckDB database.
    DatabaseLockedError
        Another program has it open for writing; worth another try.
    """
    try:
        return duckdb.connect(path, read_only=True)
    except duckdb.IOException as error:
        if "could not set lock" in str(error).lower():
            raise DatabaseLockedError(path) from error
        raise _unopened(path, error) from error
    except duckdb.Error as error:
        raise _unopened(path, error) from error


def _unopened(path: str, error: duckdb.Error) -> SourceError:
    return SourceError(path, f"cannot be opened ({error})", "name a DuckDB database file")


def quoted(name: str) -> str:
    """Give an identifier as SQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class _Clause:
    """A condition of a query and the values of its parameters."""

    sql: str
    values: tuple[object, ...] = ()

    def also(self, other: _Clause) -> _Clause:
        return _Clause(f"{self.sql} AND {other.sql}", (*self.values, *other.values))


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The SQL of a row's time.

    ``utc`` is naive, in UTC; ``compared`` is what a bound is held against: the bare column where
    that is a time, so that DuckDB skips the parts of the table that lie outside.
    """

    utc: str
    compared: str
    aware: bool = False

    def bound(self, moment: datetime) -> datetime:
        return moment if self.aware else moment.astimezone(UTC).replace(tzinfo=None)


def _of_symbol(names: dict[str, str], symbol: str) -> _Clause:
    if not names["symbol"]:
        return _Clause("TRUE")
    return _Clause(f"{quoted(names['symbol'])} = ?", (symbol,))


def _from(stamp: _Stamp, moment: datetime) -> _Clause:
    return _Clause(f"{stamp.compared} >= ?", (stamp.bound(moment),))


def _within(stamp: _Stamp, month: str) -> _Clause:
    if month == _NO_TIME:
        return _Clause(f"{stamp.compared} IS NULL")
    if not _MONTH.fullmatch(month):  # such as infinity
        return _Clause(f"strftime({stamp.utc}, '%Y-%m') = ?", (month,))
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    after = (first + timedelta(days=31)).replace(day=1)
    return _from(stamp, first).also(_Clause(f"{stamp.compared} < ?", (stamp.bound(after),)))


def _months(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    stamp: _Stamp,
    wanted: _Clause,
    since: datetime | None,
) -> list[str]:
    """Give the months that have rows, and last whether there are any without a time."""
    timed = wanted.also(_from(stamp, since) if since else _Clause(f"{stamp.compared} IS NOT NULL"))
    found = connection.execute(
        f"SELECT DISTINCT strftime({stamp.utc}, '%Y-%m') FROM {source} "  # noqa: S608 - quoted identifiers, values are parameters
        f"WHERE {timed.sql} ORDER BY 1",
        timed.values,
    ).fetchall()
    untimed = wanted.also(_within(stamp, _NO_TIME))
    without = connection.execute(
        f"SELECT 1 FROM {source} WHERE {untimed.sql} LIMIT 1",  # noqa: S608 - the same
        untimed.values,
    ).fetchall()
    return [str(month) for (month,) in found] + [_NO_TIME] * len(without)


def _require_columns(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    table: str,
    source: str,
    names: dict[str, str],
) -> None:
    try:
        here = connection.execute(f"SELECT * FROM {source} LIMIT 0").description  # noqa: S608 - quoted
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        tables = [str(row[0]) for row in connection.execute("SHOW TABLES").fetchall()]
        remedy = f"name one of its tables with --table: {', '.join(tables) or 'it has none'}"
        raise SourceError(path, f"has no table {table}", remedy) from error
    found = [str(column[0]) for column in here]
    missing = [f"{key}={name}" for key, name in names.items() if name and name not in found]
    if missing:
        remedy = f"map them with --column; the table has {', '.join(found)}"
        raise SourceError(path, f"table {table} lacks columns {', '.join(missing)}", remedy)


def _utc_stamp(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> _Stamp:
    """Give the SQL of a row's time: a column without a zone is in UTC, as its name says."""
    name = quoted(column)
    row = connection.execute(
        f"SELECT typeof({name}) FROM {source} LIMIT 1"  # noqa: S608 - quoted
    ).fetchone()
    kind = str(row[0]) if row else ""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _Stamp(f"({name} AT TIME ZONE 'UTC')", name, aware=True)
    if kind == "TIMESTAMP":
        return _Stamp(name, name)
    # text that is no time becomes NULL here, and is set aside later with its row number
    read = f"TRY_CAST(CAST({name} AS VARCHAR) AS TIMESTAMP)"
    return _Stamp(read, read)


def _month(  # noqa: PLR0917 - the parts of one query
    connection: duckdb.DuckDBPyConnection,
    source: str,
    names: dict[str, str],
    stamp: _Stamp,
    wanted: _Clause,
    symbol: str,
) -> pa.Table:
    contract = quoted(names["contract"]) if names.get("contract") else "?"
    given = [] if names.get("contract") else [symbol]
    prices = ", ".join(_number(names[name], name) for name in PRICES)
    result = connection.sql(
        f"""
        SELECT CAST({contract} AS VARCHAR) AS contract,
               {stamp.utc} AS ts,
               {prices},
               {_number(names["volume"], "volume")},
               CAST(NULL AS VARCHAR) AS fault
        FROM {source}
        WHERE {wanted.sql}
        ORDER BY 2, 1, 3, 4, 5, 6, 7
        """,  # noqa: S608 - quoted identifiers, values are parameters
        params=[*given, *wanted.values],
    )
    table: pa.Table = result.to_arrow_table()
    utc = table["ts"].cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    table = table.set_column(1, "ts", utc)
    table = table.append_column("source_line", pa.array(range(1, len(table) + 1), pa.int64()))
    return table.select(RAW_SCHEMA.names).cast(RAW_SCHEMA)


def _number(column: str, name: str) -> str:
    return f"TRY_CAST({quoted(column)} AS DOUBLE) AS {name}"


def _content_hash(table: pa.Table) -> str:
    """Give the SHA-256 of a batch; what lies in memory below a missing number is no part of it."""
    digest = hashlib.sha256()
    for number, name in enumerate(table.column_names):
        column = table[name]
        if column.null_count and pa.types.is_primitive(column.type):
            digest.update(f"{name} {pc.is_valid(column).to_pylist()}".encode())
            filled = pc.fill_null(column, pa.scalar(0).cast(column.type))
            table = table.set_column(number, table.schema.field(number), filled)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    digest.update(sink.getvalue())
    return digest.hexdigest()
