"""The lake: every bar ever taken in, in Parquet month files that are whole at every moment.

Layout, below the lake's folder and the symbol's::

    bars/2024-01.parquet               every contract's bars of the month, by time and contract
    revisions/2024-01-<batch>.parquet  earlier values of bars that a later batch changed
    quarantine/<batch>.parquet         bad rows, with reason and source line
    batches/<batch>.json               what each batch brought; its presence says it is all in

Of each batch, what is set aside is written first, then the months, its own record last. Killed
anywhere, the lake holds whole months, and reading the source again completes it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout

from ml_core.bars.arrays import Bars
from ml_core.bars.arrow_values import moment_of
from ml_core.bars.contract import RawBatch, outrights_of
from ml_core.bars.month_file import (
    Month,
    MonthChange,
    content_hash,
    count_rows,
    last_moment,
    month_names,
    months_of,
    read_bars,
    read_stored,
    split_by_month,
    write_rows,
)
from ml_core.bars.quality import (
    FROM_THE_FUTURE,
    BatchRefusedError,
    Finding,
    check,
    refuse_if_bad,
)
from ml_core.errors import OperatorError, TransientError
from ml_core.files import TEMPORARY, written_atomically
from ml_core.market.market import Market

LOCK_SECONDS = 120.0
"""How long a writer waits for another before it gives up."""

Status = Literal["added", "unchanged", "already", "refused"]
OnProgress = Callable[[str, int], None]


class LakeBusyError(TransientError):
    """Another process has been writing to the lake for too long."""

    def __init__(self, folder: str, seconds: float) -> None:
        super().__init__(folder, seconds)
        self.folder, self.seconds = folder, seconds

    def __str__(self) -> str:
        return (
            f"{self.folder} has been written by another process for {self.seconds:g} s; "
            "try again when it is done"
        )


class LakeDamagedError(OperatorError):
    """A file of the lake that cannot be read."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged ({self.fault}); move it away, delete the batches folder "
            "beside it and ingest the sources again: what is whole is kept"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """What became of one batch.

    Attributes
    ----------
    batch_id
        Made of the symbol and the content: the same content has the same id.
    name, source, content_hash
        As the source gave them.
    status
        ``added``, ``unchanged`` (every bar was here), ``already`` (this very content was taken
        in before) or ``refused``.
    rows, added, unchanged, revised, duplicates
        Counts of rows.
    quarantined, dropped
        Counts by reason.
    findings
        What was odd but kept.
    first, last
        Times of the first and last sound bar, ISO, UTC; None without one.
    ingested_at
        ISO, UTC.
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

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> BatchRecord:
        """Read back what :func:`dataclasses.asdict` wrote."""
        findings = tuple(
            Finding(each["check"], each["count"], tuple(each["examples"]))
            for each in values["findings"]
        )
        return cls(**{**values, "findings": findings})


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeStatus:
    """What the lake holds of one symbol; times are aware UTC, None in an empty lake."""

    symbol: str
    bars: int
    contracts: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    batches: int
    quarantined: int
    revisions: int


class Lake:
    """The bars of every market, below one folder.

    Parameters
    ----------
    root
        Folder; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def ingest(
        self,
        batches: Iterable[RawBatch],
        market: Market,
        now: datetime,
        on_progress: OnProgress | None = None,
    ) -> tuple[BatchRecord, ...]:
        """Take in batches, one after another; each is all in, or will be after another run.

        Parameters
        ----------
        batches
            Read lazily: memory holds one at a time.
        market
            Whose bars they are.
        now
            Aware time; recorded, and bars that close after it are refused.
        on_progress
            Called with (batch name, batches done).

        Raises
        ------
        BatchRefusedError
            Too many rows of a batch are bad; earlier batches stay, nothing of this one enters.
        LakeBusyError
            Another writer held the lake too long.
        """
        folder = self._folder(market.symbol)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=LOCK_SECONDS)
        records = []
        try:
            with lock:
                self._sweep(market.symbol)
                for done, batch in enumerate(batches, 1):
                    records.append(self._ingest_one(batch, market, now))
                    if on_progress is not None:
                        on_progress(batch.name, done)
        except Timeout as error:
            raise LakeBusyError(str(folder), LOCK_SECONDS) from error
        return tuple(records)

    def read(
        self, market: Market, first_minute: int | None = None, stop_minute: int | None = None
    ) -> Bars:
        """Read bars with ``first_minute <= minute < stop_minute``, whole months only as needed.

        Raises
        ------
        LakeDamagedError
            A month file cannot be read.
        """
        months = self._months(market.symbol, first_minute, stop_minute)
        with _whole(self._folder(market.symbol) / "bars"):
            bars = read_bars(months, market)
        first = first_minute if first_minute is not None else np.iinfo(np.int64).min
        stop = stop_minute if stop_minute is not None else np.iinfo(np.int64).max
        return bars.between(first, stop)

    def stored(self, market: Market, first_minute: int, stop_minute: int) -> pa.Table:
        """Read a span of minutes as it is stored, with when each bar came in.

        Raises
        ------
        LakeDamagedError
            A month file cannot be read.
        """
        months = self._months(market.symbol, first_minute, stop_minute)
        with _whole(self._folder(market.symbol) / "bars"):
            return read_stored(months, first_minute, stop_minute)

    def batches(self, symbol: str) -> tuple[BatchRecord, ...]:
        """Give the record of every batch taken in, in order of time."""
        found = (self._folder(symbol) / "batches").glob("*.json")
        records = [_record(each) for each in found]
        return tuple(sorted(records, key=lambda each: (each.ingested_at, each.name)))

    def quarantined(self, symbol: str) -> pa.Table | None:
        """Give every row set aside, with batch, reason and source line; None without any."""
        return _concatenated(self._folder(symbol) / "quarantine")

    def revisions(self, symbol: str) -> pa.Table | None:
        """Give the earlier value of every bar that was changed; None without any."""
        return _concatenated(self._folder(symbol) / "revisions")

    def status(self, symbol: str) -> LakeStatus:
        """Say what is here."""
        months = []
        for path in self._months(symbol):
            with _whole(path):
                months.append(Month.describe(path))
        quarantine, revised = self.quarantined(symbol), self.revisions(symbol)
        return LakeStatus(
            symbol=symbol,
            bars=sum(each.rows for each in months),
            contracts=tuple(sorted({name for each in months for name in each.contracts})),
            first=months[0].first if months else None,
            last=months[-1].last if months else None,
            batches=len(list((self._folder(symbol) / "batches").glob("*.json"))),
            quarantined=0 if quarantine is None else len(quarantine),
            revisions=0 if revised is None else len(revised),
        )

    def count(self, symbol: str) -> int:
        """Return how many bars are here."""
        count = 0
        for path in self._months(symbol):
            with _whole(path):
                count += count_rows(path)
        return count

    def last_bar(self, symbol: str) -> datetime | None:
        """Give the time of the last bar, from the newest month alone; None in an empty lake."""
        months = self._months(symbol)
        if not months:
            return None
        with _whole(months[-1]):
            return last_moment(months[-1])

    def fingerprint(self, market: Market, stop_minute: int | None = None) -> str:
        """Give a SHA-256 of the bars before ``stop_minute``, whatever order they came in.

        The same bars give the same fingerprint on any machine; one changed price another.
        """
        return content_hash(self.read(market, None, stop_minute))

    def _ingest_one(self, batch: RawBatch, market: Market, now: datetime) -> BatchRecord:
        folder = self._folder(market.symbol)
        record_file, known = self._last_reading(batch, market)
        ahead = known.quarantined.get(FROM_THE_FUTURE, 0) if known else 0
        if known and not ahead:
            return BatchRecord(**{**_shallow(known), "status": "already"})
        batch = outrights_of(batch, market.symbol, market.contract_pattern)
        checked = check(batch, market, now)
        if known and checked.reasons.get(FROM_THE_FUTURE, 0) >= ahead:
            return BatchRecord(**{**_shallow(known), "status": "already"})
        batch_id = record_file.stem
        if len(checked.quarantined):
            _write_table(folder / "quarantine" / f"{batch_id}.parquet", checked.quarantined)
        try:
            refuse_if_bad(batch, checked, market)
        except BatchRefusedError:
            (folder / "refused").mkdir(exist_ok=True)
            aside = folder / "quarantine" / f"{batch_id}.parquet"
            aside.replace(folder / "refused" / aside.name)
            raise
        changes = [
            self._upsert(market, name, rows, source=batch.source, batch_id=batch_id, now=now)
            for name, rows in split_by_month(checked.good)
        ]
        added, revised = (
            sum(getattr(each, key) for each in changes) for key in ("added", "revised")
        )
        times = checked.good["ts"]
        record = BatchRecord(
            batch_id=batch_id,
            name=batch.name,
            source=batch.source,
            content_hash=batch.content_hash,
            status="added" if added or revised else "unchanged",
            rows=len(batch.table),
            added=added,
            unchanged=len(checked.good) - added - revised,
            revised=revised,
            duplicates=checked.duplicates,
            quarantined=checked.reasons,
            dropped=batch.dropped,
            findings=checked.findings,
            first=moment_of(times[0]).isoformat() if len(times) else None,
            last=moment_of(times[-1]).isoformat() if len(times) else None,
            ingested_at=now.isoformat(),
        )
        with written_atomically(record_file) as temporary:
            temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        return record

    def _last_reading(self, batch: RawBatch, market: Market) -> tuple[Path, BatchRecord | None]:
        """Give where a reading of a batch is kept, and the last one of the same content, if any.

        What was set aside as from the future may be the past by the next reading, though nothing
        in the source has changed: such a batch is read anew, and each reading keeps its record.
        """
        folder, last = self._folder(market.symbol) / "batches", None
        for again in itertools.count():
            path = folder / f"{_batch_id(market.symbol, batch.content_hash, again)}.json"
            if not path.exists():
                return path, last
            last = _record(path)
            if not last.quarantined.get(FROM_THE_FUTURE):
                return path, last
        raise AssertionError  # the count has no end

    def _upsert(
        self,
        market: Market,
        month: str,
        rows: pa.Table,
        *,
        source: str,
        batch_id: str,
        now: datetime,
    ) -> MonthChange:
        folder = self._folder(market.symbol)
        path = folder / "bars" / f"{month}.parquet"
        with _whole(path):
            change = Month.merge(path, rows, symbol=market.symbol, source=source, now=now)
        if change.revised:
            earlier = change.earlier.append_column("batch", pa.array([batch_id] * change.revised))
            _write_table(folder / "revisions" / f"{month}-{batch_id}.parquet", earlier)
        if change.added or change.revised:
            _write_table(path, change.merged)
        return change

    def _folder(self, symbol: str) -> Path:
        return self.root / symbol

    def _months(
        self, symbol: str, first_minute: int | None = None, stop_minute: int | None = None
    ) -> list[Path]:
        folder = self._folder(symbol) / "bars"
        if first_minute is None or stop_minute is None:
            wanted = month_names(first_minute, stop_minute)
            return [each for each in sorted(folder.glob("[0-9]*.parquet")) if wanted(each.stem)]
        named = (folder / f"{name}.parquet" for name in months_of(first_minute, stop_minute))
        return [each for each in named if each.exists()]

    def _sweep(self, symbol: str) -> None:
        """Remove what a killed writer left; the lock is held, so nobody is writing it."""
        for leftover in self._folder(symbol).glob(f"*/{TEMPORARY}*"):
            leftover.unlink(missing_ok=True)


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Name the file of the lake that Parquet cannot read."""
    try:
        yield
    except PermissionError:
        raise  # the file may be whole: its owner must let us in
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise LakeDamagedError(str(path), str(error).splitlines()[0]) from error


def _record(path: Path) -> BatchRecord:
    try:
        return BatchRecord.from_json(json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise LakeDamagedError(str(path), f"{error}") from error


def _batch_id(symbol: str, content_hash: str, again: int = 0) -> str:
    import hashlib  # noqa: PLC0415 - one use

    name = f"{symbol}\n{content_hash}" + (f"\n{again}" if again else "")
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _shallow(record: BatchRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in BatchRecord.__slots__}


def _write_table(path: Path, table: pa.Table) -> None:
    with written_atomically(path) as temporary:
        write_rows(table, temporary)


def _concatenated(folder: Path) -> pa.Table | None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - not where the lake is only listed

    files = sorted(folder.glob("[!.]*.parquet"))
    if not files:
        return None
    tables = [
        pq.read_table(each).append_column(
            "file", pa.array([each.stem] * pq.read_metadata(each).num_rows)
        )
        for each in files
    ]
    return pa.concat_tables(tables, promote_options="default")
