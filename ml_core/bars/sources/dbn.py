"""Databento DBN files of 1-minute bars (schema ohlcv-1m, parent symbols with their outrights)."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from databento_dbn import DBNError, Metadata
from numpy.typing import NDArray

from ml_core.bars.contract import (
    PRICES,
    RAW_SCHEMA,
    RawBatch,
    SourceError,
    count_dropped,
    existing_files,
)
from ml_core.bars.sources.large_file import PART_ROWS, in_months
from ml_core.bars.sources.packed_size import BoundedReader
from ml_core.files import is_disk_full, sha256_of

ENDINGS = (".dbn", ".dbn.zst")
_OHLCV_1M = 33  # rtype of ohlcv-1m records (dbn: enums.rs, RType::Ohlcv1M)
RECORD = np.dtype(
    [
        ("length", "u1"),
        ("rtype", "u1"),
        ("publisher_id", "<u2"),
        ("instrument_id", "<u4"),
        ("ts_event", "<u8"),
        *((name, "<i8") for name in PRICES),
        ("volume", "<u8"),
    ]
)
_UNDEFINED_PRICE = np.iinfo(np.int64).max
_PRICE_SCALE = 1e-9
_DAY_NS = 86_400_000_000_000
_CHUNK = 1 << 20
_LONGEST_HEADER = 64 * 1024**2
"""Bytes; far more than a header with every instrument that ever existed."""

_REMEDY = "name a Databento file of schema ohlcv-1m, whole"


def read_dbn(paths: list[str], contract_pattern: str) -> Iterator[RawBatch]:
    """Read DBN files, one batch each; keep the contracts whose names match the pattern.

    A file of more than ``large_file.PART_ROWS`` records gives one batch per month.

    Parameters
    ----------
    paths
        Files, or folders of files ending in ``.dbn`` or ``.dbn.zst``.
    contract_pattern
        Regular expression that matches an outright's name in full; other rows are counted as
        dropped, spreads together and other instruments by name.

    Raises
    ------
    SourceError
        A file is missing, truncated, not DBN, or not of schema ohlcv-1m.
    """
    for path in existing_files(paths, ENDINGS):
        yield from _read_file(Path(path), re.compile(contract_pattern))


@dataclass(frozen=True, slots=True)
class _Names:
    """The intervals in which an instrument's number maps to a name."""

    names: list[str]
    numbers: list[int]
    starts: list[int]
    stops: list[int]

    @classmethod
    def of(cls, metadata: Metadata) -> _Names:
        """Return the intervals of a file."""
        intervals = [
            (name, interval)
            for name, intervals in metadata.mappings.items()
            for interval in intervals
            if interval["symbol"]
        ]
        return cls(
            [name for name, _ in intervals],
            [int(interval["symbol"]) for _, interval in intervals],
            [_nanoseconds(interval["start_date"]) for _, interval in intervals],
            [_nanoseconds(interval["end_date"]) for _, interval in intervals],
        )

    def codes_of(self, records: NDArray[np.void]) -> NDArray[np.int64]:
        """Return each record's index into the names; their count means no name."""
        code = np.full(len(records), len(self.names))
        moment = records["ts_event"].astype(np.int64)
        order = np.argsort(records["instrument_id"], kind="stable")
        in_order = records["instrument_id"][order]
        spans = zip(self.numbers, self.starts, self.stops, strict=True)
        for place, (number, start, stop) in enumerate(spans):
            rows = order[slice(*np.searchsorted(in_order, [number, number + 1]))]
            code[rows[(moment[rows] >= start) & (moment[rows] < stop)]] = place
        return code


def _read_file(path: Path, outright: re.Pattern[str]) -> Iterator[RawBatch]:
    with _opened(path) as stream:
        metadata = _metadata(path, stream)
        parts = _parts(path, stream)
        try:
            names = _Names.of(metadata)
        except (ValueError, OverflowError) as error:
            raise SourceError(str(path), f"has unreadable names ({error})", _REMEDY) from error
        batches = (_batch_of(path, *part, names, outright) for part in parts)
        first, second = next(batches), next(batches, None)
        if second is None:
            yield replace(first, content_hash=sha256_of(path))
            return
        both = itertools.chain([first, second], batches)
        del first, second  # so that they are not held in memory to the end
        yield from in_months(path, both, "", ".*")


