"""Walk-forward: train on the past, predict the next months, move on, train again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.splits import (
    MIN_DAYS_A_PART,
    MIN_TRAIN_ROWS,
    Split,
    days_to_calibrate_on,
    purged,
)
from ml_core.learning.recipe import Recipe

Refit = Literal["month", "quarter"]
MIN_TRAINING_DAYS = 250
"""Trading days of training and calibration before the first fold, if no start is given."""

_MONTHS: dict[Refit, int] = {"month": 1, "quarter": 3}


class NoUnseenDaysError(InputError):
    """A period in which no fold can be trained and judged."""

    first: str
    last: str
    why: str
    template = "from {first} to {last} there are no unseen days to judge by: {why}"


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk.

    Attributes
    ----------
    name
        The predicted period, such as ``2024Q3`` or ``2024-07``.
    split
        Rows to train on, to calibrate on, and to predict. The third part is unseen by the first
        two and is predicted by a refit on both.
    """

    name: str
    split: Split


@dataclass(frozen=True, slots=True)
class Walk:
    """The folds of a study, in time order.

    Attributes
    ----------
    folds
        At least one.
    not_judged
        Requested periods with too little history before them.
    """

    folds: tuple[Fold, ...]
    not_judged: tuple[str, ...]


def walk_forward(
    data: Dataset,
    *,
    first: date | None,
    last: date | None,
    refit: Refit,
    rolling_months: int | None,
    fractions: tuple[float, float, float],
    embargo_days: int,
) -> Walk:
    """Lay out the folds of a period: one per calendar month or quarter.

    The rows before a fold are cut by trading days into training and calibration, in the ratio of
    the first two ``fractions``. Each part is purged, with the embargo, of rows that were not
    settled when the next part begins.

    Parameters
    ----------
    data
        Rows in time order; those before ``first`` are trained on.
    first, last
        First and last predicted trading day, both included; by default from the first whole period
        after ``MIN_TRAINING_DAYS`` to the end.
    refit
        Length of a fold.
    rolling_months
        Number of latest months to train on; None for all.
    fractions, embargo_days
        The recipe's.

    Raises
    ------
    NoUnseenDaysError
        Nothing of the period can be judged.
    """
    begin, end = _period(data, first, last, refit)
    month = data.trading_day.astype("datetime64[M]").astype(np.int64)
    inside = (data.trading_day >= begin) & (data.trading_day <= end)
    if begin > end or not inside.any():
        have = f"the rows go from {data.trading_day[0]} to {data.trading_day[-1]}"
        raise NoUnseenDaysError(str(begin), str(end), f"{have}; name days within")
    period = month // _MONTHS[refit]
    folds: list[Fold] = []
    too_early: list[str] = []
    for number in np.unique(period[inside]).tolist():
        test = inside & (period == number)
        name = _name(number, refit)
        before = data.trading_day < data.trading_day[test].min()
        if rolling_months is not None:
            before &= month >= month[test].min() - rolling_months
        split = _split(data, before, test, fractions, embargo_days)
        if split is None:
            too_early.append(name)
        else:
            folds.append(Fold(name, split))
    if not folds:
        raise NoUnseenDaysError(
            str(begin),
            str(end),
            f"fewer than {MIN_TRAIN_ROWS} settled opening ranges to train on before any of it; "
            "begin later, or ingest more history",
        )
    return Walk(tuple(folds), tuple(too_early))


def walk_recipe(
    data: Dataset, recipe: Recipe, *, first: date | None = None, last: date | None = None
) -> Walk:
    """Lay out the folds of a period with a recipe's settings; see :func:`walk_forward`.

    Raises
    ------
    NoUnseenDaysError
        Nothing of the period can be judged.
    """
    return walk_forward(
        data,
        first=first,
        last=last,
        refit=recipe.refit,
        rolling_months=recipe.rolling_months,
        fractions=recipe.fractions,
        embargo_days=recipe.embargo_days,
    )


def _period(
    data: Dataset, first: date | None, last: date | None, refit: Refit
) -> tuple[np.datetime64, np.datetime64]:
    days = np.unique(data.trading_day)
    end = days[-1] if last is None else np.datetime64(last, "D")
    if first is not None:
        return np.datetime64(first, "D"), end
    enough = days[min(MIN_TRAINING_DAYS, len(days) - 1)].astype("datetime64[M]").astype(np.int64)
    whole = (enough // _MONTHS[refit] + 1) * _MONTHS[refit]
    return np.datetime64(int(whole), "M").astype("datetime64[D]"), end


def _split(
    data: Dataset,
    before: NDArray[np.bool_],
    test: NDArray[np.bool_],
    fractions: tuple[float, float, float],
    embargo_days: int,
) -> Split | None:
    """Split the rows before a fold; None where they are too few to train and calibrate on."""
    days = np.unique(data.trading_day[before])
    calibrating = days_to_calibrate_on(len(days), fractions)
    if calibrating < MIN_DAYS_A_PART or len(days) - calibrating < MIN_DAYS_A_PART:
        return None
    part = np.full(len(data), -1, np.int64)
    part[before] = np.where(data.trading_day[before] < days[-calibrating], 0, 1)
    part[test] = 2
    if _settled_before(data, part, embargo_days) < MIN_TRAIN_ROWS:
        return None
    return purged(data, part, embargo_days)


def _settled_before(data: Dataset, part: NDArray[np.int64], embargo_days: int) -> int:
    limit = data.decision_minute[part == 1].min() - embargo_days * 1440
    return int(((part == 0) & (data.resolved_minute <= limit)).sum())


def _name(period: int, refit: Refit) -> str:
    """Name a period counted from 1970.

    >>> _name(54 * 4 + 2, "quarter"), _name(54 * 12 + 6, "month")
    ('2024Q3', '2024-07')
    """
    if refit == "quarter":
        return f"{1970 + period // 4}Q{period % 4 + 1}"
    return f"{1970 + period // 12}-{period % 12 + 1:02d}"
