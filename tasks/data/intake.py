"""Taking bars in: from a source to the lake, and from the lake's records to SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import registry
from ml_core.bars.contract import OnProgress
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import LakeStatus
from ml_core.market.market import Market
from tasks.data.sources import SourceSpec, open_source
from tasks.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSummary:
    """What a reading brought; batches that were in before count nothing.

    Attributes
    ----------
    symbol
        Whose bars.
    batches, new_batches
        How many there are, and how many of them were not in before.
    added, revised, withdrawn, quarantined
        Counts of bars and rows.
    findings
        What was odd but kept, each once, in order.
    bars, last_bar
        What the lake holds then: how many, and when the last one opens, aware UTC.
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
        """Return what a reading's records come to, and the lake's status after it."""
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
        """How many bars are new, have another value or are gone."""
        return self.added + self.revised + self.withdrawn

    @property
    def counts(self) -> str:
        """What was counted of bars and rows, in words."""
        gone = f"{self.withdrawn:,} taken away, " if self.withdrawn else ""
        return (
            f"{self.symbol}: {self.added:,} bars added, {self.revised:,} revised, "
            f"{gone}{self.quarantined:,} rows set aside"
        )

    @property
    def in_words(self) -> str:
        """What came in, and the last bar there is, in a line."""
        if self.last_bar is None:
            return f"{self.counts}; no bar in the lake"
        return f"{self.counts}; last bar {self.last_bar.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult(IntakeSummary):
    """What one reading of a source brought, which a run of refresh-data returns.

    Attributes
    ----------
    verdict
        What came in, and the last bar there is, in a sentence.
    source
        Where from, in words.
    as_of
        Aware time that was taken for now.
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
    """Read a source into the lake and mirror what it brought into SQL; twice changes nothing.

    Parameters
    ----------
    settings, market, spec
        Where to, whose bars, where from.
    at
        Aware time; bars that close after it are set aside as from the future.
    full
        False reads a database only from the month of the lake's last bar on; all of it is
        read when it was read with other options before.
    on_progress
        Called with (batch name, batches done).
    tell
        Called with what the source asks for, such as what it costs.

    Raises
    ------
    SourceError, BatchRefusedError
        The trader must mend the source; batches before the bad one are in.
    DatabaseLockedError, LakeBusyError
        Worth another try.
    """
    lake = settings.lake()
    source = spec.source()
    origin = source.origin
    log = lake.batch_log(market.symbol)
    otherwise = origin is not None and log.replaced_by(origin, "", source.reading)
    since = None if full or otherwise else _month_of(lake.last_bar(market.symbol))
    try:
        return lake.ingest(
            open_source(spec, market, at, settings.feeds_dir, since, tell=tell),
            market,
            at,
            on_progress,
        )
    finally:
        # also after a refused batch: those before it are in
        mirror(settings, market)


def take_back(settings: Settings, market: Market, batch: str, at: datetime) -> BatchRecord:
    """Take a batch's bars out of the lake and record it in SQL; return what that came to.

    Raises
    ------
    NoSuchBatchError
        There is no such batch, or its bars are not in the lake any more.
    LakeBusyError
        Worth another try.
    """
    record = settings.lake().forget(batch, market, at)
    mirror(settings, market)
    return record


def mirror(settings: Settings, market: Market) -> None:
    """Record in SQL every batch of the lake that is not there yet.

    The lake is the truth: what a killed run left unrecorded, the next one records.
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


def _month_of(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
