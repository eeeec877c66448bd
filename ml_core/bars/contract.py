"""The canonical bar: its columns, and the batches in which sources deliver bars."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ml_core.errors import InputError

_SPREAD_SIGNS = frozenset("-:+ ")
_MOST_NAMED = 10

PRICES = ("open", "high", "low", "close")

DEFAULT_TABLE = "bars_1m"
"""The table that is read from a database if none is named."""

OnProgress = Callable[[str, int], None]
"""Called with the name of a batch and the number of batches done."""

BAR_SCHEMA = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("contract", pa.string(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),  # bar OPEN
        *(pa.field(name, pa.float64(), nullable=False) for name in PRICES),
        pa.field("volume", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("ingested_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("brought_by", pa.string()),  # batch; null if stored before it was kept
    ]
)
"""A bar in the lake. It is known only from ``ts`` + 1 minute on."""

RAW_SCHEMA = pa.schema(
    [
        pa.field("contract", pa.string()),
        pa.field("ts", pa.timestamp("us", tz="UTC")),
        *(pa.field(name, pa.float64()) for name in PRICES),
        pa.field("volume", pa.float64()),
        pa.field("source_line", pa.int64(), nullable=False),
        pa.field("fault", pa.string()),
    ]
)
"""A bar as read from a source: anything may be missing; ``fault`` may describe an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingMethod:
    """How a source's rows were read as bars, by options or by what the rows show.

    Attributes
    ----------
    layout
        The layout of text; empty for other kinds of source.
    stamp
        The end of its minute that a bar is stamped with, ``open`` or ``close``.
    columns
        Orbcast's column names, and the source's columns for them.
    """

    layout: str = ""
    stamp: str = "open"
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBatch:
    """Unchecked bars from one file, or one month of a database.

    Attributes
    ----------
    name
        Its name in messages: a file name, or a table and month.
    source
        Kind of source: ``dbn``, ``duckdb``, ``csv`` or ``parquet``.
    content_hash
        SHA-256 of the content, hex.
    origin, reading
        What the batch is part of (a file's content, a table of a database), and the options it was
        read with. Reading the same origin again with other options replaces the former reading.
    part_of
        Name of the origin if the origin is a hash.
    table
        Columns of ``RAW_SCHEMA``.
    zone
        The zone in which local times were read; None if the times have their own zone.
    how
        How its rows were read; several if rows had several forms, empty if there is only one way.
    dropped
        Counts of rows left out on purpose: by ``spread``, or the instrument they belong to.
    """

    name: str
    source: str
    content_hash: str
    table: pa.Table
    origin: str = ""
    reading: str = ""
    part_of: str = ""
    zone: str | None = None
    how: tuple[ReadingMethod, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)


class SourceError(InputError):
    """The source cannot be read as bars.

    Attributes
    ----------
    source
        File or database.
    fault
        What is wrong, with row and field if there is one.
    remedy
        What to do.
    """

    source: str
    fault: str
    remedy: str
    template = "{source}: {fault}; {remedy}"


def outrights_of(batch: RawBatch, symbol: str, pattern: str) -> RawBatch:
    """Leave out contracts that are not outrights, and count them as dropped.

    Rows are kept if the name matches ``pattern`` in full, is the symbol itself (a ready-made
    continuous series), or is missing (the checks set these aside).

    Raises
    ------
    SourceError
        Nothing is left: the source is of another market, or names its contracts in another way.
    """
    batch, foreign = drop_foreign_rows(batch, symbol, pattern)
    if not len(batch.table) and any(batch.dropped.values()):
        examples = f" ({', '.join(foreign[:3])} ...)" if foreign else ""
        fault = f"no contract{examples} matches {pattern} of market {symbol}"
        remedy = (
            "name this market's file; or correct contract_pattern; or give --column contract= if"
        )
        raise SourceError(batch.name, fault, f"{remedy} it is one ready-made series of {symbol}")
    return batch


def drop_foreign_rows(batch: RawBatch, symbol: str, pattern: str) -> tuple[RawBatch, list[str]]:
    """Do the same for rows that may be part of a source; also return the names left out."""
    names = batch.table["contract"].unique().drop_null().to_pylist()
    foreign = [name for name in names if name != symbol and not re.fullmatch(pattern, name)]
    if foreign:
        away = pc.is_in(batch.table["contract"], value_set=pa.array(foreign, pa.string()))
        counted = batch.table["contract"].filter(away).value_counts()
        left_out = {row["values"]: row["counts"] for row in counted.to_pylist()}
        dropped = dict(Counter(batch.dropped) + Counter(count_dropped(left_out)))
        batch = replace(batch, table=batch.table.filter(pc.invert(away)), dropped=dropped)
    return batch, foreign


def count_dropped(contracts: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
    """Count the rows left out by reason, the most common first.

    A mapping gives the number of rows of each contract.

    >>> count_dropped(["MGCG4-MGCJ4", "NQH4", "NQH4"])
    {'NQH4': 2, 'spread': 1}
    """
    counts: Counter[str] = Counter()
    for name, rows in Counter(contracts).items():
        counts["spread" if _SPREAD_SIGNS.intersection(name) else name] += rows
    named = counts.most_common(_MOST_NAMED)
    others = counts.total() - sum(rows for _, rows in named)
    return dict(named) | ({"other instruments": others} if others else {})


def existing_files(paths: list[str], endings: tuple[str, ...]) -> list[str]:
    """Return the given files, and the files with these endings in the given folders, in order.

    Raises
    ------
    SourceError
        A path does not exist or is not a file, or a folder holds no such file.
    """
    files: list[str] = []
    for name in paths:
        path = Path(name)
        inside = [name]
        if path.is_dir():
            inside = sorted(
                str(member) for member in path.iterdir() if member.name.lower().endswith(endings)
            )
            if not inside:
                fault = f"no file ends in {' or '.join(endings)}"
                raise SourceError(name, fault, "name a folder that holds some, or the files")
        files += inside
    for file in files:
        require_file(Path(file))
    if not files:
        raise SourceError("source", "no path is named", "name at least one file or folder")
    return files


def require_file(path: Path) -> None:
    """Refuse a path that is not a regular file, such as a pipe: reading it may never end.

    Raises
    ------
    SourceError
        It does not exist, or is not a file.
    """
    if path.is_file():
        return
    if not path.exists():
        raise SourceError(str(path), "does not exist", "check the path")
    what = "a folder" if path.is_dir() else "a pipe, socket or device"
    raise SourceError(
        str(path), f"is {what} and not a file", "move it away, or name files of bars"
    )
