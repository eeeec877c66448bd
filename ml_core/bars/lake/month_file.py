"""One month of bars in one Parquet file: writing its rows, and reading them as ticks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.bars.arrow_values import MINUTE_US, minutes_of, moment_of, numbers_of
from ml_core.bars.contract import BAR_SCHEMA, PRICES
from ml_core.errors import OperatorError
from ml_core.market.instrument import Instrument
from ml_core.market.market import Market
from ml_core.on_demand import library

pc = library("pyarrow.compute")

_VALUES = (*PRICES, "volume")
_MONTHS_REMEMBERED = 6
"""Decoded months a process caches, 2 to 4 MB each: the history of live decisions."""


class LakeDamagedError(OperatorError):
    """A file of the lake cannot be read."""

    path: str
    fault: str
    template = (
        "{path} is damaged ({fault}); put it back from a backup, or move it away and ingest its "
        "sources again, which `orbcast bars batches` lists: all other files stay as they are"
    )


@contextmanager
def reading_month_file(path: Path) -> Iterator[None]:
    """Turn a read error of Parquet into an error that names the file of the lake."""
    try:
        yield
    except PermissionError:
        raise  # the file may be intact: its owner must grant access
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        fault = (str(error).splitlines() or [type(error).__name__])[0]
        raise LakeDamagedError(str(path), fault) from error


@dataclass(frozen=True, slots=True)
class Month:
    """The content of a month file; times are aware UTC."""

    rows: int
    contracts: tuple[str, ...]
    first: datetime
    last: datetime

    @staticmethod
    def describe(path: Path) -> Month:
        """Read only the columns needed to describe a file."""
        file = pq.ParquetFile(path, read_dictionary=["contract"])
        table = file.read(columns=["contract", "ts"])
        names = table["contract"].unique().to_pylist()
        stamps = table["ts"]
        first, last = (moment_of(stamps[row]) for row in (0, -1))
        return Month(len(table), tuple(sorted(names)), first, last)


def split_by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split rows, in time order, at the borders of UTC months."""
    months = rows["ts"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[M]")
    names, starts = np.unique(months, return_index=True)
    for name, start, stop in zip(names, starts, [*starts, len(rows)][1:], strict=True):
        yield str(name), rows.slice(start, stop - start)


def month_names(first_minute: int | None, stop_minute: int | None) -> Callable[[str], bool]:
    """Return a test for months (``2024-01``) that a span of UTC minutes touches; None is open."""
    first = "" if first_minute is None else _month_of(first_minute)
    last = "9999" if stop_minute is None else _month_of(stop_minute - 1)
    return lambda name: first <= name <= last


def months_of(first_minute: int, stop_minute: int) -> list[str]:
    """Return the months (``2024-01``) that a span of UTC minutes touches, in order.

    >>> months_of(28_400_000, 28_480_000)
    ['2023-12', '2024-01', '2024-02']
    """
    first, last = (np.datetime64(minute, "m") for minute in (first_minute, stop_minute - 1))
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    return [str(month) for month in months]


def write_rows(table: pa.Table, path: Path) -> None:
    """Write rows in a form that is fast to read: measured, a third of the time of zstd.

    Times and volumes are stored as differences; the few distinct prices as a dictionary.
    """
    changing = {"ts", "volume"} & set(table.column_names)
    pq.write_table(
        table,
        path,
        compression="lz4",
        use_dictionary=[name for name in table.column_names if name not in changing],
        column_encoding={
            name: "DELTA_BINARY_PACKED"
            for name in changing
            if not pa.types.is_floating(table.schema.field(name).type)
        },
    )


def read_rows(path: Path) -> pa.Table:
    """Read a month file's rows, every column of ``BAR_SCHEMA``.

    ``pyarrow.parquet.read_table`` is not used because it imports pandas.
    """
    return as_bars(pq.ParquetFile(path).read())


def read_minutes(path: Path) -> NDArray[np.int64]:
    """Read the UTC minute of every bar of a month file."""
    return minutes_of(pq.ParquetFile(path).read(columns=["ts"])["ts"])


def as_bars(table: pa.Table) -> pa.Table:
    """Return the columns of ``BAR_SCHEMA``; an earlier release stored none for batches."""
    if "brought_by" not in table.column_names:
        table = table.append_column("brought_by", pa.nulls(len(table), pa.string()))
    return table.select(BAR_SCHEMA.names).cast(BAR_SCHEMA)


def count_rows(path: Path) -> int:
    """Return the number of bars in a month file, from its footer only."""
    return int(pq.ParquetFile(path).metadata.num_rows)


def last_moment(path: Path) -> datetime:
    """Return the opening time of the last bar of a month file (aware UTC)."""
    file = pq.ParquetFile(path)
    stamps = file.read_row_group(file.num_row_groups - 1, columns=["ts"])["ts"]
    return moment_of(stamps[-1])


def read_bars(months: Sequence[Path], market: Market) -> Bars:
    """Read month files into integer ticks on UTC minutes.

    A month that was read before and not replaced since is not decoded again: live decisions read
    the same few months all day.
    """
    parts = [_read_month(path, market) for path in months]
    names = sorted({name for part in parts for name in part.contracts})
    place = {name: code for code, name in enumerate(names)}
    codes = [
        np.array([place[name] for name in part.contracts], np.int32)[part.contract]
        for part in parts
    ]

    def joined(name: str, kind: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.empty(0, kind), *(getattr(part, name) for part in parts)])

    return Bars(
        symbol=market.symbol,
        contracts=tuple(names),
        minute=joined("minute", np.int64),
        contract=np.concatenate([np.empty(0, np.int32), *codes]),
        open=joined("open", np.int32),
        high=joined("high", np.int32),
        low=joined("low", np.int32),
        close=joined("close", np.int32),
        volume=joined("volume", np.int64),
    )


