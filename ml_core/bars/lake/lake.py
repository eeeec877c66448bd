"""The lake: all imported bars, in Parquet month files that are complete at every moment.

Layout, below the lake's folder and the symbol's::

    bars/2024-01.parquet               every contract's bars of the month, by time and contract
    revisions/2024-01-<batch>.parquet  earlier values of bars that a batch changed or removed
    confirmed/2024-01-<batch>.parquet  bars of a batch that were there already, unchanged
    quarantine/<batch>.parquet         bad rows, with reason and source line
    units.json                         the tick and the smallest volume of these bars
    batches/<batch>.json               a reading's record; it exists once the import is complete

Each batch writes its quarantined rows first, then the months, and its record last. If a process is
killed at any point, the lake still holds complete months, and reading the source again finishes
the import.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ml_core.bars import lake
from ml_core.bars.arrays import Bars
from ml_core.bars.contract import OnProgress, RawBatch
from ml_core.bars.lake.batch_log import BatchLog, BatchRecord
from ml_core.bars.lake.lake_units import record_units, require_same_units
from ml_core.bars.lake.month_file import (
    Month,
    content_hash,
    count_rows,
    last_moment,
    month_names,
    months_of,
    read_bars,
    read_minutes,
    read_stored,
    reading_month_file,
)
from ml_core.bars.lake.shared_bars import SharedBars
from ml_core.errors import TransientError
from ml_core.files import TEMPORARY
from ml_core.market.market import Market
from ml_core.on_demand import library

pq = library("pyarrow.parquet")

LOCK_SECONDS = 120.0
"""How long a writer waits for another one before it gives up."""

_FETCH_SECONDS = 5.0
"""How long a reader waits for a writer; then it reads what is here, complete but older."""


class LakeBusyError(TransientError):
    """Another process has been writing to the lake for too long."""

    folder: str
    seconds: float
    template = (
        "{folder} has been written by another process for {seconds:g} s; try again when it is done"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeStatus:
    """The content of the lake for one symbol; times are aware UTC, None in an empty lake."""

    symbol: str
    bars: int
    contracts: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    batches: int
    quarantined: int
    revisions: int


class Lake:
    """The bars of every market, in one folder.

    Parameters
    ----------
    root
        The folder; created at the first write.
    shared
        The bars shared with other machines, if they are: fetched before the folder is read or
        written, and published after it was written.
    """

    def __init__(self, root: Path, shared: SharedBars | None = None) -> None:
        self.root, self._shared = root, shared

    def ingest(
        self,
        batches: Iterable[RawBatch],
        market: Market,
        now: datetime,
        on_progress: OnProgress | None = None,
    ) -> tuple[BatchRecord, ...]:
        """Import batches one after another; each is complete, or will be after another run.

        A batch is identified by its content and by how it was read. A batch that was imported
        before and is still valid changes nothing. A reading with other options replaces the former
        one, including bars that only the former one had.

        Parameters
        ----------
        batches
            Read lazily: only one is in memory at a time.
        market
            Whose bars they are.
        now
            Aware time; recorded, and bars that close after it are refused.
        on_progress
            Called with (batch name, batches done).

        Raises
        ------
        BatchRefusedError
            Too many rows of a batch are bad; earlier batches stay, nothing of this one is
            imported.
        UnitsChangedError
            The market's tick or smallest volume differs from that of the stored bars.
        LakeBusyError
            Another writer held the lake too long.
        """
        with self._writing(market.symbol) as folder:
            record_units(folder, market)
            intake = lake.batch_intake.BatchIntake(folder, market, now)
            return intake.import_batches(batches, on_progress)

    def forget(self, batch_id: str, market: Market, now: datetime) -> BatchRecord:
        """Remove the bars of a batch, and restore the values that they had replaced.

        Every removed value stays on record as a revision.

        Parameters
        ----------
        batch_id
            The batch's name, or its first characters.
        market
            Whose bars they are.
        now
            The time, aware; it is recorded.

        Raises
        ------
        NoSuchBatchError
            There is no such batch, or its bars are no longer in the lake.
        LakeBusyError
            Another writer held the lake too long.
        """
        with self._writing(market.symbol) as folder:
            return lake.batch_intake.BatchIntake(folder, market, now).forget(batch_id)

    def read(
        self, market: Market, first_minute: int | None = None, stop_minute: int | None = None
    ) -> Bars:
        """Read bars with ``first_minute <= minute < stop_minute``, opening only the months needed.

        Raises
        ------
        LakeDamagedError
            A month file cannot be read.
        UnitsChangedError
            The market's tick or smallest volume no longer matches the bars.
        """
        require_same_units(self._folder(market.symbol), market)
        months = self._months(market.symbol, first_minute, stop_minute)
        stored_bars = read_bars(months, market)
        first = first_minute if first_minute is not None else np.iinfo(np.int64).min
        stop = stop_minute if stop_minute is not None else np.iinfo(np.int64).max
        return stored_bars.between(first, stop)

    def stored(self, market: Market, first_minute: int, stop_minute: int) -> pa.Table:
        """Read a span of minutes as stored, with the import time of each bar.

        Raises
        ------
        LakeDamagedError
            A month file cannot be read.
        """
        months = self._months(market.symbol, first_minute, stop_minute)
        return read_stored(months, first_minute, stop_minute)

    def batches(self, symbol: str) -> tuple[BatchRecord, ...]:
        """Return the record of every batch imported or removed, in time order."""
        return tuple(self.batch_log(symbol).records)

    def batch_log(self, symbol: str) -> BatchLog:
        """Return the log of the batches, which knows the valid ones."""
        return BatchLog(self._folder(symbol) / "batches", symbol)

    def quarantined(self, symbol: str, batches: Collection[str] | None = None) -> pa.Table | None:
        """Return every quarantined row, with batch (``file``), reason and source line.

        None if there is none; limited to ``batches`` if they are given.
        """
        folder = self._folder(symbol) / "quarantine"
        return _concatenated(folder, lambda name: batches is None or name in batches)

    def revisions(self, symbol: str, batches: Collection[str] | None = None) -> pa.Table | None:
        """Return the earlier value of every bar that was changed or withdrawn.

        ``batch`` is the batch that did it; ``withdrawn_at`` is when a bar was removed without a
        replacement. None if there is none; limited to ``batches`` if they are given.
        """
        folder = self._folder(symbol) / "revisions"
        return _concatenated(
            folder, lambda name: batches is None or name.rpartition("-")[2] in batches
        )

    def status(self, symbol: str) -> LakeStatus:
        """Return the content of the lake for a symbol."""
        months = []
        for path in self._months(symbol):
            with reading_month_file(path):
                months.append(Month.describe(path))
        quarantine, revised = self.quarantined(symbol), self.revisions(symbol)
        return LakeStatus(
            symbol=symbol,
            bars=sum(month.rows for month in months),
            contracts=tuple(sorted({name for month in months for name in month.contracts})),
            first=months[0].first if months else None,
            last=months[-1].last if months else None,
            batches=len(list((self._folder(symbol) / "batches").glob("*.json"))),
            quarantined=0 if quarantine is None else len(quarantine),
            revisions=0 if revised is None else len(revised),
        )

    def count(self, symbol: str) -> int:
        """Return the number of bars."""
        count = 0
        for path in self._months(symbol):
            with reading_month_file(path):
                count += count_rows(path)
        return count

    def minutes(self, symbol: str) -> NDArray[np.int64]:
        """Return the UTC minute of every bar, ascending, without reading prices."""
        minutes = [np.empty(0, np.int64)]
        for path in self._months(symbol):
            with reading_month_file(path):
                minutes.append(read_minutes(path))
        return np.concatenate(minutes)

    def last_bar(self, symbol: str) -> datetime | None:
        """Return the time of the last bar, from the newest month only; None in an empty lake."""
        months = self._months(symbol)
        if not months:
            return None
        with reading_month_file(months[-1]):
            return last_moment(months[-1])

    def fingerprint(self, market: Market, stop_minute: int | None = None) -> str:
        """Return a SHA-256 of the bars before ``stop_minute``, independent of import order.

        The same bars give the same fingerprint on any machine; one changed price changes it.
        """
        return content_hash(self.read(market, None, stop_minute))

    def _folder(self, symbol: str) -> Path:
        """Return a symbol's folder to read from, as it is on every machine now."""
        folder = self.root / symbol
        if self._shared is not None and not self._shared.is_current(symbol):
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(Timeout), FileLock(folder / ".lock", timeout=_FETCH_SECONDS):
                self._shared.fetch(symbol)
        return folder

    def _months(
        self, symbol: str, first_minute: int | None = None, stop_minute: int | None = None
    ) -> list[Path]:
        folder = self._folder(symbol) / "bars"
        if first_minute is None or stop_minute is None:
            wanted = month_names(first_minute, stop_minute)
            return [path for path in sorted(folder.glob("[0-9]*.parquet")) if wanted(path.stem)]
        named = (folder / f"{name}.parquet" for name in months_of(first_minute, stop_minute))
        return [path for path in named if path.exists()]

    def share(self, symbol: str, *, replace: bool = False) -> None:
        """Make the copy and the shared bars equal: fetch what is in force, or publish the copy.

        With ``replace`` this copy replaces the shared bars, whatever they are.

        Raises
        ------
        LakeBusyError
            Another writer held the lake too long.
        """
        if self._shared is None:
            return
        if not replace:
            with self._writing(symbol):
                return
        with self._locked(symbol):
            self._shared.publish(symbol, replace=True)

    @contextmanager
    def _writing(self, symbol: str) -> Iterator[Path]:
        """Lock a symbol's folder for writing, as it is on every machine, and share the changes."""
        with self._locked(symbol) as folder:
            if self._shared is None:
                yield folder
                return
            self._shared.fetch(symbol)
            try:
                yield folder
            finally:
                # also after a refused batch: those before it are imported
                self._shared.publish(symbol)

    @contextmanager
    def _locked(self, symbol: str) -> Iterator[Path]:
        """Lock a symbol's folder for writing, and clean up after a killed writer."""
        folder = self.root / symbol
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise LakeBusyError(str(folder), LOCK_SECONDS) from error
        try:
            for leftover in folder.glob(f"*/{TEMPORARY}*"):
                leftover.unlink(missing_ok=True)
            yield folder
        finally:
            lock.release()


def _concatenated(folder: Path, wanted: Callable[[str], bool]) -> pa.Table | None:

    files = [path for path in sorted(folder.glob("[!.]*.parquet")) if wanted(path.stem)]
    if not files:
        return None
    tables = [
        pq.read_table(path).append_column(
            "file", pa.array([path.stem] * pq.read_metadata(path).num_rows)
        )
        for path in files
    ]
    return pa.concat_tables(tables, promote_options="default")
