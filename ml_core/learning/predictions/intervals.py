"""Intervals of net R by opening range, stated only where they are informative.

A trade that ends at its stop or target has one of two values of R. An interval then contains both
or one of them, and says less than P(loss), P(timeout) and P(win). So an interval is stated only
for ranges in which most trades end by timeout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_TRADES = 50
"""Minimum number of held-back trades of an opening range for stating its interval."""

MOST_AT_STOP_OR_TARGET = 0.5
"""Maximum share of a range's trades that end at stop or target for stating an interval."""

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetRIntervals:
    """Offsets of a stated interval around E[net R].

    Attributes
    ----------
    by_range
        The offsets of each opening range with a stated interval.
    every
        The offsets for every range; only in versions saved before intervals were per range.
    """

    by_range: Mapping[str, Ends]
    every: Ends | None = None

    def around(
        self, net_r: NDArray[np.float64], opening_range: NDArray[np.str_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of the interval; NaN where none is stated.

        Parameters
        ----------
        net_r
            Shape (n, 2), E[net R] of both sides.
        opening_range
            Shape (n,).
        """
        none = (np.nan, np.nan)
        ends = [self.every or self.by_range.get(str(name), none) for name in opening_range]
        low, high = np.array(ends, np.float64).reshape(-1, 2).T
        return net_r + low[:, None], net_r + high[:, None]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NetRIntervals | None:
        """Read the output of :meth:`to_json`; None for baselines alone."""
        every, by_range = values["net_r_interval"], values.get("net_r_intervals")
        if every is None and by_range is None:
            return None
        return cls(
            by_range={name: (low, high) for name, (low, high) in (by_range or {}).items()},
            every=(every[0], every[1]) if every is not None else None,
        )


def fit_intervals(
    residual: NDArray[np.float64],
    opening_range: NDArray[np.str_],
    timed_out: NDArray[np.bool_],
    coverage: float,
) -> NetRIntervals:
    """Fit split-conformal intervals per opening range, each tail on its own.

    Conditional on the range: Vovk, Conditional validity of inductive conformal predictors, 2013
    (Mondrian); Lei et al., Distribution-free predictive inference for regression, 2018.

    Parameters
    ----------
    residual
        Shape (n,), net R minus its expected value, of held-back trades.
    opening_range, timed_out
        Shape (n,): each trade's range, and whether it reached neither stop nor target.
    coverage
        Stated share of trades inside the interval.
    """
    by_range: dict[str, Ends] = {}
    for name in np.unique(opening_range):
        rows = opening_range == name
        enough = rows.sum() >= MIN_TRADES
        if enough and np.mean(~timed_out[rows]) <= MOST_AT_STOP_OR_TARGET:
            by_range[str(name)] = conformal_ends(residual[rows], coverage)
    return NetRIntervals(by_range=by_range)


def conformal_ends(residual: NDArray[np.float64], coverage: float) -> Ends:
    """Return ends that contain a new residual with probability ``coverage`` or more.

    Examples
    --------
    >>> conformal_ends(np.arange(1.0, 20.0), 0.8)
    (2.0, 18.0)
    """
    ordered = np.sort(residual)
    count = len(ordered)
    # rounded, because (1 - 0.8)/2 in floating point is slightly less than 0.1
    below = round((count + 1) * (1.0 - coverage) / 2.0, 9)
    low = max(int(np.floor(below)) - 1, 0)
    high = min(int(np.ceil(count + 1 - below)) - 1, count - 1)
    return float(ordered[low]), float(ordered[high])
