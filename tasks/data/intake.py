"""Taking bars in: from a source to the lake, and from the lake's records to SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

import registry
from ml_core.bars.batch_log import BatchRecord
from ml_core.bars.contract import OnProgress
from ml_core.bars.lake import LakeStatus
from ml_core.market.market import Market
from tasks.data.sources import SourceSpec, open_source
from tasks.settings import Settings


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
    recorded = registry.batches.recorded_batches(database, market.symbol)
    new = [batch for batch in lake.batches(market.symbol) if batch.batch_id not in recorded]
    if new:
        names = {batch.batch_id for batch in new}
        registry.batches.record_batches(
            database,
            market.symbol,
            new,
            _rows(lake.quarantined(market.symbol, names), "file"),
            _rows(lake.revisions(market.symbol, names), "batch"),
        )


def summary(records: tuple[BatchRecord, ...], status: LakeStatus) -> dict[str, Any]:
    """Return what a reading brought as plain values; batches that were in before count nothing."""
    new = [record for record in records if record.status != "already"]
    return {
        "symbol": status.symbol,
        "batches": len(records),
        "new_batches": len(new),
        "added": sum(batch.added for batch in new),
        "revised": sum(batch.revised for batch in new),
        "withdrawn": sum(batch.withdrawn for batch in new),
        "quarantined": sum(sum(batch.quarantined.values()) for batch in new),
        "findings": sorted({find.check for batch in new for find in batch.findings}),
        "bars": status.bars,
        "last_bar": status.last.isoformat() if status.last else None,
    }


def verdict_of(brought: dict[str, Any]) -> str:
    """Return in a line what came in, of what ``summary`` returns."""
    return f"{counts_in_words(brought)}; {_last_of(brought['last_bar'])}"


def counts_in_words(brought: dict[str, Any]) -> str:
    """Return what ``summary`` counted of bars and rows."""
    gone = f"{brought['withdrawn']:,} taken away, " if brought["withdrawn"] else ""
    return (
        f"{brought['symbol']}: {brought['added']:,} bars added, {brought['revised']:,} revised, "
        f"{gone}{brought['quarantined']:,} rows set aside"
    )


def _last_of(last_bar: str | None) -> str:
    if last_bar is None:
        return "no bar in the lake"
    return f"last bar {datetime.fromisoformat(last_bar).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _month_of(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _rows(table: pa.Table | None, batch: str) -> Iterator[dict[str, Any]]:
    for row in () if table is None else table.to_pylist():
        yield {**row, "batch": row[batch]}
