"""Applies a batch to the months of a lake: merges its bars and removes those it replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml_core.bars.contract import BAR_SCHEMA
from ml_core.bars.lake.batch_log import BatchLog, BatchRecord, was_imported_alone
from ml_core.bars.lake.confirmed import Confirmations
from ml_core.bars.lake.merge import (
    MonthChange,
    Withdrawal,
    among,
    arriving,
    earlier_values,
    merge,
)
from ml_core.bars.lake.month_file import read_rows, reading_month_file, write_rows
from ml_core.files import written_atomically


@dataclass(slots=True)
class BatchChange:
    """The effect of a batch on all its months."""

    added: int = 0
    revised: int = 0
    withdrawn: int = 0
    unchanged: int = 0

    def count(self, change: MonthChange) -> None:
        """Add the counts of one month."""
        self.added += change.added
        self.revised += change.revised
        self.withdrawn += change.withdrawn
        self.unchanged += change.unchanged


class MonthChanges:
    """Changes one symbol's months and stores the earlier values.

    Parameters
    ----------
    folder
        The symbol's folder in the lake; it exists, and no other process writes to it.
    log
        The log of its batches.
    now
        Import time of the bars, aware.
    """

    def __init__(self, folder: Path, log: BatchLog, now: datetime) -> None:
        self._folder, self._log, self._now = folder, log, now
        self._confirmed = Confirmations(folder / "confirmed")

    def rows(self, month: str) -> pa.Table:
        """Return the bars of a month, columns of ``BAR_SCHEMA``; empty if there is no file."""
        path = self._folder / "bars" / f"{month}.parquet"
        with reading_month_file(path):
            return read_rows(path) if path.exists() else BAR_SCHEMA.empty_table()

    def change(
        self, new: dict[str, pa.Table], replaced: Sequence[BatchRecord], batch_id: str
    ) -> BatchChange:
        """Merge a batch's months after removing the bars of the readings it replaces."""
        totals = BatchChange()
        months = set(new)
        if replaced:
            months |= {path.stem for path in (self._folder / "bars").glob("[0-9]*.parquet")}
        for month in sorted(months):
            rows = new.get(month, BAR_SCHEMA.empty_table())
            totals.count(self._change_month(month, rows, replaced, batch_id))
        return totals

    def _change_month(
        self, month: str, rows: pa.Table, replaced: Sequence[BatchRecord], batch_id: str
    ) -> MonthChange:
        path = self._folder / "bars" / f"{month}.parquet"
        old = self.rows(month)
        change = merge(old, rows, self._now, self._withdrawal(month, old, replaced))
        if not change.differs:
            return self._with_partial_change(month, batch_id, change, replaced)
        if len(change.earlier):
            batch = pa.repeat(batch_id, len(change.earlier))
            earlier = change.earlier.append_column("batch", batch)
            write_table(self._revisions(month, batch_id), earlier)
        self._confirmed.write(month, batch_id, change.confirmed)
        if len(change.merged):
            write_table(path, change.merged)
        else:
            path.unlink(missing_ok=True)
        return change

    def _with_partial_change(
        self, month: str, batch_id: str, change: MonthChange, replaced: Sequence[BatchRecord]
    ) -> MonthChange:
        """Return the change including what an interrupted run already did to the month.

        A batch has no record before it is complete, and its name is derived from its content; so
        bars under its name are from the same reading. A bar that a replaced reading had unchanged
        keeps that reading's import time.
        """
        self._confirmed.write(month, batch_id, change.confirmed)
        path, revised, withdrawn = self._revisions(month, batch_id), 0, 0
        if path.exists():
            with reading_month_file(path):
                gone = pq.ParquetFile(path).read(columns=["withdrawn_at"])["withdrawn_at"]
            revised, withdrawn = gone.null_count, len(gone) - gone.null_count
        imported = [] if change.brought is None else change.brought.to_pylist()
        before = max((datetime.fromisoformat(one.ingested_at) for one in replaced), default=None)
        same = sum(before is not None and moment <= before for moment in imported)
        return replace(
            change,
            added=change.added + len(imported) - same - revised,
            revised=revised,
            withdrawn=withdrawn,
            unchanged=change.unchanged + same,
        )

    def _withdrawal(
        self, month: str, old: pa.Table, replaced: Sequence[BatchRecord]
    ) -> Withdrawal | None:
        gone = np.zeros(len(old), bool)
        for record in replaced:
            gone |= self._brought_by(old, record)
        if not gone.any():
            return None
        withdrawn = self._log.withdrawn() | {record.batch_id for record in replaced}
        in_lake = [
            record.batch_id
            for record in self._log.in_lake()
            if record.unchanged and record.batch_id not in withdrawn
        ]
        restored = earlier_values(
            old.filter(pa.array(gone)),
            lambda batch, bars: self._changed_by(month, batch, bars),
            lambda bars: self._confirmed.holders(month, bars, in_lake),
            withdrawn,
        )
        return Withdrawal(gone, arriving(restored, self._now))

    def _brought_by(self, rows: pa.Table, record: BatchRecord) -> NDArray[np.bool_]:
        """Return which bars a reading brought, also if the lake's bars store no batch."""
        own = pc.fill_null(pc.equal(rows["brought_by"], record.batch_id), False)
        if was_imported_alone(record, self._log.records):
            imported = pa.scalar(datetime.fromisoformat(record.ingested_at))
            together = pc.and_(
                pc.equal(rows["source"], record.source), pc.equal(rows["ingested_at"], imported)
            )
            own = pc.or_(own, pc.and_(pc.is_null(rows["brought_by"]), together))
        flags: NDArray[np.bool_] = own.to_numpy()
        return flags

    def _revisions(self, month: str, batch_id: str) -> Path:
        return self._folder / "revisions" / f"{month}-{batch_id}.parquet"

    def _changed_by(self, month: str, batch_id: str, bars: pa.Table) -> pa.Table:
        """Return the given bars of a month that a batch changed, as they were before.

        If the batch has a bar unchanged from a reading that it replaced, or that it confirmed, the
        change that this earlier reading made is returned.
        """
        path = self._revisions(month, batch_id)
        changed = BAR_SCHEMA.empty_table()
        if path.exists():
            with reading_month_file(path):
                changed = read_rows(path)
            changed = changed.filter(among(changed, bars))
        others = [(other, bars) for other in reversed(self._log.replaced_with(batch_id))]
        confirmed = self._confirmed.of(month, batch_id)
        confirmed = confirmed.filter(among(confirmed, bars))
        if len(confirmed):
            first = self._confirmed.first_holders(month, confirmed)
            others += [
                (other, first.filter(pc.equal(first["brought_by"], other)))
                for other in pc.unique(first["brought_by"]).to_pylist()
            ]
        for other, of_other in others:
            earlier = self._changed_by(month, other, of_other)
            more = earlier.filter(pc.invert(among(earlier, changed)))
            changed = pa.concat_tables([changed, more])
        return changed


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table of the lake atomically."""
    with written_atomically(path) as temporary:
        write_rows(table, temporary)
