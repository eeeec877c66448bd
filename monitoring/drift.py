"""Drift: whether the features logged of late look like those the version learned from.

Each row is compared at its own opening range: a value becomes the normal score of its rank among
the reference's values at that range. Two questions are asked of each feature, by the day:

- its *level*: the mean score;
- what is *left of it* when the features of the other groups are taken into account (a ridge
  regression fitted on the reference): a group that moves away from all the others shows here at
  once, though its level may wander as far by itself every year.

What was predicted, and what came of it, are asked for their level only.

The last days' mean is held against all stretches of as many days in the reference, so that what
wanders slowly in quiet times has a wide null of its own. p-values are those of Student's t with as
many degrees of freedom as there are independent stretches (after their own autocorrelation), and
the false discovery rate across all columns is kept by the step-up of Benjamini and Hochberg 1995.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_DAYS = 10
"""Trading days that are looked at, roll days and half-days left out."""

LEAST_DAYS = 8
"""Fewer than this with rows among them are not judged."""

LEAST_REFERENCE_DAYS = 120
RATE = 0.00002
"""False discovery rate of one look; there are 250 a year, most of them of the same days."""

LEAST_SHIFT = 0.5
"""In standard deviations: less is not worth an alarm, however sure it is."""

LEFT = " given the other groups"
"""Ending of a column's name that asks for what is left of a feature."""

