"""The shape of the opening range itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import Mirror, feature
from ml_core.features.view import View, positive

SAME_SLOT_DAYS = 10

_SlotQuantity = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@feature("range height against the price", unit="basis points", mirror=None)
def range_size_basis_points(view: View) -> NDArray[np.float64]:
    """High less low of the window, over the traded price, times 10,000."""
    return view.basis_points(view.size)


@feature("range height", unit="ticks", instead="range_size_basis_points", mirror=None)
def range_size(view: View) -> NDArray[np.float64]:
    """High less low of the window; used by older versions."""
    return view.size


@feature("range height against the 14-day average true range", unit="ATR", mirror=None)
def range_size_atr14(view: View) -> NDArray[np.float64]:
    """Height in units of ATR-14."""
    return view.size / positive(view.atr(14))


@feature("range height against the 20-day average true range", unit="ATR", mirror=None)
def range_size_atr20(view: View) -> NDArray[np.float64]:
    """Height in units of ATR-20."""
    return view.size / positive(view.atr(20))


@feature("where price closed inside the range", unit="share", mirror=Mirror(about=0.5))
def close_position(view: View) -> NDArray[np.float64]:
    """X = (close - low)/(high - low): 0 at the low, 1 at the high."""
    return (view.price - view.ranges.low[view.rows]) / view.size


@feature("move from the window's open to its close", unit="share", mirror=Mirror(about=0.0))
def body(view: View) -> NDArray[np.float64]:
    """(close - open)/height, -1..1."""
    return (view.price - view.ranges.open[view.rows]) / view.size


@feature("wick above the body", unit="share", mirror=Mirror(of="lower_wick"))
def upper_wick(view: View) -> NDArray[np.float64]:
    """(high - max(open, close))/height."""
    top = np.maximum(view.price, view.ranges.open[view.rows])
    return (view.ranges.high[view.rows] - top) / view.size


@feature("wick below the body", unit="share", mirror=Mirror(of="upper_wick"))
def lower_wick(view: View) -> NDArray[np.float64]:
    """(min(open, close) - low)/height."""
    bottom = np.minimum(view.price, view.ranges.open[view.rows])
    return (bottom - view.ranges.low[view.rows]) / view.size


@feature("move of the window's last bar", unit="share", mirror=Mirror(about=0.0))
def last_bar_move(view: View) -> NDArray[np.float64]:
    """(close - open) of the last bar with trades, over the height."""
    bar = view.ranges.stop_bar[view.rows] - 1
    return (view.tape.close[bar] - view.tape.open[bar]) / view.size


@feature("contracts traded in the window (log)", mirror=None)
def window_volume(view: View) -> NDArray[np.float64]:
    """log(1 + volume)."""
    return np.log1p(view.window.volume)


@feature("volume of the window's later half against its first (log)", mirror=None)
def window_volume_tilt(view: View) -> NDArray[np.float64]:
    """log((1 + later half)/(1 + first half)); the middle minute of an odd window is in neither."""
    start, stop = view.ranges.start[view.rows], view.decision
    half = (stop - start) // 2
    first = view.span(start, start + half).volume
    later = view.span(stop - half, stop).volume
    return np.log1p(later) - np.log1p(first)


@feature("share of the window's minutes that traded", unit="share", mirror=None)
def minutes_traded(view: View) -> NDArray[np.float64]:
    """Minutes with a bar over minutes of the window."""
    return view.window.count / (view.decision - view.ranges.start[view.rows])


@feature("range height against the same range's last ten days", unit="share", mirror=None)
def size_against_same_slot(view: View) -> NDArray[np.float64]:
    """Height over the mean height of this opening range on the ten trading days before."""
    return view.size / positive(_same_slot_mean(view, view.slot_size))


@feature("window volume against the same range's last ten days", unit="share", mirror=None)
def volume_against_same_slot(view: View) -> NDArray[np.float64]:
    """Volume over the mean volume of this opening range on the ten trading days before."""
    return view.window.volume / positive(_same_slot_mean(view, view.slot_volume))


def _same_slot_mean(view: View, quantity: _SlotQuantity) -> NDArray[np.float64]:
    """Mean over those of the ten trading days before that have a value; NaN if none has."""
    total, count = np.zeros(len(view)), np.zeros(len(view))
    for days_back in range(1, SAME_SLOT_DAYS + 1):
        value = quantity(view.same_slot(days_back))
        there = np.isfinite(value)
        total += np.where(there, value, 0.0)
        count += there
    return total / positive(count)
