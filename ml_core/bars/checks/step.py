"""The step of a source's bars: anything but one minute is refused, with the step found."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrow_values import MINUTE_US
from ml_core.errors import InputError

_BY_CHANCE = 1e-6
"""Probability of 1-minute bars lying on a coarser grid by chance; below it, that is the step."""

_FEWEST = 10
"""Minimum number of bars for a judgement."""

_ON_GRID = 0.99
"""Minimum share of bars on that grid; a few odd bars do not make it 1-minute data."""

_DAY = 24 * 60


class StepError(InputError):
    """The bars are not 1-minute bars."""

    name: str
    seconds: float
    bars: int


class TooFineError(StepError):
    """The rows are less than a minute apart."""

    template = (
        "{name} holds rows {seconds:g} s apart ({bars:,} of them), and Orbcast needs 1-minute "
        "bars: a range needs the bars of whole minutes; make minutes of them "
        '("Seconds and ticks" in docs/bring-your-own-data.md)'
    )


class TooCoarseError(StepError):
    """The bars cover several minutes."""

    template = (
        "{name} holds {_length} bars ({bars:,} that far apart), and Orbcast needs 1-minute bars: "
        "a break would be detected minutes early or late, and bars cannot be split; export "
        "1-minute bars"
    )

    @property
    def _length(self) -> str:
        return _length(self.seconds)


def refuse_other_step(name: str, stamps: NDArray[np.int64], contracts: NDArray[np.int64]) -> None:
    """Refuse bars that are not a minute apart.

    Parameters
    ----------
    name
        Name of the source, for the message.
    stamps
        Opening times of the bars, microseconds UTC, shape (n,), in any order.
    contracts
        A number for each bar's contract, shape (n,).

    Raises
    ------
    StepError
        The step is another one; the message names it.
    """
    order = np.lexsort((stamps, contracts))
    stamp = stamps[order]
    step = np.diff(stamp)[(np.diff(contracts[order]) == 0) & (np.diff(stamp) > 0)]
    if not len(step):
        return
    if np.median(step) < MINUTE_US:
        raise TooFineError(name, float(np.median(step)) / 1e6, len(stamps))
    usual = int(_most_common(step))
    if usual > MINUTE_US:
        minutes = usual // MINUTE_US
        place = stamps // MINUTE_US % minutes
        on_grid = int(np.bincount(place).max())
        by_chance = -(on_grid - 1) * math.log(minutes)
        enough = on_grid >= max(_FEWEST, _ON_GRID * len(stamps))
        if enough and by_chance < math.log(_BY_CHANCE):
            raise TooCoarseError(name, usual / 1e6, on_grid)
    _refuse_coarse_days(name, stamps // MINUTE_US)


def _refuse_coarse_days(name: str, minute: NDArray[np.int64]) -> None:
    """Refuse days of coarser bars among days of 1-minute bars, as in concatenated files.

    Every coarser step in use lies on a grid of 2, 3 or 5 minutes.
    """
    first = int(minute.min()) // _DAY
    group = minute // _DAY - first
    bars = np.bincount(group)
    days = max(int((bars > 0).sum()), 1)
    for grid in (2, 3, 5):
        place = np.bincount(group * grid + minute % grid, minlength=len(bars) * grid)
        on_grid = place.reshape(-1, grid).max(axis=1)
        by_chance = -(on_grid - 1) * math.log(grid) + math.log(days)
        coarse = np.flatnonzero(
            (bars >= _FEWEST) & (on_grid >= _ON_GRID * bars) & (by_chance < math.log(_BY_CHANCE))
        )
        for day in coarse:
            steps = np.diff(np.unique(minute[group == day]))
            if len(steps) >= _FEWEST - 1 and (usual := int(_most_common(steps))) > 1:
                what = f"{name}, on {np.datetime64(first + int(day), 'D')},"
                raise TooCoarseError(what, usual * 60.0, int(bars[day]))


def _most_common(values: NDArray[np.int64]) -> np.int64:
    distinct, counts = np.unique(values, return_counts=True)
    return np.int64(distinct[counts.argmax()])


def _length(seconds: float) -> str:
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % length == 0:
            return f"{seconds / length:.0f}-{unit}"
    return f"{seconds:g}-second"