_RIDGE = 20.0
_DIGITS = 9
_BLOCKS = 5
_CALENDAR = "clock"  # functions of the calendar alone: they explain nothing about the others
PREDICTION, TARGET = "prediction", "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Logged or reference rows.

    Attributes
    ----------
    day, opening_range
        Shape (n,): trading day and name of the range.
    names
        Of the columns, k of them.
    values
        Shape (n, k), NaN where missing.
    """

    day: NDArray[np.datetime64]
    opening_range: NDArray[np.str_]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def ordinary(self) -> Rows:
        """Leave out roll days and half-days, as the rows' own features tell."""
        keep = np.ones(len(self.day), bool)
        if "early_close" in self.names:
            keep &= ~(self.values[:, self.names.index("early_close")] > 0)
        if "days_since_roll" in self.names:
            keep &= ~(self.values[:, self.names.index("days_since_roll")] == 0)
        return self.where(keep)

    def where(self, keep: NDArray[np.bool_]) -> Rows:
        """Give the rows selected by a mask of shape (n,)."""
        return Rows(
            day=self.day[keep],
            opening_range=self.opening_range[keep],
            names=self.names,
            values=self.values[keep],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Columns by the day: ``values`` has shape (d, c), NaN where a day has none."""

    day: NDArray[np.datetime64]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def latest(self, days: int) -> Daily:
        """Give the last days."""
        return Daily(day=self.day[-days:], names=self.names, values=self.values[-days:])


@dataclass(frozen=True, slots=True)
class Moved:
    """What a column shows.

    Attributes
    ----------
    column
        A feature, or what is left of it.
    group
        The feature's.
    shift
        Mean of the last days less the reference's, in standard deviations of the feature at the
        same opening range.
    p
        Of so far a mean, either way, if nothing had changed.
    drifted
        Whether it is among the discoveries.
    """

    column: str
    group: str
    shift: float
    p: float
    drifted: bool


class Reference:
    """What a version learned from, made ready to hold later rows against.

    Parameters
    ----------
    rows
        The training rows, roll days and half-days left out by :meth:`Rows.ordinary`.
    groups
        Feature -> group.
    """

    def __init__(self, rows: Rows, groups: Mapping[str, str]) -> None:
        self.names = rows.names
        self.groups = tuple(groups.get(name, "other") for name in rows.names)
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
        for days in blocks:  # residuals of days the regression did not see
            inside = (rows.day >= days[0]) & (rows.day <= days[-1])
            left[inside] = placed[inside] - placed[inside] @ self._fit(placed[~inside])
        self.daily = self._by_day(rows, placed, left)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the daily columns: every column's level, then what is left of each feature."""
        return (*self.names, *(self.names[each] + LEFT for each in self._explained))

    @property
    def _explained(self) -> list[int]:
        alone = {PREDICTION, TARGET}
        return [index for index, group in enumerate(self.groups) if group not in alone]

    def group_of(self, column: str) -> str:
        """Give the group of a column's feature."""
        return self.groups[self.names.index(column.removesuffix(LEFT))]

    def daily_of(self, rows: Rows) -> Daily:
        """Give later rows by the day, in the reference's terms."""
        placed = self._placed(rows)
        return self._by_day(rows, placed, placed - placed @ self._weights)

    def _placed(self, rows: Rows) -> NDArray[np.float64]:
        """Give normal scores at the same opening range, shape (n, k); missing is the middle.

        The share of the reference's values at that range below a value, as the point of the
        normal distribution with that share below it (van der Waerden 1952): fat tails and units
        drop out, and features that are one another's inverse become linear in one another.
        """
        from scipy.special import ndtri  # noqa: PLC0415 - on demand

        placed = np.zeros(rows.values.shape)
        for name, known in self._sorted.items():
            here = rows.opening_range == name
            if not here.any():
                continue
            for column, values in enumerate(known):
                if not len(values):
                    continue
                now = rows.values[here, column]
                below = np.searchsorted(values, now, side="left")
                up_to = np.searchsorted(values, now, side="right")
                share = ((below + up_to) / 2.0 + 0.5) / (len(values) + 1.0)
                placed[here, column] = np.where(np.isfinite(now), ndtri(share), 0.0)
        return placed

    def _fit(self, placed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Regress each feature on those of the other groups; shape (k, k), 0 within a group."""
        group = np.array(self.groups)
        moment = placed.T @ placed
        weights = np.zeros_like(moment)
        for name in np.unique(group):
            own = group == name
            others = ~own & ~np.isin(group, [_CALENDAR, PREDICTION, TARGET])
            if not others.any():
                continue
            normal = moment[np.ix_(others, others)] + _RIDGE * np.eye(int(others.sum()))
            weights[np.ix_(others, own)] = np.linalg.solve(normal, moment[np.ix_(others, own)])
        return weights

    def _by_day(self, rows: Rows, placed: NDArray[np.float64], left: NDArray[np.float64]) -> Daily:
        """Give each day's means; a missing value takes no part in its column's level."""
        days, where = np.unique(rows.day, return_inverse=True)
        seen = np.isfinite(rows.values).astype(np.float64)
        levels, counts = (np.zeros((len(days), len(self.names))) for _ in range(2))
        np.add.at(levels, where, placed * seen)
        np.add.at(counts, where, seen)
        rest = np.zeros((len(days), len(self._explained)))
        np.add.at(rest, where, left[:, self._explained])
        rows_of_day = np.bincount(where, minlength=len(days))[:, np.newaxis]
        values = np.hstack([levels / np.maximum(counts, 1.0), rest / rows_of_day])
        # what differs by rounding alone is the same: no histogram can be made of it
        return Daily(day=days, names=self.columns, values=np.round(values, _DIGITS))


def p_value(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
    """Give the p-value of the last days' mean against stretches of as many days before.

    Parameters
    ----------
    reference
        Shape (d,): a column by the day, in order of time.
    current
        Shape (w,): the same of the days looked at.
    """
    return float(_against(reference[:, np.newaxis], current[:, np.newaxis])[1][0])


def moved(reference: Reference, current: Daily, rate: float = RATE) -> tuple[Moved, ...]:
    """Judge every column of the last days; the discoveries are those that drifted."""
    shift, p = _against(reference.daily.values, current.values)
    cut = threshold(p, rate)
    return tuple(
        Moved(name, reference.group_of(name), float(by), float(each), bool(each <= cut))
        for name, by, each in zip(current.names, shift, p, strict=True)
    )


def threshold(p: Sequence[float] | NDArray[np.float64], rate: float) -> float:
    """Give the largest p-value that is a discovery at a false discovery rate; -1 if none is.

    Benjamini and Hochberg, Controlling the false discovery rate, 1995: the largest p(i) with
    p(i) <= i / m x rate.
    """
    ordered = np.sort(np.asarray(p, np.float64))
    passes = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered))
    return float(ordered[passes[-1]]) if len(passes) else -1.0


def _against(
    reference: NDArray[np.float64], current: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give each column's shift and p-value; ``reference`` (d, c), ``current`` (w, c)."""
    from scipy.stats import t as student  # noqa: PLC0415 - on demand

    days = len(current)
    total = np.vstack([np.zeros(reference.shape[1]), np.cumsum(reference, axis=0)])
    stretch = (total[days:] - total[:-days]) / days
    center = reference.mean(axis=0)
    apart = stretch - center
    spread = np.sqrt((apart**2).mean(axis=0))
    later, before = apart[days:], apart[:-days]
    memory = (later * before).mean(axis=0) / np.maximum(spread**2, 1e-12)
    memory = np.clip(memory, 0.0, 0.95)
    count = np.maximum(len(reference) / days * (1.0 - memory) / (1.0 + memory), 3.0)
    # the reference's own mean is known only as well as that many stretches tell
    error = spread * np.sqrt((1.0 + 1.0 / count) * count / (count - 1.0))
    shift = current.mean(axis=0) - center
    still = error < 1e-9  # noqa: PLR2004 - a column that never moves
    size = np.abs(shift) / np.where(still, 1.0, error)
    p = 2.0 * student.sf(size, count - 1.0)
    return shift, np.where(np.abs(shift) < LEAST_SHIFT, 1.0, np.where(still, 0.0, p))
