"""The interface of a source of bars, for Orbcast's own kinds and those of other packages.

A package can add a kind with an entry point in the group ``orbcast.sources``. The entry point's
name is the kind's name, and its object is a subclass of :class:`Source`.
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
"""Orbcast's names for the columns of a bar, which can be mapped to those of a source."""

RESERVED = frozenset({"kind", "paths", "columns", "options"})
"""Names that an option cannot have, because a remembered source uses them itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a kind of source.

    Attributes
    ----------
    name
        Lower-case letters, digits and underscores.
    description
        One line: its meaning, and the default.
    choices
        The allowed values; empty if any text is allowed.
    says
        ``how`` the content is read: with another value, a source's former reading is replaced.
        ``what`` is read: with another value, it is another content, kept next to the former.
    """

    name: str
    description: str
    choices: tuple[str, ...] = ()
    says: Literal["how", "what"] = "how"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to a source.

    Attributes
    ----------
    market
        The market of the bars.
    since
        Aware time; a source may leave out older bars. None requests all.
    at
        Aware time, used as now: a bar is finished if its minute is over by then.
    folder
        A folder for this kind and market only, for data that a source must keep; it may not exist
        yet.
    dry_run
        If True, nothing may be fetched that costs money or cannot be fetched twice.
    tell
        Called with messages for the user while reading, such as the cost.
    """

    market: Market
    since: datetime | None
    at: datetime
    folder: Path
    dry_run: bool = False
    tell: Callable[[str], None] = _LOG.info


class Source(ABC):
    """Where bars come from and how they are read. Each subclass is a kind of source.

    Attributes
    ----------
    name
        The kind's name for ``--source``.
    reads
        A short description of what it reads.
    paths_are
        ``files`` are made absolute when remembered, ``names`` are kept unchanged, and with
        ``nothing`` no path may be given.
    is_live
        Whether it delivers bars as they form, so that its silence is meaningful.
    options, columns
        The options for reading it, and the columns that can be mapped.

    Parameters
    ----------
    paths, columns, options
        As given by the user; each option and column is one of the kind's own.
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
        """Return why these options cannot be used together, as text; empty if they can."""
        del options
        return ""

    @abstractmethod
    def batches(self, request: Request) -> Iterator[RawBatch]:
        """Return the bars in batches, read lazily.

        Raises
        ------
        SourceError
            The source cannot be read as bars.
        TransientError
            Reading failed for now, but may succeed later.
        """

    @property
    def origin(self) -> str | None:
        """What all batches are part of, such as a table; None if each batch is separate."""
        return None

    @property
    def reading(self) -> str:
        """How it is read, as text: readings of one content differ if and only if this differs."""
        how = {option.name for option in self.options if option.says == "how"}
        words = [f"{name}={value}" for name, value in self.values.items() if name in how]
        words += [f"column {name}={value}" for name, value in self.mapping.items()]
        return " ".join(sorted(words)) or "no options"

    def count(self) -> int | None:
        """Return the number of batches, for a progress bar; None if it is unknown."""
        return None


def batch_of(name: str, source: str, bars: pa.Table, contract: str) -> RawBatch:
    """Return a table of bars as a batch; rows with missing values are set aside later.

    Parameters
    ----------
    name
        Name of the batch, such as a day.
    source
        The kind of source.
    bars
        Columns ``ts`` (a timestamp with a zone: the minute's start), ``open``, ``high``, ``low``,
        ``close``, ``volume`` and, if there are several contracts, ``contract``.
    contract
        The contract of bars without a ``contract`` column.

    Raises
    ------
    pyarrow.ArrowInvalid
        A column has another type and cannot be converted.
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
"""Name of the month for rows without a time."""


def by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split bars, in their order, by UTC months; bars without a time form a part of their own."""
    months = pc.strftime(rows["ts"], format="%Y-%m").fill_null(NO_TIME)
    for month in sorted(pc.unique(months).to_pylist()):
        yield month, rows.filter(pc.equal(months, month))


def hash_of_rows(table: pa.Table) -> str:
    """Return the SHA-256 of rows; memory behind missing numbers does not count."""
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
