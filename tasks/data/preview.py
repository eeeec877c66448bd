"""Preview the import of a source: computed beside the lake, and not kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from filelock import FileLock, Timeout

from ml_core.bars.continuous import join
from ml_core.bars.contract import OnProgress, RawBatch, ReadingMethod
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import Lake, LakeStatus
from ml_core.market.market import Market
from ml_core.market.schedule import NoTradingDaysError, build_schedule, from_minute, to_minute
from ml_core.ranges.opening_range import opening_ranges
from tasks.data.sources import SourceSpec, open_source
from tasks.settings import Settings

_PREFIX, _LOCK = ".preview-", "running"

_BACK = timedelta(days=10)
"""How far back from the last bar to look for a day with opening ranges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePreview:
    """An opening range of a day, to compare with a chart.

    Attributes
    ----------
    name
        Name of the opening range.
    trading_day
        Its trading day.
    start
        Start of its window, aware, in the market's time zone.
    high, low
        Prices as traded.
    """

    name: str
    trading_day: date
    start: datetime
    high: float
    low: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the rows of a source were read as one-minute bars.

    Attributes
    ----------
    layout
        Layout of a text file, given or recognised by its first line; None for other sources.
    zone
        Zone in which local times were read; None where the times carry their own.
    stamp
        Whether a bar is stamped with its minute's opening or its close.
    columns
        Orbcast's column names -> the source's column names.
    """

    layout: str | None
    zone: str | None
    stamp: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import of a source would do.

    Attributes
    ----------
    records
        The record that each batch would get.
    status
        Status of the lake after the import.
    ranges
        The opening ranges of the last day that has some.
    readings
        The ways in which its rows were read, each once.
    """

    records: tuple[BatchRecord, ...]
    status: LakeStatus
    ranges: tuple[RangePreview, ...]
    readings: tuple[Reading, ...] = ()

    @property
    def first(self) -> datetime | None:
        """When the first valid bar of the source opens, aware UTC."""
        return min(_moments(record.first for record in self.records), default=None)

    @property
    def last(self) -> datetime | None:
        """When the last valid bar of the source opens, aware UTC."""
        return max(_moments(record.last for record in self.records), default=None)


def _moments(texts: Iterable[str | None]) -> Iterator[datetime]:
    return (datetime.fromisoformat(text) for text in texts if text is not None)


def preview(
    settings: Settings,
    market: Market,
    spec: SourceSpec,
    at: datetime,
    *,
    on_progress: OnProgress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Preview:
    """Compute what an import of a source would do; the lake stays as it is.

    Parameters
    ----------
    settings, market, spec
        The installation, the market, and the source.
    at
        Aware time; bars that close after it are quarantined as from the future.
    on_progress
        Called with (batch name, batches done).
    tell
        Called with the source's own messages.

    Raises
    ------
    SourceError, BatchRefusedError, StepError, HoursMisfitError
        The import would be refused.
    DatabaseLockedError
        Another try may succeed.
    """
    readings: dict[tuple[ReadingMethod, str | None], Reading] = {}
    with _folder_of_this_run(settings.home) as folder:
        beside = Lake(folder)
        kept = settings.lake().root / market.symbol
        if kept.is_dir():
            # links, not copies: the lake never writes to an existing file
            shutil.copytree(kept, beside.root / market.symbol, copy_function=_link)
        batches = open_source(spec, market, at, settings.feeds_dir, dry_run=True, tell=tell)
        records = beside.ingest(_noting(batches, readings), market, at, on_progress)
        return Preview(
            records=records,
            status=beside.status(market.symbol),
            ranges=_last_ranges(beside, market, records),
            readings=tuple(readings.values()),
        )


@contextmanager
def _folder_of_this_run(home: Path) -> Iterator[Path]:
    """Yield a folder in the home that files can be linked into; it is removed afterwards.

    Folders of killed runs are removed first: no process holds their lock any more.
    """
    home.mkdir(parents=True, exist_ok=True)
    for leftover in home.glob(f"{_PREFIX}*"):
        try:
            with FileLock(leftover / _LOCK, timeout=0):
                shutil.rmtree(leftover, ignore_errors=True)
        except (Timeout, OSError):
            continue  # it belongs to a run that still works, or is already removed
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=home) as folder,
        FileLock(Path(folder) / _LOCK),
    ):
        yield Path(folder) / "lake"


def _noting(
    batches: Iterable[RawBatch], readings: dict[tuple[ReadingMethod, str | None], Reading]
) -> Iterator[RawBatch]:
    """Yield batches, and note each way in which they were read."""
    for batch in batches:
        for how in batch.how:
            readings[how, batch.zone] = Reading(
                layout=how.layout or None,
                zone=batch.zone,
                stamp=how.stamp,
                columns=dict(how.columns),
            )
        yield batch


def _link(source: str, target: str) -> None:
    """Link a file; copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _last_ranges(
    lake: Lake, market: Market, records: tuple[BatchRecord, ...]
) -> tuple[RangePreview, ...]:
    end = max(_moments(record.last for record in records), default=None)
    if end is None:
        return ()
    try:
        schedule = build_schedule(market, end.date() - _BACK, end.date() + timedelta(days=1))
    except NoTradingDaysError:
        return ()
    bars = lake.read(market, int(schedule.day_start[0]), to_minute(end) + 1)
    tape = join(bars, schedule, market.roll)
    ranges = opening_ranges(tape, market)
    formed = np.flatnonzero(ranges.formed)
    last_day = ranges.day[formed].max(initial=-1)
    offset = tape.offset[last_day] if len(formed) else 0
    price = market.instrument.to_price
    return tuple(
        RangePreview(
            name=market.ranges[ranges.spec[row]].name,
            trading_day=schedule.days[last_day].item(),
            start=from_minute(int(ranges.start[row])).astimezone(ZoneInfo(market.zone)),
            high=float(price(ranges.high[row] + offset)),
            low=float(price(ranges.low[row] + offset)),
        )
        for row in formed[ranges.day[formed] == last_day].tolist()
    )
