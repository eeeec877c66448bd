"""Checks whether a batch's volume over the day fits the market's shape at another hour.

A market that trades round the clock has no closed hours that would reveal a wrong zone. Its busy
hours do: the batch's hourly volume is compared with that of bars in the lake from other batches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml_core.bars.arrow_values import minutes_of, numbers_of
from ml_core.bars.checks.hours_fit import HoursMisfitError
from ml_core.bars.checks.regular_hours import ZONES
from ml_core.bars.contract import RawBatch
from ml_core.bars.lake.batch_log import BatchLog
from ml_core.market.market import Market

HOURS = 24
_WHOLE_DAY = 20
"""Hours with volume from which a day counts as round-the-clock, allowing for pauses."""

_FEWEST_DAYS = 15
_OF_DAYS = 0.9
"""Share of a batch's days that must fit the market's shape better at another hour.

If each of 15 days were a coin toss, 14 of them would agree on one of 23 hours once in 90 times;
days that are read correctly fit better as they are.
"""

_CLEARLY = 2.0
"""Factor by which the whole batch must fit better."""

_MONTHS = 24
_SEASONS_OF = ZoneInfo("America/New_York")
"""The zone whose summer time separates the days: in UTC, busy hours shift with it."""


@dataclass(frozen=True, slots=True)
class DayShapes:
    """Hourly volume of whole days.

    Attributes
    ----------
    day
        Shape (days,): days since 1970, UTC.
    share
        Shape (days, 24): share of a day's volume in each UTC hour.
    """

    day: NDArray[np.int64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, hour: NDArray[np.int64], volume: NDArray[np.float64]) -> DayShapes:
        """Return the whole days of bars given by hour since 1970 and volume."""
        days, place = np.unique(hour // HOURS, return_inverse=True)
        slots = np.bincount(place * HOURS + hour % HOURS, volume, len(days) * HOURS)
        table = slots.reshape(-1, HOURS)
        whole = (table > 0).sum(axis=1) >= _WHOLE_DAY
        return cls(days[whole], table[whole] / table[whole].sum(axis=1, keepdims=True))

    def of_summer(self, *, is_summer: bool) -> DayShapes:
        """Return the days of New York's summer time, or the others."""
        kept = np.array([_is_summer(day) for day in self.day.tolist()], bool) == is_summer
        return DayShapes(self.day[kept], self.share[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterHour:
    """A shift by whole hours at which volume fits the market's shape clearly better.

    Attributes
    ----------
    hours
        Hours by which the times would have to be later.
    distance, better
        Share of the volume in other hours than the market's, as read and after the shift.
    days, nearer
        Number of days judged, and how many of them fit better after the shift.
    """

    hours: int
    distance: float
    better: float
    days: int
    nearer: int


def better_hour(batch: DayShapes, market: DayShapes) -> BetterHour | None:
    """Return the shift that fits clearly better; None if there is none or too few days."""
    if min(len(batch.day), len(market.day)) < _FEWEST_DAYS:
        return None
    typical = market.share.mean(axis=0)
    shifted = np.stack([np.roll(batch.share, shift, axis=1) for shift in range(HOURS)])
    whole = _apart(shifted.mean(axis=1), typical)
    best = int(whole.argmin())
    of_days = _apart(shifted[[0, best]], typical)
    nearer = int((of_days[1] < of_days[0]).sum())
    if nearer < _OF_DAYS * len(batch.day) or whole[0] < _CLEARLY * whole[best]:
        return None
    return BetterHour(
        hours=best if best <= HOURS // 2 else best - HOURS,
        distance=float(whole[0]),
        better=float(whole[best]),
        days=len(batch.day),
        nearer=nearer,
    )


class LakeVolume:
    """The volume of the last months of a lake, by hour and batch.

    Parameters
    ----------
    months
        Month files, in order.
    """

    def __init__(self, months: Iterable[Path]) -> None:
        parts = [_hourly(path) for path in list(months)[-_MONTHS:]]
        empty = np.empty(0, np.int64)
        self._hour = np.concatenate([empty, *(part[0] for part in parts)])
        self._volume = np.concatenate([np.empty(0), *(part[1] for part in parts)])
        self._batch = np.concatenate([np.empty(0, object), *(part[2] for part in parts)])

    def without(self, batches: Collection[str]) -> DayShapes:
        """Return the days of bars that do not come from these batches."""
        kept = ~np.isin(self._batch, list(batches))
        return DayShapes.of(self._hour[kept], self._volume[kept])


def refuse_other_hour(
    batch: RawBatch,
    good: pa.Table,
    market: Market,
    lake: Callable[[], LakeVolume],
    log: BatchLog,
) -> None:
    """Refuse bars whose volume fits the market's shape clearly better at another hour.

    Earlier bars of the batch itself are not used for comparison, nor are bars that were read in
    the same way as those: reading a source again implies that the first reading was wrong.

    Parameters
    ----------
    batch
        The batch as read; it passes if its times have their own zone.
    good
        Its valid bars.
    market, lake, log
        The market, its volume in the lake, and its batches.

    Raises
    ------
    HoursMisfitError
        Another reading fits clearly better; the message has the figures of both readings and the
        option to use.
    """
    if batch.zone is None or not market.quality.judge_hours:
        return
    shapes = DayShapes.of(minutes_of(good["ts"]) // 60, good["volume"].to_numpy())
    if len(shapes.day) < _FEWEST_DAYS:
        return
    others = lake().without(_batches_to_ignore(batch, log))
    for is_summer in (False, True):
        days = shapes.of_summer(is_summer=is_summer)
        better = better_hour(days, others.of_summer(is_summer=is_summer))
        if better is not None and better.hours:
            zone = _zone_shifted(batch.zone, better.hours, int(days.day[len(days.day) // 2]))
            fault = (
                f"read in {batch.zone}, {better.distance:.0%} of its volume lies in other hours "
                f"of the day than in the stored bars; in {zone} it would be "
                f"{better.better:.0%}, and {better.nearer} of {better.days} days would be nearer"
            )
            remedy = f"Read it with --zone {zone}, or undo the others"
            remedy += " (`orbcast bars batches`, `forget`)"
            raise HoursMisfitError(batch.name, market.symbol, fault, remedy)


def _apart(shares: NDArray[np.float64], typical: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the total variation distance between distributions over hours (the last axis)."""
    distance: NDArray[np.float64] = np.abs(shares - typical).sum(axis=-1) / 2
    return distance


def _batches_to_ignore(batch: RawBatch, log: BatchLog) -> set[str]:
    former = [
        record
        for record in log.records
        if record.content_hash == batch.content_hash or record.origin == batch.origin
    ]
    ways = {
        (record.source, record.reading) for record in former if record.reading != batch.reading
    }
    alike = [record for record in log.records if (record.source, record.reading) in ways]
    return {record.batch_id for record in (*former, *alike)}


def _hourly(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.object_]]:
    """Return a month's volume by hour since 1970 and batch; hours and batches repeat."""
    file = pq.ParquetFile(path)
    here = [name for name in ("ts", "volume", "brought_by") if name in file.schema_arrow.names]
    table = file.read(columns=here)
    names = ["" for _ in range(len(table))]
    if "brought_by" in here:
        names = table["brought_by"].fill_null("").to_pylist()
    batches, code = np.unique(np.array(names, dtype=str), return_inverse=True)
    hour: NDArray[np.int64] = minutes_of(table["ts"]) // 60
    slots, place = np.unique(hour * len(batches) + code, return_inverse=True)
    volume: NDArray[np.float64] = np.bincount(place, numbers_of(table["volume"])).astype(float)
    brought_by: NDArray[np.object_] = batches.astype(object)[slots % len(batches)]
    hours: NDArray[np.int64] = slots // len(batches)
    return hours, volume, brought_by


def _noon(day: int) -> datetime:
    return datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)


def _offset(at: datetime, zone: str) -> timedelta:
    return at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()


def _is_summer(day: int) -> bool:
    return bool(_noon(day).astimezone(_SEASONS_OF).dst())


def _zone_shifted(zone: str, hours: int, day: int) -> str:
    """Return a zone (a common one if possible) in which the times would be that much later."""
    noon = _noon(day)
    wanted = _offset(noon, zone) - timedelta(hours=hours)
    usual = (name for name in ZONES if _offset(noon, name) == wanted)
    whole = round(wanted / timedelta(hours=1))
    return next(usual, f"Etc/GMT{-whole:+d}" if whole else "UTC")
