"""Logged rows by day, scaled by a version's training rows.

Each row is compared within its own opening range: a value becomes the normal score of its rank
among the reference's values at that range. Each feature gives two daily columns:

- its *level*: the mean score;
- its *residual*: what is left of it after a ridge regression, fitted on the reference, on the
  features of the other groups. A group that moves away from all the others shows here at once,
  even if its level wanders as far by itself every year.

For prediction and outcome, only the level is checked. Calendar columns (the group ``clock``)
repeat once a year, with daylight saving and the months. A reference of less than a year has not
seen their full cycle, so they are left out then. They never explain the other groups.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.health.drift import PREDICTION, TARGET
from ml_core.on_demand import library

special = library("scipy.special")

LEFT = " given the other groups"
"""Suffix of the column with a feature's residual."""

CALENDAR = "clock"
EARLY_CLOSE, SINCE_ROLL = "early_close", "days_since_roll"
"""Features that identify half-days and roll days, which are unlike ordinary days."""

YEAR = np.timedelta64(365, "D")
LEAST_RANGES = 2.0 / 3.0
"""Share of the reference's opening ranges that a day must have: the mean of fewer ranges varies
more than the means of the days it would be compared with."""

_RIDGE = 20.0
_DIGITS = 9
_BLOCKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Logged or reference rows.

    Attributes
    ----------
    day, opening_range
        Shape (n,): trading day and name of the range.
    names
        Names of the k columns.
    values
        Shape (n, k), NaN where missing.
    """

    day: NDArray[np.datetime64]
    opening_range: NDArray[np.str_]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def ordinary(self) -> Rows:
        """Return the rows without roll days and half-days, as far as features identify them."""
        keep = np.ones(len(self.day), bool)
        if EARLY_CLOSE in self.names:
            keep &= ~(self.values[:, self.names.index(EARLY_CLOSE)] > 0)
        if SINCE_ROLL in self.names:
            keep &= ~(self.values[:, self.names.index(SINCE_ROLL)] == 0)
        return take_rows(self, keep)

    def of(self, names: tuple[str, ...]) -> Rows:
        """Return the named columns."""
        if names == self.names:
            return self
        at = [self.names.index(name) for name in names]
        return Rows(
            day=self.day, opening_range=self.opening_range, names=names, values=self.values[:, at]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Columns by day: ``values`` has shape (d, c), NaN where a day has no value."""

    day: NDArray[np.datetime64]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def latest(self, days: int) -> Daily:
        """Return the last ``days`` days."""
        return Daily(day=self.day[-days:], names=self.names, values=self.values[-days:])


def besides_latest(learned: Rows, logged: Rows, days: int) -> Rows:
    """Return the training rows without the latest logged days.

    A version that is refitted each night has learned from the days that are checked. If they were
    part of the reference, they would widen their own null distribution, and no shift would ever
    be detected.

    Parameters
    ----------
    learned, logged
        Rows without roll days and half-days; see :meth:`Rows.ordinary`.
    days
        How many days are checked; days with few ranges are not counted.
    """
    looked_at = np.unique(_of_full_days(logged, np.unique(learned.opening_range)).day)[-days:]
    return take_rows(learned, ~np.isin(learned.day, looked_at))


