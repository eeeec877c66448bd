"""Adds batches to the lake and removes them; the caller holds the lake's lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa

from ml_core.bars.arrow_values import moment_of
from ml_core.bars.checks.bad_rows import AWAITED, NOT_POSITIVE, BadRows
from ml_core.bars.checks.checked import Checked
from ml_core.bars.checks.hours_fit import refuse_misfit
from ml_core.bars.checks.quality import check
from ml_core.bars.contract import OnProgress, RawBatch, outrights_of
from ml_core.bars.lake.batch_log import BatchLog, BatchRecord
from ml_core.bars.lake.merge import canonical, have_all, merge
from ml_core.bars.lake.month_changes import MonthChanges, write_table
from ml_core.bars.lake.month_file import split_by_month
from ml_core.bars.lake.volume_shape import LakeVolume, refuse_other_hour
from ml_core.market.market import Market

_MOST_DOUBTFUL_ROWS = 2_000_000
"""Rows held until a source is completely read; beyond them it is judged by the rows so far."""


class BatchIntake:
    """The import of batches into the folder of one symbol.

    Parameters
    ----------
    folder
        The symbol's folder in the lake; it exists, and no other process writes to it.
    market
        The market of the bars.
    now
        The time, aware; it is recorded, and bars that close after it are refused.
    """

    def __init__(self, folder: Path, market: Market, now: datetime) -> None:
        self._folder, self._market, self._now = folder, market, now
        self._log = BatchLog(folder / "batches", market.symbol)
        self._here = {path.stem for path in (folder / "bars").glob("[0-9]*.parquet")}
        self._months = MonthChanges(folder, self._log, now)
        self._sources: dict[str, BadRows] = {}
        self._doubtful: list[tuple[int, RawBatch, Checked]] = []

    def import_batches(
        self, batches: Iterable[RawBatch], on_progress: OnProgress | None = None
    ) -> tuple[BatchRecord, ...]:
        """Import batches one after another; return their records, in order.

        A batch whose bars were changed by another batch since its import is imported again, unless
        that other batch follows in the same run and would change them again.

        Raises
        ------
        BatchRefusedError
            Too many rows are bad, in a file or over all batches of a database; nothing of such a
            batch is imported.
        StepError, HoursMisfitError
            A batch's rows are not a minute apart, or its times fit the market's hours clearly
            better when read in another way.
        """
        records: dict[int, BatchRecord] = {}
        waiting: dict[int, RawBatch] = {}
        place_of: dict[str, int] = {}
        for place, batch in enumerate(batches):
            last = self._log.last_reading(batch.content_hash)
            if last is not None and self._holds(last, batch):
                restored = self._restore_lost(last, batch)
                records[place] = replace(last, status="already")
                if restored:
                    records[place] = replace(
                        last, status="added", added=restored, revised=0, withdrawn=0
                    )
                self._source_of(batch).count_again(last.rows, last.quarantined)
                place_of[last.batch_id] = place
                if self._log.changed_since(last) and self._differs(batch):
                    waiting[place] = batch
            elif (record := self._import_one(place, batch)) is not None:
                records[place] = record
            if on_progress is not None:
                on_progress(batch.name, place + 1)
        for place, batch in waiting.items():
            others = self._log.changed_since(records[place])
            if not any(place_of.get(other.batch_id, -1) > place for other in others):
                records[place] = self._add(batch, self._checked(batch)[1])
        for place, batch, checked in self._doubtful:
            records[place] = self._import_doubtful(batch, checked)
        return tuple(records[place] for place in sorted(records))

    def forget(self, batch_id: str) -> BatchRecord:
        """Remove the bars of a batch; return the record of the removal.

        Raises
        ------
        NoSuchBatchError
            There is no such batch, or its bars are no longer in the lake.
        """
        reading = self._log.reading_to_forget(batch_id)
        forgotten = self._log.new_id(f"forget {reading.batch_id}")
        totals = self._months.change({}, [reading], forgotten)
        record = replace(
            reading,
            batch_id=forgotten,
            status="forgotten",
            rows=0,
            added=totals.added,
            unchanged=0,
            revised=totals.revised,
            duplicates=0,
            withdrawn=totals.withdrawn,
            replaces=(reading.batch_id,),
            quarantined={},
            dropped={},
            findings=(),
            ingested_at=self._now.isoformat(),
        )
        return self._log.write(record)

    @cache  # noqa: B019 - an intake lives for one run
    def _volume_here(self) -> LakeVolume:
        """Return the volume of the bars that were here at the first call."""
        return LakeVolume(sorted((self._folder / "bars").glob("[0-9]*.parquet")))

    def _holds(self, last: BatchRecord, batch: RawBatch) -> bool:
        """Return whether a batch equals its last reading, and that reading is still here.

        A row set aside because it had not closed may have closed since, and a price of zero or
        below may be allowed now, although the source has not changed.
        """
        if last.reading != batch.reading or last.origin != batch.origin:
            return False
        if self._log.lost_support(last):
            return False
        positive = self._market.instrument.allow_nonpositive_prices
        passing = [AWAITED, *([(NOT_POSITIVE,)] if positive else [])]
        before = [sum(last.quarantined.get(name, 0) for name in names) for names in passing]
        if not any(before):
            return True
        reasons = self._checked(batch)[1].reasons
        return all(
            sum(reasons.get(name, 0) for name in names) >= count
            for names, count in zip(passing, before, strict=True)
        )

    def _restore_lost(self, last: BatchRecord, batch: RawBatch) -> int:
        """Restore a reading's bars in months whose files were moved away; return how many bars.

        The bars are as before and belong to that reading; other months are not touched.
        """
        if last.first is None or last.last is None:
            return 0
        span = np.arange(np.datetime64(last.first[:7]), np.datetime64(last.last[:7]) + 1)
        if {str(month) for month in span} <= self._here:
            return 0
        batch, checked = self._checked(batch)
        restored = 0
        for month, rows in split_by_month(self._bars(batch, checked.good, last.batch_id)):
            if month not in self._here:
                change = merge(self._months.rows(month), rows, self._now)
                write_table(self._folder / "bars" / f"{month}.parquet", change.merged)
                restored += change.added
        return restored

    def _differs(self, batch: RawBatch) -> bool:
        """Return whether any bar of a batch differs from the lake or is missing there."""
        _, checked = self._checked(batch)
        return any(
            not have_all(self._months.rows(month), self._bars(batch, rows, ""))
            for month, rows in split_by_month(checked.good)
        )

    def _checked(self, batch: RawBatch) -> tuple[RawBatch, Checked]:
        outrights = outrights_of(batch, self._market.symbol, self._market.contract_pattern)
        return outrights, check(outrights, self._market, self._now)

    def _import_one(self, place: int, batch: RawBatch) -> BatchRecord | None:
        """Import a batch; None if its source must be read completely to judge its bad rows.

        One bad row of a database may be the only row of a month.
        """
        batch, checked = self._checked(batch)
        refuse_misfit(batch.name, checked.good["ts"], batch.zone, self._market)
        refuse_other_hour(batch, checked.good, self._market, self._volume_here, self._log)
        own = BadRows(batch.name, self._market.quality.max_bad_share)
        own.count(batch.table, checked)
        source = self._source_of(batch)
        source.count(batch.table, checked)
        if not own.too_many:
            source.months_taken += 1
            return self._add(batch, checked)
        if batch.origin in {"", batch.content_hash}:
            self._refuse(batch, checked, own)
        if source.hopeless:
            self._refuse(batch, checked, source)
        doubtful = sum(len(other.table) for _, other, _ in self._doubtful)
        if doubtful + len(batch.table) > _MOST_DOUBTFUL_ROWS:
            return self._import_doubtful(batch, checked)
        self._doubtful.append((place, batch, checked))
        return None

    def _import_doubtful(self, batch: RawBatch, checked: Checked) -> BatchRecord:
        source = self._source_of(batch)
        if source.too_many:
            self._refuse(batch, checked, source)
        return self._add(batch, checked)

    def _source_of(self, batch: RawBatch) -> BadRows:
        """Return the bad rows of all months from the same source as a batch."""
        limit = self._market.quality.max_bad_share
        name = batch.part_of or batch.origin
        return self._sources.setdefault(batch.origin, BadRows(name, limit))

    def _refuse(self, batch: RawBatch, checked: Checked, bad: BadRows) -> NoReturn:
        """Store the bad rows of a batch that is not imported, and raise."""
        name = f"{self._log.new_id(batch.content_hash)}.parquet"
        write_table(self._folder / "refused" / name, checked.quarantined)
        raise bad.refusal()

    def _add(self, batch: RawBatch, checked: Checked) -> BatchRecord:
        """Write the changes of a batch, its record last."""
        batch_id = self._log.new_id(batch.content_hash)
        if len(checked.quarantined):
            aside = self._folder / "quarantine" / f"{batch_id}.parquet"
            write_table(aside, checked.quarantined)
        new = self._bars(batch, checked.good, batch_id)
        replaced = self._log.replaced_by(batch.origin, batch.content_hash, batch.reading)
        totals = self._months.change(dict(split_by_month(new)), replaced, batch_id)
        times = checked.good["ts"]
        record = BatchRecord(
            batch_id=batch_id,
            name=batch.name,
            source=batch.source,
            content_hash=batch.content_hash,
            origin=batch.origin,
            reading=batch.reading,
            status="added" if totals.added or totals.revised or totals.withdrawn else "unchanged",
            rows=len(batch.table),
            added=totals.added,
            unchanged=totals.unchanged,
            revised=totals.revised,
            duplicates=checked.duplicates,
            withdrawn=totals.withdrawn,
            replaces=tuple(record.batch_id for record in replaced),
            quarantined=checked.reasons,
            dropped=batch.dropped,
            findings=checked.findings,
            first=moment_of(times[0]).isoformat() if len(times) else None,
            last=moment_of(times[-1]).isoformat() if len(times) else None,
            ingested_at=self._now.isoformat(),
        )
        return self._log.write(record)

    def _bars(self, batch: RawBatch, rows: pa.Table, batch_id: str) -> pa.Table:
        return canonical(rows, self._market, source=batch.source, now=self._now, batch_id=batch_id)
