"""What a source of bars is: the interface that Orbcast's own kinds and those of others share.

A package of one's own brings a kind by an entry point of the group ``orbcast.sources``, whose name
is that of the kind and whose object is a subclass of :class:`Source`.
"""

from __future__ import annotations

import hashlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_core.bars.contract import RAW_SCHEMA, RawBatch
from ml_core.market.market import Market

_LOG = logging.getLogger(__name__)

BAR_COLUMNS = frozenset({"ts", "open", "high", "low", "close", "volume", "contract"})
"""Orbcast's names for the columns of a bar, which an option may map to those of a source."""

RESERVED = frozenset({"kind", "paths", "columns", "options"})
"""Names that no option can have, since a remembered source has them itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that a kind of source lets its user say.

    Attributes
    ----------
    name
        Lower case letters, digits and underscores.
    description
        One line: what it is, and what holds when it is left out.
    choices
        The values there are; empty where any text may be one.
    says
        ``how`` the content is read: told other options, a source's former reading is replaced.
        ``what`` is read: other values are another content, beside the former.
    """

    name: str
    description: str
    choices: tuple[str, ...] = ()
    says: Literal["how", "what"] = "how"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a source.

    Attributes
    ----------
    market
        Whose bars.
    since
        Aware time; a source that can leaves out what is older. None asks for all.
    at
        Aware time, taken for now: a bar is finished if its minute is over by then.
    folder
        Of this kind and market alone, for what a source must keep; it may not exist yet.
    dry_run
        Nothing may be fetched that costs money, or that cannot be fetched twice.
    tell
        Called with what the user should know while it is read, such as what it costs.
    """

    market: Market
    since: datetime | None
    at: datetime
    folder: Path
    dry_run: bool = False
    tell: Callable[[str], None] = _LOG.info


class Source(ABC):
    """Where bars come from and how they are read. A subclass is a kind of source.

    Attributes
    ----------
    name
        Of the kind, as ``--source`` takes it.
    reads
        What it reads, in a few words.
    paths_are
        ``files`` are made absolute when they are remembered, ``names`` are left as they are, and
        with ``nothing`` no path may be given.
    is_live
        Whether it brings bars as they are made, so that its silence means something.
    options, columns
        What may be said of how it is read, and the columns that may be mapped.

    Parameters
    ----------
    paths, columns, options
        As the user gave them, each option and column one of the kind's own.
    """

    name: ClassVar[str]
    reads: ClassVar[str]
    paths_are: ClassVar[Literal["files", "names", "nothing"]] = "files"
    is_live: ClassVar[bool] = True
    options: ClassVar[tuple[Option, ...]] = ()
    columns: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        paths: tuple[str, ...],
        columns: Mapping[str, str],
        options: Mapping[str, str],
    ) -> None:
        self.paths = paths
        self.mapping = dict(columns)
        self.values = dict(options)

    @classmethod
    def fault_of(cls, options: Mapping[str, str]) -> str:
        """Return in words why these options cannot be used together; empty where they can."""
        del options
        return ""

    @abstractmethod
    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the bars, one batch after another, read as they are asked for.

        Raises
        ------
        SourceError
            They cannot be read as bars.
        TransientError
            Not now; worth another try.
        """

    @property
    def origin(self) -> str | None:
        """What all batches are parts of, such as a table; None where each is its own."""
        return None

    @property
    def reading(self) -> str:
        """How it is read, in words: two readings of one content differ in nothing else."""
        how = {option.name for option in self.options if option.says == "how"}
        words = [f"{name}={value}" for name, value in self.values.items() if name in how]
        words += [f"column {name}={value}" for name, value in self.mapping.items()]
        return " ".join(sorted(words)) or "no options"

    def count(self) -> int | None:
        """Return how many batches there are, for a progress bar; None where that is unknown."""
        return None


def batch_of(name: str, source: str, bars: pa.Table, contract: str) -> RawBatch:
    """Return a batch of a table of bars; a value that is missing is set aside later.

    Parameters
    ----------
    name
        What to call the batch, such as a day.
    source
        The kind of source.
    bars
        Columns ``ts`` (a timestamp with a zone: the minute's beginning), ``open``, ``high``,
        ``low``, ``close``, ``volume`` and, where there are several, ``contract``.
    contract
        Whose bars they are where they do not say so.

    Raises
    ------
    pyarrow.ArrowInvalid
        A column is of another type and cannot be made of its own.
    """
    count = len(bars)
    given = {
        "contract": pa.repeat(contract, count),
        "source_line": pa.array(np.arange(count) + 1),
        "fault": pa.nulls(count, pa.string()),
        **{column: bars[column] for column in bars.column_names},
    }
    table = pa.table([given[field] for field in RAW_SCHEMA.names], names=RAW_SCHEMA.names)
    rows = table.cast(RAW_SCHEMA)
    return RawBatch(name=name, source=source, content_hash=hash_of_rows(rows), table=rows)


NO_TIME = "without-a-time"
"""What the month of rows without a time is called."""


def by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Cut bars, in their order, by UTC months; those without a time are a part of their own."""
    months = pc.strftime(rows["ts"], format="%Y-%m").fill_null(NO_TIME)
    for month in sorted(pc.unique(months).to_pylist()):
        yield month, rows.filter(pc.equal(months, month))


def hash_of_rows(table: pa.Table) -> str:
    """Return the SHA-256 of rows; what lies in memory below a missing number is no part of it."""
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