def read_stored(months: Sequence[Path], first_minute: int, stop_minute: int) -> pa.Table:
    """Read month files' rows of a span of UTC minutes, every column of ``BAR_SCHEMA``."""
    tables = []
    for path in months:
        with reading_month_file(path):
            tables.append(read_rows(path))
    table = pa.concat_tables(tables) if tables else BAR_SCHEMA.empty_table()
    first, stop = (
        pa.scalar(minute * MINUTE_US, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
        for minute in (first_minute, stop_minute)
    )
    inside = pc.and_(pc.greater_equal(table["ts"], first), pc.less(table["ts"], stop))
    return table.filter(inside)


def _read_month(path: Path, market: Market) -> Bars:
    with reading_month_file(path):
        stat = path.stat()
        identity = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        return _decoded(str(path), identity, market.symbol, market.instrument)


@lru_cache(maxsize=_MONTHS_REMEMBERED)
def _decoded(path: str, identity: tuple[int, ...], symbol: str, instrument: Instrument) -> Bars:
    """Decode a month file; a replaced file has another ``identity``."""
    del identity
    columns = ["contract", "ts", *_VALUES]
    file = pq.ParquetFile(path, read_dictionary=["contract"], memory_map=True)
    return bars_of(file.read(columns=columns), symbol, instrument)


def bars_of(rows: pa.Table, symbol: str, instrument: Instrument) -> Bars:
    """Return stored rows, by time and contract, as integer ticks with coded contracts."""
    table = rows.unify_dictionaries().combine_chunks()
    names, codes = _contracts(table["contract"])
    ticks = {name: instrument.to_ticks(numbers_of(table[name])) for name in PRICES}
    return Bars(
        symbol=symbol,
        contracts=names,
        minute=minutes_of(table["ts"]),
        contract=codes,
        open=ticks["open"],
        high=ticks["high"],
        low=ticks["low"],
        close=ticks["close"],
        volume=numbers_of(table["volume"]),
    )


def content_hash(bars: Bars) -> str:
    """Return a SHA-256 of bars, ordered by time and contract name."""
    used, code = np.unique(bars.contract, return_inverse=True)
    names = [bars.contracts[index] for index in used.tolist()]
    digest = hashlib.sha256("\n".join((bars.symbol, *names)).encode())
    prices = (bars.open, bars.high, bars.low, bars.close)
    for values in (bars.minute, code, *prices, bars.volume):
        digest.update(values.astype("<i8").tobytes())
    return digest.hexdigest()


def _contracts(column: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return contract names in order, and each row's index into them."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    symbols = np.array(array.dictionary.to_pylist(), dtype=str)
    names, rank = np.unique(symbols, return_inverse=True)
    codes = (
        rank.astype(np.int32)[numbers_of(array.indices)] if len(array) else np.empty(0, np.int32)
    )
    return tuple(names.tolist()), codes


def _month_of(minute: int) -> str:
    return str(np.datetime64(minute, "m").astype("datetime64[M]"))
