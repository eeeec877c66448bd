"""A trader's own DuckDB database, opened read-only and read month by month."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import (
    DEFAULT_TABLE,
    PRICES,
    RAW_SCHEMA,
    RawBatch,
    ReadingMethod,
    SourceError,
    require_file,
)
from ml_core.bars.sources.columns import find_columns
from ml_core.bars.sources.duckdb_times import WHOLE, Clause, TimeColumn, time_column
from ml_core.bars.sources.kind import NO_TIME, by_month, hash_of_rows
from ml_core.bars.sources.times import Stamp, TimeReading, Times, read_times
from ml_core.errors import TransientError

BEYOND = "a view reads a file or an address outside the database, which Orbcast never does"
BEYOND_REMEDY = "copy it into a table (CREATE TABLE bars AS SELECT ...), and name that"

_CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # a view cannot read this program's variables
}


_HOLDER = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")


class DatabaseLockedError(TransientError):
    """Another program, such as the trader's writer, has the database open.

    Attributes
    ----------
    path
        The database file.
    holder
        The process that holds it, according to DuckDB: ``python3.11 (process 4166)``; empty if
        unknown.
    """

    path: str
    holder: str = ""
    template = (
        "{path} is open for writing in another program{_named}; Orbcast tries again (DuckDB does "
        "not open a file that is being written). If it stays open for hours, have that program "
        "close it after each write, or export what is new on a schedule (COPY ... TO "
        "'bars.parquet') and name the export"
    )

    @property
    def _named(self) -> str:
        return f", {self.holder}" if self.holder else ""


def _holder(words: str) -> str:
    """Return the holder of a lock from DuckDB's message.

    >>> _holder('Conflicting lock is held in /usr/bin/python3.11 (PID 4166). See also ...')
    'python3.11 (process 4166)'
    """
    match = _HOLDER.search(words)
    return f"{Path(match[1]).name} (process {match[2]})" if match else ""


def read_duckdb(
    path: str,
    symbol: str,
    *,
    table: str = DEFAULT_TABLE,
    columns: dict[str, str] | None = None,
    zone: str | None = None,
    time_format: str | None = None,
    stamp: Stamp | None = None,
    since: datetime | None = None,
) -> Iterator[RawBatch]:
    """Read a table of 1-minute bars, one batch for each month that has bars.

    Parameters
    ----------
    path
        The database file; it is opened read-only and released after each month. A table with times
        as text is read at once.
    symbol
        Only rows of this symbol are read if the table has a symbol column. Without a ``contract``
        column the table is a ready-made continuous series, and the symbol is its contract.
    table
        Table or view; ``schema.table`` is allowed.
    columns
        Maps Orbcast's names to the table's, as for ``find_columns``.
    zone, time_format, stamp
        How the times are read, as in ``TimeReading``.
    since
        Aware time; only bars that open from then on are read. None reads all.

    Raises
    ------
    SourceError
        There is no such file, table or column, or no bars of that symbol; times cannot be read
        without an option; or a view reads beyond the file.
    DatabaseLockedError
        Another program has it open for writing; it may succeed later.
    """
    source = table_sql(table)
    reading = TimeReading(zone=zone, time_format=time_format, stamp=stamp or "open")
    with reading_of(path) as connection:
        names = _find_columns(connection, path, table, source, columns or {})
        wanted = _of_symbol(names, symbol)
        times = time_column(
            connection, path, source, quoted(names["ts"]), names["ts"], wanted, reading
        )
        parts = times.parts(connection, source, wanted, since)
    rows_read = 0
    for part in parts:
        clause = wanted.also(times.within(part))
        if since is not None and part not in {NO_TIME, WHOLE}:
            clause = clause.also(times.from_open(since))
        with reading_of(path) as connection:
            raw = _rows(connection, source, names, clause, symbol)
        read = read_times(*_readable(raw, times, part), path)
        for month, bars in _months(_bars(raw, read), part, since):
            lines = pa.array(range(1, len(bars) + 1), pa.int64())
            rows = bars.append_column("source_line", lines).select(RAW_SCHEMA.names)
            rows = rows.cast(RAW_SCHEMA)
            rows_read += len(rows)
            yield RawBatch(
                name=f"{Path(path).name}:{table}:{month}",
                source="duckdb",
                content_hash=hash_of_rows(rows),
                table=rows,
                zone=read.local_zone,
                how=(ReadingMethod(stamp=reading.stamp, columns=tuple(names.items())),),
            )
    if not rows_read and since is None:
        fault = f"table {table} has no rows of symbol {symbol}"
        raise SourceError(path, fault, "check --table, --column symbol=... and the market")


def opened(path: str) -> duckdb.DuckDBPyConnection:
    """Open a database read-only and confined, so that nothing in it reads beyond its file.

    Raises
    ------
    SourceError
        It does not exist, or is not a DuckDB database.
    DatabaseLockedError
        Another program has it open for writing; it may succeed later.
    """
    require_file(Path(path))
    try:
        connection = duckdb.connect(path, read_only=True, config=_CONFINED)
    except duckdb.IOException as error:
        if "could not set lock" in str(error).lower():
            raise DatabaseLockedError(path, _holder(str(error))) from error
        raise _unopened(path, error) from error
    except duckdb.Error as error:
        raise _unopened(path, error) from error
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection


@contextmanager
def reading_of(path: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a confined connection; errors of DuckDB become readable refusals.

    Raises
    ------
    SourceError
        The database cannot be opened or read, or a view reads beyond its file.
    DatabaseLockedError
        Another program has it open for writing; it may succeed later.
    """
    with opened(path) as connection:
        try:
            yield connection
        except duckdb.PermissionException as error:
            # DuckDB's own message would reveal what the view names
            raise SourceError(path, BEYOND, BEYOND_REMEDY) from error
        except duckdb.Error as error:
            fault = f"cannot be read ({' '.join(str(error).split())[:200]})"
            raise SourceError(path, fault, "check the table, or export it again") from error


