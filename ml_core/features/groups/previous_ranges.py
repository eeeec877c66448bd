"""Earlier opening ranges: how they broke, and what their trades earned, as far as known at t0.

An earlier trade counts only once it is settled: one still open at t0 is missing, not zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import Mirror, feature
from ml_core.features.view import View, positive


@feature("break of the range before, as known now", categorical=True, mirror=Mirror(codes=True))
def previous_direction(view: View) -> NDArray[np.float64]:
    """0 not broken by t0, 1 up, 2 down, for the opening range before this one."""
    direction = view.known_direction(view.earlier_slot(1))
    return np.where(direction < 0, 2.0, direction)


@feature("net result of the range before", unit="R", mirror=None)
def previous_net_r(view: View) -> NDArray[np.float64]:
    """Net R of the opening range before this one, if settled by t0."""
    return view.known_net_r(view.earlier_slot(1))


@feature("break of the same range yesterday", categorical=True, mirror=Mirror(codes=True))
def same_slot_direction(view: View) -> NDArray[np.float64]:
    """0 no break, 1 up, 2 down, for this opening range on the trading day before."""
    direction = view.known_direction(view.same_slot(1))
    return np.where(direction < 0, 2.0, direction)


@feature("net result of the same range yesterday", unit="R", mirror=None)
def same_slot_net_r(view: View) -> NDArray[np.float64]:
    """Net R of this opening range on the trading day before."""
    return view.known_net_r(view.same_slot(1))


@feature("mean net result of the same range over ten days", unit="R", mirror=None)
def same_slot_mean_net_r(view: View) -> NDArray[np.float64]:
    """Mean settled net R of this opening range over the ten trading days before."""
    return _mean([view.known_net_r(view.same_slot(days)) for days in range(1, 11)])


@feature("mean net result of the last six ranges", unit="R", mirror=None)
def mean_net_r_6(view: View) -> NDArray[np.float64]:
    """Mean net R of those of the last six opening ranges that are settled by t0."""
    return _mean([view.known_net_r(view.earlier_slot(back)) for back in range(1, 7)])


@feature("mean net result of the last three days", unit="R", mirror=None)
def mean_net_r_3d(view: View) -> NDArray[np.float64]:
    """Mean settled net R of all ranges of the three trading days before."""
    ranges = len(view.market.ranges)
    first_today = view.rows - view.spec
    slots = [first_today - back for back in range(1, 3 * ranges + 1)]
    return _mean([view.known_net_r(np.maximum(slot, -1)) for slot in slots])


@feature("ups less downs among today's earlier breaks", mirror=Mirror(about=0.0))
def breaks_today(view: View) -> NDArray[np.float64]:
    """Sum of the directions of today's earlier ranges known by t0; NaN at the day's first."""
    total, count = np.zeros(len(view)), np.zeros(len(view))
    for back in range(1, len(view.market.ranges)):
        today = view.spec >= back
        direction = view.known_direction(view.earlier_slot(back))
        broke = today & np.isfinite(direction)
        total += np.where(broke, direction, 0.0)
        count += broke
    return np.where(count > 0, total, np.nan)


@feature("height against the range before", unit="share", mirror=None)
def size_against_previous(view: View) -> NDArray[np.float64]:
    """Height over that of the opening range before this one."""
    return view.size / positive(view.slot_size(view.earlier_slot(1)))


@feature("distance above the middle of the range before", unit="ATR", mirror=Mirror(about=0.0))
def above_previous_middle(view: View) -> NDArray[np.float64]:
    """Price less the middle of the opening range before this one, in ATR-20."""
    above = view.price - view.slot_middle(view.earlier_slot(1))
    return above / positive(view.atr(20))


def _mean(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean of the known values, summed in a fixed order; NaN where none is known."""
    total, count = np.zeros(len(values[0])), np.zeros(len(values[0]))
    for value in values:
        has_value = np.isfinite(value)
        total += np.where(has_value, value, 0.0)
        count += has_value
    return total / positive(count)