class Reference:
    """A version's training rows, prepared for a comparison with later rows.

    Parameters
    ----------
    rows
        The training rows without roll days and half-days; see :meth:`Rows.ordinary`.
    groups
        Feature -> group.

    Attributes
    ----------
    left_out
        Groups that are not checked, since the rows cover less than a year.
    """

    def __init__(self, rows: Rows, groups: Mapping[str, str]) -> None:
        whole = len(rows.day) > 0 and rows.day.max() - rows.day.min() >= YEAR
        self.left_out = () if whole else (CALENDAR,)
        self.names = tuple(
            name for name in rows.names if groups.get(name, "other") not in self.left_out
        )
        self.groups = tuple(groups.get(name, "other") for name in self.names)
        rows = rows.of(self.names)
        self._sorted = {
            name: [
                np.sort(column[np.isfinite(column)])
                for column in rows.values[rows.opening_range == name].T
            ]
            for name in np.unique(rows.opening_range).tolist()
        }
        placed = self._placed(rows)
        self._weights = self._fit(placed)
        left = np.empty_like(placed)
        blocks = np.array_split(np.unique(rows.day), _BLOCKS)
        for days in blocks:  # residuals only for days that the regression was not fitted on
            inside = (rows.day >= days[0]) & (rows.day <= days[-1])
            left[inside] = placed[inside] - placed[inside] @ self._fit(placed[~inside])
        self.daily = self._by_day(rows, placed, left)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the daily columns: every column's level, then each feature's residual."""
        return (*self.names, *(self.names[index] + LEFT for index in self._explained))

    @property
    def least_ranges(self) -> int:
        """How many opening ranges a day must have to be checked."""
        return _least_ranges(len(self._sorted))

    @property
    def _explained(self) -> list[int]:
        alone = {PREDICTION, TARGET}
        return [index for index, group in enumerate(self.groups) if group not in alone]

    def group_of(self, column: str) -> str:
        """Return the group of a column's feature."""
        return self.groups[self.names.index(column.removesuffix(LEFT))]

    def daily_of(self, rows: Rows) -> Daily:
        """Return later rows by day, scaled by the reference, without days with few ranges."""
        rows = _of_full_days(rows.of(self.names), list(self._sorted))
        placed = self._placed(rows)
        return self._by_day(rows, placed, placed - placed @ self._weights)

    def _placed(self, rows: Rows) -> NDArray[np.float64]:
        """Return normal scores within the same opening range, shape (n, k); missing is the middle.

        The score is the normal quantile of the share of the reference's values at that range
        below the value (van der Waerden 1952). Fat tails and units drop out, and features that are
        inverses of each other become linear in each other.
        """
        placed = np.zeros(rows.values.shape)
        for name, ordered in self._sorted.items():
            here = rows.opening_range == name
            if not here.any():
                continue
            for column, values in enumerate(ordered):
                if not len(values):
                    continue
                now = rows.values[here, column]
                below = np.searchsorted(values, now, side="left")
                up_to = np.searchsorted(values, now, side="right")
                share = ((below + up_to) / 2.0 + 0.5) / (len(values) + 1.0)
                placed[here, column] = np.where(np.isfinite(now), special.ndtri(share), 0.0)
        return placed

    def _fit(self, placed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Regress each feature on the other groups' features; shape (k, k), 0 within a group."""
        group = np.array(self.groups)
        moment = placed.T @ placed
        weights = np.zeros_like(moment)
        for name in np.unique(group):
            own = group == name
            others = ~own & ~np.isin(group, [CALENDAR, PREDICTION, TARGET])
            if not others.any():
                continue
            normal = moment[np.ix_(others, others)] + _RIDGE * np.eye(int(others.sum()))
            weights[np.ix_(others, own)] = np.linalg.solve(normal, moment[np.ix_(others, own)])
        return weights

    def _by_day(self, rows: Rows, placed: NDArray[np.float64], left: NDArray[np.float64]) -> Daily:
        """Return each day's means; a missing value does not count in its column's level."""
        days, day_of = np.unique(rows.day, return_inverse=True)
        seen = np.isfinite(rows.values).astype(np.float64)
        levels, counts = (np.zeros((len(days), len(self.names))) for _ in range(2))
        np.add.at(levels, day_of, placed * seen)
        np.add.at(counts, day_of, seen)
        rest = np.zeros((len(days), len(self._explained)))
        np.add.at(rest, day_of, left[:, self._explained])
        rows_of_day = np.bincount(day_of, minlength=len(days))[:, np.newaxis]
        values = np.hstack([levels / np.maximum(counts, 1.0), rest / rows_of_day])
        # values that differ only by rounding count as equal: a histogram of them would fail
        return Daily(day=days, names=self.columns, values=np.round(values, _DIGITS))


def _least_ranges(ranges: int) -> int:
    return math.ceil(LEAST_RANGES * ranges)


def _of_full_days(rows: Rows, ranges: Collection[str]) -> Rows:
    """Return the rows of some opening ranges, without days with few of them."""
    names = list(ranges)
    rows = take_rows(rows, np.isin(rows.opening_range, names))
    _, day, count = np.unique(rows.day, return_inverse=True, return_counts=True)
    return take_rows(rows, (count >= _least_ranges(len(names)))[day])
