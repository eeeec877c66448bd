"""Databento DBN files of 1-minute bars (schema ohlcv-1m, parent symbols with their outrights)."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from ml_core.files import sha256_of

ENDINGS = (".dbn", ".dbn.zst")
_OHLCV_1M = 33  # rtype of ohlcv-1m records (dbn: enums.rs, RType::Ohlcv1M)
_RECORD = np.dtype(
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


def read_dbn(paths: list[str], contract_pattern: str) -> Iterator[RawBatch]:
    """Read DBN files, one batch each, keeping the contracts whose names match the pattern.

    Parameters
    ----------
    paths
        Files, or folders of files ending in ``.dbn`` or ``.dbn.zst``.
    contract_pattern
        Regular expression an outright matches in full; the rest is counted as dropped, spreads
        together and other instruments by name.

    Raises
    ------
    SourceError
        A file is missing, truncated, not DBN, or not of schema ohlcv-1m.
    """
    for path in existing_files(paths, ENDINGS):
        yield _read_file(Path(path), re.compile(contract_pattern))


def _read_file(path: Path, outright: re.Pattern[str]) -> RawBatch:
    content = _decompressed(path)
    records, names, ids, starts, stops = _decoded(path, content)
    # the place of each record's name among the names, the last of which stands for none
    code = np.full(len(records), len(names))
    moment = records["ts_event"].astype(np.int64)
    order = np.argsort(records["instrument_id"], kind="stable")
    in_order = records["instrument_id"][order]
    for place, (number, start, stop) in enumerate(zip(ids, starts, stops, strict=True)):
        rows = order[slice(*np.searchsorted(in_order, [number, number + 1]))]
        code[rows[(moment[rows] >= start) & (moment[rows] < stop)]] = place
    is_kept = np.array([*(bool(outright.fullmatch(name)) for name in names), True])[code]
    contract = np.array([*names, None], dtype=object)[code]
    kept = np.flatnonzero(is_kept)
    return RawBatch(
        name=path.name,
        source="dbn",
        content_hash=sha256_of(path),
        table=_table(records[kept], contract[kept], kept),
        dropped=count_dropped(contract[~is_kept].tolist()),
    )


def _decompressed(path: Path) -> bytes:
    try:
        if path.name.endswith(".zst"):
            with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as stream:
                content: bytes = stream.read()
                return content
        return path.read_bytes()
    except OSError as error:
        remedy = "download it again; the file is damaged or cut short"
        raise SourceError(str(path), f"cannot be decompressed ({error})", remedy) from error


def _decoded(
    path: Path, content: bytes
) -> tuple[NDArray[np.void], list[str], list[int], list[int], list[int]]:
    """Return the records, and the intervals in which an instrument id stands for a name."""
    remedy = "name a Databento file of schema ohlcv-1m, whole"
    if content[:3] != b"DBN":
        raise SourceError(str(path), "is not a DBN file", remedy)
    header = 8 + int.from_bytes(content[4:8], "little")
    if len(content) < header:
        raise SourceError(str(path), "ends inside its header", remedy)
    try:
        metadata = Metadata.decode(content[:header])
    except (DBNError, ValueError) as error:
        raise SourceError(str(path), f"has an unreadable header ({error})", remedy) from error
    if str(metadata.schema) != "ohlcv-1m":
        raise SourceError(str(path), f"has schema {metadata.schema}, not ohlcv-1m", remedy)
    body = memoryview(content)[header:]
    whole = len(body) // _RECORD.itemsize
    if len(body) % _RECORD.itemsize:
        raise SourceError(str(path), f"ends in the middle of record {whole + 1}", remedy)
    records = np.frombuffer(body, _RECORD)
    foreign = np.flatnonzero(
        (records["length"] != _RECORD.itemsize // 4) | (records["rtype"] != _OHLCV_1M)
    )
    if len(foreign):
        raise SourceError(str(path), f"record {foreign[0] + 1} is not an ohlcv-1m bar", remedy)
    names, ids, starts, stops = [], [], [], []
    for name, intervals in metadata.mappings.items():
        for interval in intervals:
            if interval["symbol"]:
                names.append(name)
                ids.append(int(interval["symbol"]))
                starts.append(_nanoseconds(interval["start_date"]))
                stops.append(_nanoseconds(interval["end_date"]))
    return records, names, ids, starts, stops


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
    # nanoseconds to microseconds loses nothing of a whole minute, and shows any that is not
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
