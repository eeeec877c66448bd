"""The input of training, evaluation and the live decision: one row per opening range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.features.catalogue import OwnColumn
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import (
    LOSS,
    TIMEOUT,
    WIN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Opening ranges with features and, where known, labels; sorted by decision time.

    Every array has n rows. Minutes are UTC minutes since the Unix epoch. Missing numbers are NaN.
    Two-column arrays hold the up (long) side first, the down (short) side second.

    Attributes
    ----------
    market, label_spec
        The market's symbol, and the label specification.
    trading_day, opening_range
        datetime64[D] and text; with the market they identify the slot.
    decision_minute
        t0, the end of the window: features use nothing known later.
    resolved_minute
        When breakout and outcome were both known; ``NOT_RESOLVED`` until then.
    direction
        UP, DOWN, NONE (no breakout by the scan end) or UNKNOWN.
    outcome
        WIN (target first), LOSS (stop first, or both in one bar), TIMEOUT, or UNKNOWN (no trade).
    r_gross, r_net
        R-multiple from the entry before and after costs; NaN without a trade.
    entry_ticks, risk_ticks, target_ticks
        Entry price, and distances from entry to stop and to target of the trade; NaN without a
        trade.
    features
        Shape (n, k), columns named by ``feature_names``; ``categorical`` names those that hold
        small integer codes, and ``own`` names the own features.
    close_position
        x = (close - low) / (high - low) of the window, 0..1.
    size_ticks, sigma_ticks
        Height of the range; standard deviation of 1-minute changes before t0.
    cost_ticks
        Round-trip cost.
    market_hash
        Hash of the market definition the dataset was built with; "" if it is not known.
    """

    market: str
    label_spec: LabelSpec
    trading_day: NDArray[np.datetime64]
    opening_range: NDArray[np.str_]
    decision_minute: NDArray[np.int64]
    resolved_minute: NDArray[np.int64]
    direction: NDArray[np.int16]
    outcome: NDArray[np.int16]
    r_gross: NDArray[np.float64]
    r_net: NDArray[np.float64]
    entry_ticks: NDArray[np.float64]
    risk_ticks: NDArray[np.float64]
    target_ticks: NDArray[np.float64]
    feature_names: tuple[str, ...]
    categorical: tuple[str, ...]
    features: NDArray[np.float64]
    close_position: NDArray[np.float64]
    size_ticks: NDArray[np.float64]
    sigma_ticks: NDArray[np.float64]
    cost_ticks: float
    market_hash: str = ""
    own: tuple[OwnColumn, ...] = ()

    def __len__(self) -> int:
        return len(self.decision_minute)

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Dataset:
        """Return the rows that an index array, a mask or a slice selects."""
        return take_rows(self, index)

    @property
    def ended(self) -> NDArray[np.int64]:
        """Positions of the rows whose trade has ended: won, lost or timed out."""
        return np.flatnonzero(np.isin(self.outcome, (WIN, LOSS, TIMEOUT)))

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature, shape (n,).

        Raises
        ------
        ValueError
            No feature has that name.
        """
        return self.features[:, self.feature_names.index(name)]
