"""Parquet files of 1-minute bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml_core.bars.contract import (
    PRICES,
    RAW_SCHEMA,
    HowRead,
    RawBatch,
    SourceError,
    existing_files,
)
from ml_core.bars.sources.columns import WHOSE, contracts_of, find_columns, stamps_of
from ml_core.bars.sources.times import Stamp, TimeReading, read_times, zone_in_name
from ml_core.files import sha256_of

ENDINGS = (".parquet", ".pq")


def read_parquet(
    paths: list[str],
    symbol: str,
    *,
    columns: dict[str, str] | None = None,
    zone: str | None = None,
    time_format: str | None = None,
    stamp: Stamp | None = None,
) -> Iterator[RawBatch]:
    """Read Parquet files, one batch each.

    Parameters
    ----------
    paths
        Files, or folders of files ending in ``.parquet`` or ``.pq``.
    symbol
        Of the market; stands for the contract where the file has no ``contract`` column.
    columns
        Orbcast's column names to the file's, as ``find_columns`` takes them.
    zone, time_format, stamp
        How the times are read, as in ``TimeReading``.

    Raises
    ------
    SourceError
        No file, not Parquet, missing columns, no rows of the symbol, or times that cannot be read
        without an option.
    """
    reading = TimeReading(zone=zone, time_format=time_format, stamp=stamp or "open")
    for path in existing_files(paths, ENDINGS):
        yield _read_file(Path(path), symbol, columns or {}, reading)


def _read_file(path: Path, symbol: str, columns: dict[str, str], reading: TimeReading) -> RawBatch:
    try:
        raw = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        remedy = "name a whole Parquet file"
        raise SourceError(str(path), f"cannot be read ({error})", remedy) from error
    if not len(raw):
        raise SourceError(str(path), "holds no rows", "name a file with bars")
    names = find_columns(raw.column_names, columns, str(path), optional=WHOSE)
    reading = replace(reading, assumed_zone=zone_in_name(names.get("ts", "")))
    times = read_times(stamps_of(raw, names), reading, str(path))
    count = len(raw)
    try:
        numbers = {
            name: raw[names[name]].cast(pa.float64(), safe=False)
            for name in (*PRICES, "volume")
            if name in names
        }
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        fault = f"prices and volume are not all numbers ({error})"
        raise SourceError(str(path), fault, "store them as numbers") from error
    table = {
        "contract": contracts_of(raw, names, symbol, str(path)),
        "ts": times.ts,
        "volume": pa.repeat(0.0, count),
        **numbers,
        "source_line": pa.array(np.arange(count) + 1),
        "fault": times.fault,
    }
    return RawBatch(
        name=path.name,
        source="parquet",
        content_hash=sha256_of(path),
        table=pa.table(table, schema=RAW_SCHEMA),
        zone=times.local_zone,
        how=(HowRead(stamp=reading.stamp, columns=tuple(names.items())),),
    )
