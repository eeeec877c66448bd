"""One continuous series from many contracts: the contract of each day, joined at the rolls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.bars.arrays import Bars
from ml_core.errors import InputError
from ml_core.market.market import RollRule
from ml_core.market.schedule import Schedule

CHOICE_LOOKBACK_DAYS = 7
"""A day's contract is chosen by volume at most this many calendar days old. The bound makes a live
decision that reads a few weeks choose the same contract as a reading of ten years."""

NO_CONTRACT = -1


class SeveralContractsError(InputError):
    """``roll = "none"`` requires a ready-made series, but there are several contracts."""

    symbol: str
    contracts: tuple[str, ...]
    template = (
        '{symbol} has roll = "none" but bars of {_number} contracts ({_first:, } ...); set roll = '
        '"previous_day_volume"'
    )

    @property
    def _number(self) -> int:
        return len(self.contracts)

    @property
    def _first(self) -> tuple[str, ...]:
        return self.contracts[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """The continuous series: at most one bar per minute, joined without jumps at the rolls.

    Prices are roll-adjusted integer ticks: the first contract's own prices, and every later
    contract's prices minus the gaps at the rolls up to it. Only differences of adjusted prices are
    meaningful; ``adjusted + offset[day]`` is the traded price.

    Attributes
    ----------
    schedule
        The n trading days that ``day`` refers to.
    minute, day
        Shape (m,): UTC minutes since the epoch, ascending and unique; rows in the schedule.
    open, high, low, close
        Shape (m,), adjusted ticks.
    volume
        Shape (m,).
    contracts
        Names of contract codes.
    contract
        Shape (n,): the contract code of each day, ``NO_CONTRACT`` if none could be chosen.
    offset
        Shape (n,): ticks to add to that day's adjusted prices.
    horizon
        UTC minute up to which everything is known: a bar missing before it was never traded.
    """

    schedule: Schedule
    minute: NDArray[np.int64]
    day: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]
    contracts: tuple[str, ...]
    contract: NDArray[np.int64]
    offset: NDArray[np.int64]
    horizon: int

    def __len__(self) -> int:
        return len(self.minute)

    def first_at(self, minute: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of the first bar that opens at or after each minute (m if none)."""
        return np.searchsorted(self.minute, minute, side="left")

    def rolled(self) -> NDArray[np.bool_]:
        """Return for each day whether its contract differs from the previous day's, shape (n,)."""
        change = np.zeros(len(self.contract), bool)
        has_contract = np.flatnonzero(self.contract != NO_CONTRACT)
        change[has_contract[1:]] = (
            self.contract[has_contract[1:]] != self.contract[has_contract[:-1]]
        )
        return change


def join(bars: Bars, schedule: Schedule, roll: RollRule, horizon: int | None = None) -> Tape:
    """Choose a contract for each trading day and join their bars into one tape.

    Parameters
    ----------
    bars
        All outright contracts.
    schedule
        Trading days to join; bars outside them are left out.
    roll
        ``previous_day_volume``: most volume on the latest earlier trading day that traded, without
        look-ahead. ``same_day_volume``: most volume on the day itself, only for comparison with
        external records. ``none``: a ready-made series.
    horizon
        Minute up to which everything is known; by default the end of the last bar. Bars from there
        on are left out.

    Raises
    ------
    SeveralContractsError
        ``none`` is given and there is more than one contract.
    """
    if horizon is None:
        horizon = int(bars.minute[-1]) + 1 if len(bars) else int(schedule.day_start[0])
    bars = bars.between(int(schedule.day_start[0]), min(horizon, int(schedule.day_end[-1])))
    day = schedule.day_of(bars.minute)
    chosen = choose_contracts(bars, day, schedule, roll)
    offset = _offsets(bars, day, chosen)
    keep = np.flatnonzero(bars.contract == chosen.astype(np.int32)[day])
    front, day = take_rows(bars, keep), day[keep]
    shift = offset[day]
    return Tape(
        schedule=schedule,
        minute=front.minute,
        day=day,
        open=front.open - shift,
        high=front.high - shift,
        low=front.low - shift,
        close=front.close - shift,
        volume=front.volume,
        contracts=bars.contracts,
        contract=chosen,
        offset=offset,
        horizon=horizon,
    )


def choose_contracts(
    bars: Bars, day: NDArray[np.int64], schedule: Schedule, roll: RollRule
) -> NDArray[np.int64]:
    """Return each day's contract code, shape (n,), ``NO_CONTRACT`` where unknown.

    On a day without volumes the number of bars is used instead. Ties go to the name that sorts
    first, so that the choice is deterministic.
    """
    days = len(schedule)
    if roll == "none":
        if len(bars.contracts) > 1:
            raise SeveralContractsError(bars.symbol, bars.contracts)
        return np.zeros(days, np.int64)
    width = max(len(bars.contracts), 1)
    place, size = day * width + bars.contract, (days, width)
    volume = np.bincount(place, bars.volume, minlength=days * width).reshape(size)
    count = np.bincount(place, minlength=days * width).reshape(size)
    activity = np.where(volume.any(axis=1, keepdims=True), volume, count)
    traded = count.any(axis=1)
    most = np.where(traded, activity.argmax(axis=1), NO_CONTRACT)
    if roll == "same_day_volume":
        return most
    # the latest earlier day that traded, unless it is too old
    latest = np.maximum.accumulate(np.where(traded, np.arange(days), -1))
    source = np.concatenate([[-1], latest[:-1]])
    age = schedule.days - schedule.days[source]
    usable = (source >= 0) & (age <= np.timedelta64(CHOICE_LOOKBACK_DAYS, "D"))
    return np.where(usable, most[source], NO_CONTRACT)


def _offsets(bars: Bars, day: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cumulative gaps between contracts at the rolls, ticks, shape (n,)."""
    gap = np.zeros(len(chosen), np.int64)
    has_contract = np.flatnonzero(chosen != NO_CONTRACT)
    starts = np.searchsorted(day, np.arange(len(chosen) + 1))
    for before, after in pairwise(has_contract.tolist()):
        if chosen[before] != chosen[after]:
            span = slice(starts[before], starts[after])
            gap[after] = _gap(bars, span, int(chosen[before]), int(chosen[after]))
    return np.cumsum(gap)


def _gap(bars: Bars, span: slice, old: int, new: int) -> int:
    """Return the new contract's price minus the old one's at their last common minute.

    That minute is before the roll. Without a common minute their last closes are used. A new
    contract that had not traded at all (possible only with ``same_day_volume``) joins without a
    gap.
    """
    contract, minute, close = bars.contract[span], bars.minute[span], bars.close[span]
    old_rows, new_rows = np.flatnonzero(contract == old), np.flatnonzero(contract == new)
    if not len(old_rows) or not len(new_rows):
        return 0
    _, old_common, new_common = np.intersect1d(
        minute[old_rows], minute[new_rows], assume_unique=True, return_indices=True
    )
    if len(old_common):
        old_rows, new_rows = old_rows[old_common], new_rows[new_common]
    return int(close[new_rows[-1]]) - int(close[old_rows[-1]])
