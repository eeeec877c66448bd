"""The record of every batch read into the lake: one JSON file per reading."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from ml_core.bars.checks.bad_rows import AWAITED
from ml_core.bars.checks.checked import Finding
from ml_core.bars.lake.month_file import LakeDamagedError
from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.json_form import from_json
from ml_core.json_values import parse_json

Status = Literal["added", "unchanged", "already", "forgotten", "refused"]


LAST = "last"
"""Name for the last reading that is in the lake; no batch can have this name."""


class NoSuchBatchError(InputError):
    """The named batch does not exist, or its bars are no longer in the lake."""

    batch: str
    symbol: str
    fault: str
    template = "batch {batch} of {symbol} {fault}; `orbcast bars batches` lists those there are"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """The record of one reading of a batch.

    Attributes
    ----------
    batch_id
        Derived from the symbol, the content and the number of earlier readings of it.
    name, source, content_hash
        As given by the source.
    origin, reading
        What was read, and the options used; both empty in a record written before they were kept.
    status
        ``added``, ``unchanged`` (every bar was here), ``already`` (this very reading was imported
        before and is valid), ``forgotten`` (an earlier batch was removed) or ``refused``.
    rows, added, unchanged, revised, duplicates
        Counts of rows.
    withdrawn
        Number of bars removed, with the readings in ``replaces``.
    replaces
        Earlier readings that are no longer valid.
    quarantined, dropped
        Counts by reason.
    findings
        Unusual observations; the bars are kept.
    first, last
        Times of the first and last valid bar, ISO, UTC; None if there is none.
    ingested_at
        ISO, UTC.
    sequence
        Running number of the record; 0 in a record written before it was kept.
    """

    batch_id: str
    name: str
    source: str
    content_hash: str
    status: Status
    rows: int
    added: int
    unchanged: int
    revised: int
    duplicates: int
    quarantined: dict[str, int]
    dropped: dict[str, int]
    findings: tuple[Finding, ...]
    first: str | None
    last: str | None
    ingested_at: str
    origin: str = ""
    reading: str = ""
    withdrawn: int = 0
    replaces: tuple[str, ...] = ()
    sequence: int = 0

    @property
    def is_reading(self) -> bool:
        """Whether a source was read; False for a record that only removes a batch."""
        return self.status != "forgotten"

    @property
    def ahead(self) -> int:
        """Number of bars set aside because they had not closed yet."""
        return sum(self.quarantined.get(reason, 0) for reason in AWAITED)


class BatchLog:
    """The records of one symbol's batches, in time order.

    Parameters
    ----------
    folder
        Their folder, which may not exist yet.

    Raises
    ------
    LakeDamagedError
        A record cannot be read.
    """

    def __init__(self, folder: Path, symbol: str) -> None:
        self.folder, self.symbol = folder, symbol
        records = (_read(path) for path in folder.glob("*.json"))
        self.records = sorted(
            records, key=lambda record: (record.sequence, record.ingested_at, record.name)
        )

    def write(self, record: BatchRecord) -> BatchRecord:
        """Append a record; it is on disk when this returns."""
        last = self.records[-1].sequence if self.records else 0
        record = replace(record, sequence=last + 1)
        with written_atomically(self.folder / f"{record.batch_id}.json") as temporary:
            temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        self.records.append(record)
        return record

    def withdrawn(self) -> set[str]:
        """Return the batches that a later reading replaced or a person removed."""
        return {batch_id for record in self.records for batch_id in record.replaces}

    def in_lake(self) -> list[BatchRecord]:
        """Return the readings whose bars are in the lake, in time order."""
        gone = self.withdrawn()
        return [
            record for record in self.records if record.is_reading and record.batch_id not in gone
        ]

    def last_reading(self, content_hash: str) -> BatchRecord | None:
        """Return the last valid reading of this content, if any."""
        same = [record for record in self.in_lake() if record.content_hash == content_hash]
        return same[-1] if same else None

    def replaced_by(self, origin: str, content_hash: str, reading: str) -> list[BatchRecord]:
        """Return the valid readings that this one replaces.

        They are the readings of the same content, and those of the same origin with other options.
        """
        return [
            record
            for record in self.in_lake()
            if record.content_hash == content_hash
            or (origin and record.origin == origin and record.reading != reading)
        ]

    def replaced_with(self, batch_id: str) -> tuple[str, ...]:
        """Return the readings that a reading replaced, in time order."""
        replaced = (record.replaces for record in self.records if record.batch_id == batch_id)
        return next(replaced, ())

    def changed_since(self, record: BatchRecord) -> list[BatchRecord]:
        """Return the later valid readings that may have changed bars of this one."""
        return [
            other
            for other in self.in_lake()
            if other.sequence > record.sequence and other.revised and _overlap(record, other)
        ]

    def lost_support(self, record: BatchRecord) -> bool:
        """Return whether bars that this reading only confirmed may have been withdrawn since."""
        return record.unchanged > 0 and any(
            other.withdrawn for other in self.records if other.sequence > record.sequence
        )

    def named(self, batch_id: str) -> BatchRecord:
        """Return the record of this name; its first few characters are enough.

        ``last`` names the last reading that is in the lake.

        Raises
        ------
        NoSuchBatchError
            There is no such record, or there are several.
        """
        in_lake = self.in_lake()
        if batch_id == LAST and in_lake:
            return in_lake[-1]
        named = [record for record in self.records if record.batch_id.startswith(batch_id)]
        if len(named) != 1:
            fault = "matches several names" if named else "does not exist"
            raise NoSuchBatchError(batch_id or "''", self.symbol, fault)
        return named[0]

    def reading_to_forget(self, batch_id: str) -> BatchRecord:
        """Return the reading of this name.

        Raises
        ------
        NoSuchBatchError
            There is no such reading, there are several, or its bars are no longer in the lake.
        """
        record = self.named(batch_id)
        if record not in self.in_lake():
            raise NoSuchBatchError(batch_id, self.symbol, "no longer has bars in the lake")
        return record

    def new_id(self, content_hash: str) -> str:
        """Return the name for the next reading of a content."""
        taken = {record.batch_id for record in self.records}
        names = (_batch_id(self.symbol, content_hash, again) for again in itertools.count())
        return next(name for name in names if name not in taken)


def was_imported_alone(record: BatchRecord, records: Iterable[BatchRecord]) -> bool:
    """Return whether a reading is from before bars stored their batch, and came in alone.

    Then its bars are identified by their import time and kind of source.
    """
    if record.origin:
        return False
    together = [
        other
        for other in records
        if (other.ingested_at, other.source) == (record.ingested_at, record.source)
    ]
    return together == [record]


def _read(path: Path) -> BatchRecord:
    try:
        return from_json(BatchRecord, parse_json(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise LakeDamagedError(str(path), f"{error}") from error


def _overlap(one: BatchRecord, other: BatchRecord) -> bool:
    """Return whether the periods of two readings overlap, by their first and last bars."""
    if one.first is None or one.last is None or other.first is None or other.last is None:
        return False
    return one.first <= other.last and other.first <= one.last


def _batch_id(symbol: str, content_hash: str, again: int) -> str:
    name = f"{symbol}\n{content_hash}" + (f"\n{again}" if again else "")
    return hashlib.sha256(name.encode()).hexdigest()[:16]
