"""Opening ranges: the window's high, low and close, for every slot at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.continuous import NO_CONTRACT, Tape
from ml_core.market.market import Market


class Exclusion(IntEnum):
    """Why a slot has no usable opening range."""

    NONE = 0
    EXCHANGE_CLOSED = 1
    NOT_CLOSED_YET = 2
    NO_CONTRACT = 3
    NO_BARS = 4
    ZERO_SIZE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRanges:
    """The n slots (trading day x opening range) of a tape, ordered by decision time.

    Attributes
    ----------
    day, spec
        Shape (n,): row in the schedule, index of the market's opening range.
    start, decision
        Shape (n,), UTC minutes: when the window opens, and when it has closed (t0).
    session_end, day_end
        Shape (n,), UTC minutes: the two scan ends that a label may use.
    first_bar, stop_bar
        Shape (n,): tape positions of the window's bars, stop exclusive.
    open, high, low, close
        Shape (n,), adjusted ticks; 0 where ``exclusion`` says there is no range.
    volume
        Shape (n,).
    exclusion
        Shape (n,), codes of :class:`Exclusion`.
    """

    day: NDArray[np.int64]
    spec: NDArray[np.int64]
    start: NDArray[np.int64]
    decision: NDArray[np.int64]
    session_end: NDArray[np.int64]
    day_end: NDArray[np.int64]
    first_bar: NDArray[np.int64]
    stop_bar: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]
    exclusion: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.decision)

    @property
    def size(self) -> NDArray[np.int64]:
        """Height of each range, ticks, shape (n,)."""
        return self.high - self.low

    @property
    def formed(self) -> NDArray[np.bool_]:
        """Whether each slot has a range, of any size, shape (n,)."""
        return np.isin(self.exclusion, [Exclusion.NONE, Exclusion.ZERO_SIZE])

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Whether each slot has a range that a decision can be made on, shape (n,)."""
        return np.isin(self.exclusion, [Exclusion.NONE])


def opening_ranges(tape: Tape, market: Market) -> OpeningRanges:
    """Measure every opening range of the tape's schedule.

    A minute without trades has no bar. The window is cut by the clock, so a range may consist of
    fewer bars than the window has minutes.
    """
    schedule = tape.schedule
    days, ranges = schedule.range_start.shape
    day = np.repeat(np.arange(days), ranges)
    start, decision = schedule.range_start.ravel(), schedule.range_end.ravel()
    # "next 09:00" means 24 clock hours later, not the next trading day: weekends are not scanned
    day_end = np.minimum(schedule.day_start + 1440, schedule.day_end)
    first, stop = tape.first_at(start), tape.first_at(decision)
    exclusion = _exclusions(tape, day, decision, stop - first)
    return _measured(
        tape,
        OpeningRanges(
            day=day,
            spec=np.tile(np.arange(ranges), days),
            start=start,
            decision=decision,
            session_end=schedule.session_scan_end.ravel(),
            day_end=np.repeat(day_end, ranges),
            first_bar=first,
            stop_bar=stop,
            open=np.zeros_like(start),
            high=np.zeros_like(start),
            low=np.zeros_like(start),
            close=np.zeros_like(start),
            volume=np.zeros_like(start),
            exclusion=exclusion,
        ),
        longest=max(spec.minutes for spec in market.ranges),
    )


def _exclusions(
    tape: Tape, day: NDArray[np.int64], decision: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.int8]:
    """Return the first reason that applies to each slot, in the order a trader would check."""
    return np.select(
        [
            ~tape.schedule.open.ravel(),
            decision > tape.horizon,
            tape.contract[day] == NO_CONTRACT,
            count == 0,
        ],
        [
            Exclusion.EXCHANGE_CLOSED,
            Exclusion.NOT_CLOSED_YET,
            Exclusion.NO_CONTRACT,
            Exclusion.NO_BARS,
        ],
        Exclusion.NONE,
    ).astype(np.int8)


def _measured(tape: Tape, ranges: OpeningRanges, longest: int) -> OpeningRanges:
    """Fill in the prices of the slots that have bars, in place, and mark those of zero size."""
    rows = np.flatnonzero(ranges.exclusion == Exclusion.NONE)
    if not len(rows):
        return ranges
    first, stop = ranges.first_bar[rows], ranges.stop_bar[rows]
    bars = first[:, None] + np.arange(longest)
    inside = bars < stop[:, None]
    bars = np.minimum(bars, stop[:, None] - 1)  # repeats the last bar: same high and low
    ranges.high[rows] = tape.high[bars].max(axis=1)
    ranges.low[rows] = tape.low[bars].min(axis=1)
    ranges.open[rows] = tape.open[first]
    ranges.close[rows] = tape.close[stop - 1]
    ranges.volume[rows] = np.where(inside, tape.volume[bars], 0).sum(axis=1)
    flat = rows[ranges.high[rows] == ranges.low[rows]]
    ranges.exclusion[flat] = Exclusion.ZERO_SIZE
    return ranges
