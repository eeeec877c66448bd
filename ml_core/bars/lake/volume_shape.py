"""Whether volume over the day has the market's own shape, or clearly at another hour.

A market that trades round the clock has no hours that bars of a wrong zone would lie outside. Its
busy hours tell: those of the bars in the lake, which other batches brought, are held against those
of a batch.
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
"""Hours with volume from which on a day is one of a market round the clock, its pauses apart."""

_FEWEST_DAYS = 15
_OF_DAYS = 0.9
"""Share of a batch's days that must be nearer to the market's shape at another hour.

Were it a toss-up for each of 15 days, 14 of them would agree on one of 23 hours once in 90 times;
days that are read rightly are nearer as they are.
"""

_CLEARLY = 2.0
"""How many times nearer the batch as a whole must be."""

_MONTHS = 24
_SEASONS_OF = ZoneInfo("America/New_York")
"""By whose summer time days are told apart: the busy hours of markets go with it in UTC."""


@dataclass(frozen=True, slots=True)
class DayShapes:
    """Volume of whole days over their hours.

    Attributes
    ----------
    day
        Days since 1970, UTC, of shape (days,).
    share
        Share of a day's volume in each of its hours, UTC, of shape (days, 24).
    """

    day: NDArray[np.int64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, hour: NDArray[np.int64], volume: NDArray[np.float64]) -> DayShapes:
        """Return the whole days of bars, each by its hour since 1970 and its volume."""
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
    """A whole-hour shift at which volume fits the market's shape clearly better.

    Attributes
    ----------
    hours
        By which the times would have to be later.
    distance, better
        Share of the volume that lies in other hours than the market's, as read and shifted.
    days, nearer
        How many days were judged, and how many of them are nearer when they are shifted.
    """

    hours: int
    distance: float
    better: float
    days: int
    nearer: int


def better_hour(batch: DayShapes, market: DayShapes) -> BetterHour | None:
    """Return the shift that fits clearly better; None where the days fit, or are too few."""
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
    """The volume of the last months of a lake, by hour and by the batch that brought it.

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
        """Return the days of the bars that none of these batches brought."""
        kept = ~np.isin(self._batch, list(batches))
        return DayShapes.of(self._hour[kept], self._volume[kept])


def refuse_other_hour(
    batch: RawBatch,
    good: pa.Table,
    market: Market,
    lake: Callable[[], LakeVolume],
    log: BatchLog,
) -> None:
    """Refuse bars whose volume has the market's shape clearly better at another hour.

    What the batch itself brought before is no witness, nor what was read in the way that it was
    read in then: whoever reads a source anew says that it was wrong.

    Parameters
    ----------
    batch
        As it was read; where its times said their zone themselves it passes.
    good
        Its sound bars.
    market, lake, log
        Whose bars, what is there of them, and who brought it.

    Raises
    ------
    HoursMisfitError
        With the figures of both readings and the option that reads it.
    """
    if batch.zone is None or not market.quality.judge_hours:
        return
    shapes = DayShapes.of(minutes_of(good["ts"]) // 60, good["volume"].to_numpy())
    if len(shapes.day) < _FEWEST_DAYS:
        return
    others = lake().without(_no_witnesses(batch, log))
    for is_summer in (False, True):
        days = shapes.of_summer(is_summer=is_summer)
        better = better_hour(days, others.of_summer(is_summer=is_summer))
        if better is not None and better.hours:
            zone = _zone_shifted(batch.zone, better.hours, int(days.day[len(days.day) // 2]))
            fault = (
                f"read in {batch.zone}, {better.distance:.0%} of its volume lies in other hours "
                f"of the day than in the bars that are here; in {zone} it would be "
                f"{better.better:.0%}, and {better.nearer} of {better.days} days would be nearer"
            )
            remedy = f"Read it with --zone {zone}, or take the others back"
            remedy += " (`orbcast bars batches`, `forget`)"
            raise HoursMisfitError(batch.name, market.symbol, fault, remedy)


def _apart(shares: NDArray[np.float64], typical: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the total variation distance of distributions over hours, the last axis."""
    distance: NDArray[np.float64] = np.abs(shares - typical).sum(axis=-1) / 2
    return distance


def _no_witnesses(batch: RawBatch, log: BatchLog) -> set[str]:
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
    """Return a month's volume by hour since 1970 and batch; the hours and the batches repeat."""
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
    """Return a zone, a usual one if there is one, in which the times would be as much later."""
    noon = _noon(day)
    wanted = _offset(noon, zone) - timedelta(hours=hours)
    usual = (name for name in ZONES if _offset(noon, name) == wanted)
    whole = round(wanted / timedelta(hours=1))
    return next(usual, f"Etc/GMT{-whole:+d}" if whole else "UTC")
