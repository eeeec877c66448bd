"""Parquet files of 1-minute bars."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml_core.bars.contract import (
    PRICES,
    RAW_SCHEMA,
    RawBatch,
    ReadingMethod,
    SourceError,
    existing_files,
)
from ml_core.bars.sources.columns import WHOSE, contracts_of, find_columns, stamps_of
from ml_core.bars.sources.large_file import Part, parts_of, whole_or_in_months
from ml_core.bars.sources.times import Stamp, TimeReading, read_times, zone_in_name
from ml_core.files import is_disk_full

_ROWS_AT_ONCE = 100_000
"""Number of rows requested from Arrow at once."""

ENDINGS = (".parquet", ".pq")


def read_parquet(
    paths: list[str],
    symbol: str,
    *,
    columns: dict[str, str] | None = None,
    zone: str | None = None,
    time_format: str | None = None,
    stamp: Stamp | None = None,
    contract_pattern: str = ".*",
) -> Iterator[RawBatch]:
    """Read Parquet files, one batch each.

    A file of more than ``large_file.PART_ROWS`` rows gives one batch per month. Only the needed
    columns of a file are read.

    Parameters
    ----------
    paths
        Files, or folders of files ending in ``.parquet`` or ``.pq``.
    symbol
        The market's symbol; used as contract if the file has no ``contract`` column.
    columns
        Maps Orbcast's column names to the file's, as for ``find_columns``.
    zone, time_format, stamp
        How the times are read, as in ``TimeReading``.
    contract_pattern
        Pattern of the market's outrights, by which other rows of a large file are left out at
        once.

    Raises
    ------
    SourceError
        There is no file, it is not Parquet, columns are missing, there are no rows of the symbol,
        or times cannot be read without an option.
    """
    reading = TimeReading(zone=zone, time_format=time_format, stamp=stamp or "open")
    for path in existing_files(paths, ENDINGS):
        yield from _read_file(Path(path), symbol, columns or {}, reading, contract_pattern)


def _read_file(
    path: Path, symbol: str, columns: dict[str, str], reading: TimeReading, pattern: str
) -> Iterator[RawBatch]:
    with _refusing(path), pq.ParquetFile(path, pre_buffer=False) as file:
        if not file.metadata.num_rows:
            raise SourceError(str(path), "holds no rows", "name a file with bars")
        names = find_columns(file.schema_arrow.names, columns, str(path), optional=WHOSE)
        reading = replace(reading, assumed_zone=zone_in_name(names.get("ts", "")))
        wanted = list(dict.fromkeys(names.values()))
        schema = pa.schema([file.schema_arrow.field(name) for name in wanted])
        rows = file.iter_batches(_ROWS_AT_ONCE, columns=wanted)
        parts = parts_of((batch.select(wanted) for batch in rows), schema)
        yield from whole_or_in_months(
            path,
            parts,
            lambda part: _batch_of(path, part, names, symbol, reading),
            symbol,
            pattern,
        )


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Raise a ``SourceError`` that names the file if it is not Parquet or is damaged."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        # column names that are not UTF-8 or not unique raise Python's own errors
        if is_disk_full(error):
            raise
        fault = f"cannot be read ({' '.join(str(error).split())[:200]})"
        raise SourceError(str(path), fault, "name a whole Parquet file") from error


def _batch_of(
    path: Path, part: Part, names: dict[str, str], symbol: str, reading: TimeReading
) -> RawBatch:
    raw, source = part.rows, part.source(path)
    raw.validate(full=True)  # text in a damaged file may be invalid
    times = read_times(stamps_of(raw, names), reading, source)
    count = len(raw)
    try:
        numbers = {
            name: raw[names[name]].cast(pa.float64(), safe=False)
            for name in (*PRICES, "volume")
            if name in names
        }
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        fault = f"prices and volume are not all numbers ({error})"
        raise SourceError(source, fault, "store them as numbers") from error
    table = {
        "contract": contracts_of(raw, names, symbol, source, is_part=not part.is_whole),
        "ts": times.ts,
        "volume": pa.repeat(0.0, count),
        **numbers,
        "source_line": pa.array(np.arange(count) + 1 + part.before),
        "fault": times.fault,
    }
    return RawBatch(
        name=path.name,
        source="parquet",
        content_hash="",
        table=pa.table(table, schema=RAW_SCHEMA),
        zone=times.local_zone,
        how=(ReadingMethod(stamp=reading.stamp, columns=tuple(names.items())),),
    )
