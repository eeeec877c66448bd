"""Chronological train / calibrate / test, purged and embargoed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.learning.datasets.dataset import Dataset

MIN_TRAIN_ROWS = 400
MIN_DAYS_A_PART = 10


class TooFewSamplesError(InputError):
    """Not enough opening ranges to train on or to judge by."""

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
    """Row positions of the three parts, each ascending in time."""

    train: NDArray[np.int64]
    calibrate: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def learned(self) -> NDArray[np.int64]:
        """Rows that anything was learned from: trained or calibrated on."""
        return np.concatenate([self.train, self.calibrate])


def chronological(
    dataset: Dataset, fractions: tuple[float, float, float], embargo_days: int
) -> Split:
    """Cut by trading days in order of time; purge and embargo at each cut.

    A row belongs to the part its decision falls in, and leaves it if its outcome was settled (or
    its break known) only within ``embargo_days`` of the next part's first decision or later
    (Lopez de Prado, Advances in Financial Machine Learning, 2018, ch. 7): what the next part is
    judged on must not have shaped what is judged.

    Raises
    ------
    TooFewSamplesError
        Fewer than ``MIN_TRAIN_ROWS`` training rows, or ``MIN_DAYS_A_PART`` days in a part.
    """
    days = np.unique(dataset.trading_day)
    cuts = np.floor(np.cumsum(fractions)[:2] * len(days)).astype(np.int64)
    names = ("training", "calibration", "test")
    for name, count in zip(names, np.diff([0, *cuts, len(days)]), strict=True):
        if count < MIN_DAYS_A_PART:
            raise TooFewSamplesError(name, int(count), MIN_DAYS_A_PART, "trading days")
    part_of_day = np.searchsorted(cuts, np.arange(len(days)), side="right")
    return purged(dataset, part_of_day[np.searchsorted(days, dataset.trading_day)], embargo_days)


def purged(dataset: Dataset, part: NDArray[np.int64], embargo_days: int) -> Split:
    """Return the training, calibration and test rows, purged and embargoed at each cut.

    A row is left out if its outcome was settled later than ``embargo_days`` before the first
    decision of the next part (Lopez de Prado, Advances in Financial Machine Learning, 2018,
    ch. 7).

    Parameters
    ----------
    dataset
        n rows.
    part
        Shape (n,): 0 for training, 1 for calibration, 2 for test; others are left out.
    embargo_days
        In whole days of 24 hours.

    Raises
    ------
    TooFewSamplesError
        Fewer than ``MIN_TRAIN_ROWS`` training rows, or nothing to calibrate or judge on.
    """
    keep = np.ones(len(dataset), bool)
    for earlier, name in ((0, "calibration"), (1, "test")):
        later = dataset.decision_minute[part == earlier + 1]
        if not len(later):
            raise TooFewSamplesError(name, 0, 1, "opening ranges")
        settled = settled_before(dataset.resolved_minute, later, embargo_days)
        keep[(part == earlier) & ~settled] = False
    train, calibrate, test = (np.flatnonzero(keep & (part == index)) for index in range(3))
    if len(train) < MIN_TRAIN_ROWS:
        raise TooFewSamplesError("training", len(train), MIN_TRAIN_ROWS, "opening ranges")
    return Split(train, calibrate, test)


def settled_before(
    resolved_minute: NDArray[np.int64], later_decisions: NDArray[np.int64], embargo_days: int
) -> NDArray[np.bool_]:
    """Return which rows were settled ``embargo_days`` or more before a later part begins.

    Parameters
    ----------
    resolved_minute
        Shape (n,), UTC minutes: when each row was settled.
    later_decisions
        Shape (m,), UTC minutes: decisions of the later part, one at least.
    embargo_days
        In whole days of 24 hours.

    Returns
    -------
    NDArray[bool]
        Shape (n,).
    """
    settled: NDArray[np.bool_] = resolved_minute <= later_decisions.min() - embargo_days * 1440
    return settled
