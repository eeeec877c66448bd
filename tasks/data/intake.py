"""Import bars: from a source into the lake, and from the lake's records into SQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import registry
from ml_core.bars.contract import OnProgress
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import LakeStatus
from ml_core.bars.lake.shared_bars import LakeMovedError
from ml_core.market.market import Market
from tasks.data.sources import SourceSpec, open_source
from tasks.settings import Settings

Changed = TypeVar("Changed")

_ATTEMPTS = 4
"""Times that a change of the lake is begun before another machine's changes are too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSummary:
    """What one reading of a source changed; batches imported before are not counted.

    Attributes
    ----------
    symbol
        Symbol of the market.
    batches, new_batches
        How many batches there are, and how many of them are new.
    added, revised, withdrawn, quarantined
        Numbers of bars and rows.
    findings
        Remarks on bars that are unusual but were kept, each once, in order.
    bars, last_bar
        Bars in the lake afterwards, and when the last one opens, aware UTC.
    """

    symbol: str
    batches: int
    new_batches: int
    added: int
    revised: int
    withdrawn: int
    quarantined: int
    findings: tuple[str, ...]
    bars: int
    last_bar: datetime | None

    @classmethod
    def of(cls, records: tuple[BatchRecord, ...], status: LakeStatus) -> IntakeSummary:
        """Sum up a reading's batch records, with the lake's status after it."""
        new = [record for record in records if record.status != "already"]
        return cls(
            symbol=status.symbol,
            batches=len(records),
            new_batches=len(new),
            added=sum(batch.added for batch in new),
            revised=sum(batch.revised for batch in new),
            withdrawn=sum(batch.withdrawn for batch in new),
            quarantined=sum(sum(batch.quarantined.values()) for batch in new),
            findings=tuple(sorted({find.check for batch in new for find in batch.findings})),
            bars=status.bars,
            last_bar=status.last,
        )

    @property
    def changed_bars(self) -> int:
        """How many bars were added, revised or withdrawn."""
        return self.added + self.revised + self.withdrawn

    @property
    def counts(self) -> str:
        """The counts of bars and rows, in words."""
        gone = f"{self.withdrawn:,} taken away, " if self.withdrawn else ""
        return (
            f"{self.symbol}: {self.added:,} bars added, {self.revised:,} revised, "
            f"{gone}{self.quarantined:,} rows quarantined"
        )

    @property
    def in_words(self) -> str:
        """The imported bars and the lake's last bar, in one line."""
        if self.last_bar is None:
            return f"{self.counts}; no bar in the lake"
        return f"{self.counts}; last bar {self.last_bar.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult(IntakeSummary):
    """Result of a run of refresh-data: what one reading of a source changed.

    Attributes
    ----------
    verdict
        The imported bars and the lake's last bar, in a sentence.
    source
        The source, in words.
    as_of
        Aware time that counted as now.
    """

    verdict: str
    source: str
    as_of: datetime


def take_in(
    settings: Settings,
    market: Market,
    spec: SourceSpec,
    at: datetime,
    *,
    full: bool = True,
    on_progress: OnProgress | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[BatchRecord, ...]:
    """Read a source into the lake and mirror its batches in SQL; a repeat changes nothing.

    Parameters
    ----------
    settings, market, spec
        The installation, the market, and the source.
    at
        Aware time; bars that close after it are quarantined as from the future.
    full
        False reads a database only from the month of the lake's last bar on, unless its options
        have changed since the last reading.
    on_progress
        Called with (batch name, batches done).
    tell
        Called with the source's own messages, such as what a download costs.

    Raises
    ------
    SourceError, BatchRefusedError
        The trader must correct the source; batches before the bad one are imported.
    DatabaseLockedError, LakeBusyError
        Another try may succeed.
    """
    lake = settings.lake()
    source = spec.source()
    origin = source.origin

    def read() -> tuple[BatchRecord, ...]:
        log = lake.batch_log(market.symbol)
        otherwise = origin is not None and log.replaced_by(origin, "", source.reading)
        since = None if full or otherwise else _month_of(lake.last_bar(market.symbol))
        return lake.ingest(
            open_source(spec, market, at, settings.feeds_dir, since, tell=tell),
            market,
            at,
            on_progress,
        )

    try:
        return _after_others(read)
    finally:
        # also after a refused batch: those before it are imported
        mirror(settings, market)


def take_back(settings: Settings, market: Market, batch: str, at: datetime) -> BatchRecord:
    """Remove a batch's bars from the lake and record that in SQL; return the new record.

    Raises
    ------
    NoSuchBatchError
        There is no such batch, or its bars are no longer in the lake.
    LakeBusyError
        Another try may succeed.
    """
    record = _after_others(lambda: settings.lake().forget(batch, market, at))
    mirror(settings, market)
    return record


def mirror(settings: Settings, market: Market) -> None:
    """Record in SQL every batch of the lake that SQL does not have yet.

    The lake is authoritative: batches that a killed run did not record, the next run records.
    """
    lake, database = settings.lake(), settings.database()
    recorded = registry.bars.batches.recorded_batches(database, market.symbol)
    new = [batch for batch in lake.batches(market.symbol) if batch.batch_id not in recorded]
    if new:
        names = {batch.batch_id for batch in new}
        aside, earlier = (
            lake.quarantined(market.symbol, names),
            lake.revisions(market.symbol, names),
        )
        registry.bars.batches.record_batches(
            database,
            market.symbol,
            new,
            () if aside is None else aside.append_column("batch", aside["file"]).to_pylist(),
            () if earlier is None else earlier.to_pylist(),
        )


def _after_others(change: Callable[[], Changed]) -> Changed:
    """Change the lake, again if another machine changed the shared one at the same time."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(LakeMovedError):
            return change()
    return change()


def _month_of(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