def _unopened(path: str, error: duckdb.Error) -> SourceError:
    return SourceError(path, f"cannot be opened ({error})", "name a DuckDB database file")


def quoted(name: str) -> str:
    """Return any identifier quoted as SQL."""
    return '"' + name.replace('"', '""') + '"'


def table_sql(table: str) -> str:
    """Return ``table`` or ``schema.table`` as SQL."""
    return ".".join(quoted(part) for part in table.split("."))


def _of_symbol(names: dict[str, str], symbol: str) -> Clause:
    if "symbol" not in names:
        return Clause("TRUE")
    return Clause(f"{quoted(names['symbol'])} = ?", (symbol,))


def _find_columns(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    table: str,
    source: str,
    columns: dict[str, str],
) -> dict[str, str]:
    try:
        here = connection.sql(f"SELECT * FROM {source} LIMIT 0").columns
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        tables = tables_of(connection)
        if table in tables:  # the query of the view itself fails
            raise
        remedy = f"name one of its tables with --table: {', '.join(tables) or 'it has none'}"
        raise SourceError(path, f"has no table {table}", remedy) from error
    if "ts" not in columns and "ts_utc" in here:
        columns = {**columns, "ts": "ts_utc"}
    names = find_columns(here, columns, f"{path}, table {table}")
    if "ts" not in names:
        remedy = f"make a view of {table} with a column of times (date + time AS ts)"
        raise SourceError(path, f"table {table} has days and times apart", remedy)
    return names


def tables_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of a database's tables and views, with the schema unless it is main."""
    names = connection.sql(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_catalog = current_database() ORDER BY 1, 2"
    ).to_arrow_table()
    return [
        name if schema == "main" else f"{schema}.{name}"
        for schema, name in zip(
            names["table_schema"].to_pylist(), names["table_name"].to_pylist(), strict=True
        )
    ]


def _rows(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    names: dict[str, str],
    clause: Clause,
    symbol: str,
) -> pa.Table:
    contract = quoted(names["contract"]) if names.get("contract") else "?"
    given = [] if names.get("contract") else [symbol]
    prices = ", ".join(_number(names[name], name) for name in PRICES)
    volume = _number(names["volume"], "volume") if "volume" in names else "0.0 AS volume"
    result = connection.sql(
        f"""
        SELECT CAST({contract} AS VARCHAR) AS contract,
               {quoted(names["ts"])} AS ts,
               {prices},
               {volume},
               CAST(NULL AS VARCHAR) AS fault
        FROM {source}
        WHERE {clause.sql}
        ORDER BY 2, 1, 3, 4, 5, 6, 7
        """,
        params=[*given, *clause.values],
    )
    table: pa.Table = result.to_arrow_table()
    return table


def _readable(raw: pa.Table, times: TimeColumn, part: str) -> tuple[pa.ChunkedArray, TimeReading]:
    """Return the times of raw rows and their reading; the part without times has none."""
    if part == NO_TIME:
        none = pa.nulls(len(raw), pa.timestamp("us", tz="UTC"))
        return pa.chunked_array([none]), TimeReading()
    return raw["ts"], times.reading


def _bars(raw: pa.Table, read: Times) -> pa.Table:
    """Return raw rows with their parsed times."""
    table = raw.set_column(1, "ts", read.ts)
    if read.fault.null_count == len(raw):
        return table  # with DuckDB's own nulls, as in the content hash of earlier versions
    return table.set_column(table.num_columns - 1, "fault", read.fault)


def _months(rows: pa.Table, part: str, since: datetime | None) -> Iterator[tuple[str, pa.Table]]:
    """Split a completely read table by the months of its bars."""
    if part != WHOLE:
        yield part, rows
        return
    if since is not None:
        old = pc.less(rows["ts"], pa.scalar(since, rows["ts"].type)).fill_null(fill_value=False)
        rows = rows.filter(pc.invert(old))
    yield from by_month(rows)


def _number(column: str, name: str) -> str:
    return f"TRY_CAST({quoted(column)} AS DOUBLE) AS {name}"