def _batch_of(
    path: Path, records: NDArray[np.void], before: int, names: _Names, outright: re.Pattern[str]
) -> RawBatch:
    code = names.codes_of(records)
    is_kept = np.array([*(bool(outright.fullmatch(name)) for name in names.names), True])[code]
    contract = np.array([*names.names, None], dtype=object)[code]
    kept = np.flatnonzero(is_kept)
    return RawBatch(
        name=path.name,
        source="dbn",
        content_hash="",
        table=_table(records[kept], contract[kept], kept + before),
        dropped=count_dropped(contract[~is_kept].tolist()),
    )


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """Yield the unpacked content of a file."""
    with _refusing_damage(path), pa.OSFile(str(path)) as file:
        if not path.name.endswith(".zst"):
            yield io.BufferedReader(file)
            return
        with pa.CompressedInputStream(file, "zstd") as unpacked:
            yield io.BufferedReader(BoundedReader(unpacked, path), _CHUNK)


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise
        remedy = "download it again; the file is damaged or cut short"
        raise SourceError(str(path), f"cannot be decompressed ({error})", remedy) from error


def _metadata(path: Path, stream: io.BufferedReader) -> Metadata:
    start = stream.read(8)
    if start[:3] != b"DBN":
        raise SourceError(str(path), "is not a DBN file", _REMEDY)
    length = int.from_bytes(start[4:8], "little")
    if length > _LONGEST_HEADER:
        raise SourceError(str(path), f"has a header of {length:,} bytes", _REMEDY)
    rest = stream.read(length)
    if len(start) + len(rest) < 8 + length:
        raise SourceError(str(path), "ends inside its header", _REMEDY)
    try:
        metadata = Metadata.decode(start + rest)
    except (DBNError, ValueError) as error:
        raise SourceError(str(path), f"has an unreadable header ({error})", _REMEDY) from error
    if str(metadata.schema) != "ohlcv-1m":
        raise SourceError(str(path), f"has schema {metadata.schema}, not ohlcv-1m", _REMEDY)
    return metadata


def _parts(path: Path, stream: io.BufferedReader) -> Iterator[tuple[NDArray[np.void], int]]:
    """Yield the records in parts, with the number of records before each; at least one part."""
    before = 0
    while True:
        content = stream.read(PART_ROWS * RECORD.itemsize)
        whole, rest = divmod(len(content), RECORD.itemsize)
        if rest:
            fault = f"ends in the middle of record {before + whole + 1}"
            raise SourceError(str(path), fault, _REMEDY)
        if before and not whole:
            return
        records = np.frombuffer(content, RECORD)
        foreign = np.flatnonzero(
            (records["length"] != RECORD.itemsize // 4) | (records["rtype"] != _OHLCV_1M)
        )
        if len(foreign):
            fault = f"record {before + foreign[0] + 1} is not an ohlcv-1m bar"
            raise SourceError(str(path), fault, _REMEDY)
        yield records, before
        if whole < PART_ROWS:
            return
        before += whole


def _nanoseconds(day: object) -> int:
    return int(np.datetime64(str(day), "D").astype(np.int64)) * _DAY_NS


def _table(
    records: NDArray[np.void], contract: NDArray[np.object_], line: NDArray[np.int64]
) -> pa.Table:
    prices = {
        name: np.where(
            records[name] == _UNDEFINED_PRICE,
            np.nan,
            np.round(records[name] * _PRICE_SCALE, 9),
        )
        for name in PRICES
    }
    # microseconds are exact for whole minutes, and still show times that are not
    stamps = (records["ts_event"].astype(np.int64) // 1000).astype("datetime64[us]")
    columns = {
        "contract": pa.array(contract, pa.string()),
        "ts": pa.array(stamps, pa.timestamp("us", tz="UTC")),
        **{name: pa.array(values) for name, values in prices.items()},
        "volume": pa.array(records["volume"].astype(np.float64)),
        "source_line": pa.array(line + 1),
        "fault": pa.nulls(len(records), pa.string()),
    }
    return pa.table(columns, schema=RAW_SCHEMA)
