"""Chronological splits into train, calibrate and test parts, purged and embargoed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.learning.datasets.dataset import Dataset
from ml_core.ranges.labels import NOT_RESOLVED

MIN_TRAIN_ROWS = 400
MIN_DAYS_A_PART = 10


class TooFewSamplesError(InputError):
    """Too few opening ranges to train on or to evaluate."""

    part: str
    have: int
    need: int
    unit: str
    template = (
        "too few samples: the {part} part has {have:,} {unit}, at least {need:,} are needed; "
        "ingest more history or name a longer period"
    )


@dataclass(frozen=True, slots=True)
class Split:
    """Row positions, each array ascending in time.

    Attributes
    ----------
    train, calibrate
        The number of trees is found on the first part; the second judges and calibrates the model.
    test
        Seen by neither; empty for a version that serves.
    learned
        Every row settled before the test part begins: train, calibrate and the rows left out
        between them. A version is refitted on them.
    """

    train: NDArray[np.int64]
    calibrate: NDArray[np.int64]
    test: NDArray[np.int64]
    learned: NDArray[np.int64]


def chronological(
    dataset: Dataset,
    fractions: tuple[float, float, float],
    embargo_days: int,
    rolling_months: int | None = None,
) -> Split:
    """Cut by trading days in time order; purge and embargo at each cut.

    A row belongs to the part that its decision falls in. It is dropped if its outcome was settled
    (or its breakout known) less than ``embargo_days`` before the first decision of the next part,
    or later (Lopez de Prado, Advances in Financial Machine Learning, 2018, ch. 7): information
    from a later part must not leak into an earlier one.

    With ``rolling_months``, only that many months before the test part are trained on, cut in the
    ratio of the first two ``fractions``, as before a fold of a study.

    Raises
    ------
    TooFewSamplesError
        Fewer than ``MIN_TRAIN_ROWS`` training rows, or ``MIN_DAYS_A_PART`` days in a part.
    """
    days = np.unique(dataset.trading_day)
    cuts = np.floor(np.cumsum(fractions)[:2] * len(days)).astype(np.int64)
    names = ("training", "calibration", "test")
    _require_days(zip(names, np.diff([0, *cuts, len(days)]).tolist(), strict=True))
    part_of_day = np.searchsorted(cuts, np.arange(len(days)), side="right")
    part = part_of_day[np.searchsorted(days, dataset.trading_day)]
    if rolling_months is not None:
        part = _of_latest_months(dataset, part, rolling_months, fractions)
    return purged(dataset, part, embargo_days)


def up_to_the_end(
    dataset: Dataset,
    fractions: tuple[float, float, float],
    embargo_days: int,
    rolling_months: int | None = None,
) -> Split:
    """Split all rows into training and calibration, for a version that serves afterwards.

    The days (or only those of the latest ``rolling_months`` before the last day) are cut in the
    ratio of the first two ``fractions``, as before a fold of a study. Unsettled rows are left out.

    Raises
    ------
    TooFewSamplesError
        Fewer than ``MIN_TRAIN_ROWS`` training rows, or ``MIN_DAYS_A_PART`` days in a part.
    """
    days = np.unique(dataset.trading_day)
    calibrating = days_to_calibrate_on(len(days), fractions)
    _require_days([("training", len(days) - calibrating), ("calibration", calibrating)])
    part = np.where(dataset.trading_day < days[-calibrating], 0, 1)
    if rolling_months is not None:
        part = _of_latest_months(dataset, part, rolling_months, fractions)
    return purged(dataset, part, embargo_days, serving=True)


def _require_days(parts: Iterable[tuple[str, int]]) -> None:
    for name, count in parts:
        if count < MIN_DAYS_A_PART:
            raise TooFewSamplesError(name, count, MIN_DAYS_A_PART, "trading days")


def _of_latest_months(
    dataset: Dataset,
    part: NDArray[np.int64],
    months: int,
    fractions: tuple[float, float, float],
) -> NDArray[np.int64]:
    """Leave out rows too long before the test part (or the end), and cut the rest again."""
    month = dataset.trading_day.astype("datetime64[M]").astype(np.int64)
    judged = ~np.isin(part, (0, 1))
    begins = month[judged].min() if judged.any() else month.max()
    inside = ~judged & (month >= begins - months)
    days = np.unique(dataset.trading_day[inside])
    cut = days[len(days) - max(days_to_calibrate_on(len(days), fractions), 1)]
    calibrating = (dataset.trading_day >= cut).astype(np.int64)
    return np.where(judged, part, np.where(inside, calibrating, -1))


def days_to_calibrate_on(days: int, fractions: tuple[float, float, float]) -> int:
    """Return how many of the ``days`` before a forecast are for calibration: the latest ones.

    >>> days_to_calibrate_on(100, (0.6, 0.2, 0.2))
    25
    """
    return round(days * fractions[1] / (fractions[0] + fractions[1]))


def purged(
    dataset: Dataset, part: NDArray[np.int64], embargo_days: int, *, serving: bool = False
) -> Split:
    """Return the training, calibration and test rows, purged and embargoed at each cut.

    A row is left out if its outcome was settled less than ``embargo_days`` before the first
    decision of the next part, or later (Lopez de Prado, Advances in Financial Machine Learning,
    2018, ch. 7).

    Parameters
    ----------
    dataset
        n rows.
    part
        Shape (n,): 0 for training, 1 for calibration, 2 for test; rows with other values are left
        out.
    embargo_days
        In whole days of 24 hours.
    serving
        True for a version that serves: there is no test part, and every settled row is trained on.

    Raises
    ------
    TooFewSamplesError
        Fewer than ``MIN_TRAIN_ROWS`` training rows, or an empty calibration or test part.
    """

    def settled_by(later_part: int, name: str) -> NDArray[np.bool_]:
        later = dataset.decision_minute[part == later_part]
        if not len(later):
            raise TooFewSamplesError(name, 0, 1, "opening ranges")
        return settled_before(dataset.resolved_minute, later, embargo_days)

    before = np.isin(part, (0, 1))
    in_time = settled_by(1, "calibration")
    at_the_end = dataset.resolved_minute < NOT_RESOLVED if serving else settled_by(2, "test")
    train = np.flatnonzero((part == 0) & in_time)
    if len(train) < MIN_TRAIN_ROWS:
        raise TooFewSamplesError("training", len(train), MIN_TRAIN_ROWS, "opening ranges")
    return Split(
        train,
        calibrate=np.flatnonzero((part == 1) & at_the_end),
        test=np.flatnonzero(part == 2),  # noqa: PLR2004 - the third part
        learned=np.flatnonzero(before & at_the_end),
    )


def settled_before(
    resolved_minute: NDArray[np.int64], later_decisions: NDArray[np.int64], embargo_days: int
) -> NDArray[np.bool_]:
    """Return which rows were settled ``embargo_days`` or more before a later part begins.

    Parameters
    ----------
    resolved_minute
        Shape (n,), UTC minutes: when each row was settled.
    later_decisions
        Shape (m,), UTC minutes: decisions of the later part, at least one.
    embargo_days
        In whole days of 24 hours.

    Returns
    -------
    NDArray[bool]
        Shape (n,).
    """
    settled: NDArray[np.bool_] = resolved_minute <= later_decisions.min() - embargo_days * 1440
    return settled
