"""What a source would bring, worked out beside the lake: nothing of it is kept."""

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
from ml_core.bars.contract import HowRead, OnProgress, RawBatch
from ml_core.bars.lake.batch_log import BatchRecord
from ml_core.bars.lake.lake import Lake, LakeStatus
from ml_core.market.market import Market
from ml_core.market.schedule import NoTradingDaysError, build_schedule, from_minute, to_minute
from ml_core.ranges.opening_range import opening_ranges
from tasks.data.sources import SourceSpec, open_source
from tasks.settings import Settings

_PREFIX, _LOCK = ".preview-", "running"

_BACK = timedelta(days=10)
"""How long before the last bar in which one with opening ranges is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeShown:
    """An opening range of a day, to be held against a chart.

    Attributes
    ----------
    name
        The range's.
    trading_day
        Its day.
    start
        Aware time on the market's clock.
    high, low
        In price, as traded.
    """

    name: str
    trading_day: date
    start: datetime
    high: float
    low: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How rows of a source became bars of a minute.

    Attributes
    ----------
    layout
        Of text, as it was named or as its first line shows it; None for another kind of source.
    zone
        That local times were read in; None where the times say it themselves.
    stamp
        Which end of its minute a bar is stamped with.
    columns
        Orbcast's names to the source's columns.
    """

    layout: str | None
    zone: str | None
    stamp: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What taking a source in would come to.

    Attributes
    ----------
    records
        What would become of each batch.
    status
        What the lake would hold then.
    ranges
        The opening ranges of the last day that has any.
    readings
        The ways in which its rows became bars, each once.
    """

    records: tuple[BatchRecord, ...]
    status: LakeStatus
    ranges: tuple[RangeShown, ...]
    readings: tuple[Reading, ...] = ()

    @property
    def first(self) -> datetime | None:
        """When the first sound bar of the source opens, aware UTC."""
        return min(_moments(record.first for record in self.records), default=None)

    @property
    def last(self) -> datetime | None:
        """When the last sound bar of the source opens, aware UTC."""
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
    """Work out what taking a source in would come to; the lake stays as it is.

    Parameters
    ----------
    settings, market, spec
        Where to, whose bars, where from.
    at
        Aware time; bars that close after it are set aside as from the future.
    on_progress
        Called with (batch name, batches done).
    tell
        Called with what the source would ask for.

    Raises
    ------
    SourceError, BatchRefusedError, StepError, HoursMisfitError
        It would be refused.
    DatabaseLockedError
        Worth another try.
    """
    readings: dict[tuple[HowRead, str | None], Reading] = {}
    with _folder_of_this_run(settings.home) as folder:
        beside = Lake(folder)
        kept = settings.lake().root / market.symbol
        if kept.is_dir():
            # links, not copies: the lake never writes into a file that is there
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
    """Yield a folder in the home, to whose files links can be made; it is gone afterwards.

    Those that killed runs left go first: nobody holds their lock any more.
    """
    home.mkdir(parents=True, exist_ok=True)
    for leftover in home.glob(f"{_PREFIX}*"):
        try:
            with FileLock(leftover / _LOCK, timeout=0):
                shutil.rmtree(leftover, ignore_errors=True)
        except (Timeout, OSError):
            continue  # another run's that goes on, or is gone by now
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=home) as folder,
        FileLock(Path(folder) / _LOCK),
    ):
        yield Path(folder) / "lake"


def _noting(
    batches: Iterable[RawBatch], readings: dict[tuple[HowRead, str | None], Reading]
) -> Iterator[RawBatch]:
    """Yield batches, and keep each way in which they were read."""
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
    """Link a file; copy it where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _last_ranges(
    lake: Lake, market: Market, records: tuple[BatchRecord, ...]
) -> tuple[RangeShown, ...]:
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
        RangeShown(
            name=market.ranges[ranges.spec[row]].name,
            trading_day=schedule.days[last_day].item(),
            start=from_minute(int(ranges.start[row])).astimezone(ZoneInfo(market.zone)),
            high=float(price(ranges.high[row] + offset)),
            low=float(price(ranges.low[row] + offset)),
        )
        for row in formed[ranges.day[formed] == last_day].tolist()
    )
