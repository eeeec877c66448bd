"""Sessions completed by t0: their ranges, where price stands against them, what they swept.

Sessions are counted back from the decision, across the day's border: at MGC's 09:00 range the
last completed session is pre-Asia, before it New York cash, and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.aggregates import Aggregate
from ml_core.features.catalogue import Mirror, feature
from ml_core.features.view import View, positive


@feature("height of the last completed session", unit="ATR", mirror=None)
def session1_range(view: View) -> NDArray[np.float64]:
    """High less low of the last completed session, in ATR-20."""
    return _in_atr(view, view.sessions.back(1).size)


@feature("height of the second last completed session", unit="ATR", mirror=None)
def session2_range(view: View) -> NDArray[np.float64]:
    """High less low of the session before it, in ATR-20."""
    return _in_atr(view, view.sessions.back(2).size)


@feature("move of the last completed session", unit="ATR", mirror=Mirror(about=0.0))
def session1_move(view: View) -> NDArray[np.float64]:
    """Close less open of the last completed session, in ATR-20."""
    return _in_atr(view, _move(view.sessions.back(1)))


@feature("move of the second last completed session", unit="ATR", mirror=Mirror(about=0.0))
def session2_move(view: View) -> NDArray[np.float64]:
    """Close less open of the session before it, in ATR-20."""
    return _in_atr(view, _move(view.sessions.back(2)))


@feature("position of price in the last completed session", unit="share", mirror=Mirror(about=0.5))
def session1_position(view: View) -> NDArray[np.float64]:
    """(price - low)/height of the last completed session; below 0 or above 1 outside it."""
    return _position(view, view.sessions.back(1))


@feature(
    "position of price in the second last completed session",
    unit="share",
    mirror=Mirror(about=0.5),
)
def session2_position(view: View) -> NDArray[np.float64]:
    """(price - low)/height of the session before it."""
    return _position(view, view.sessions.back(2))


@feature("height of the last completed session against the one before", unit="share", mirror=None)
def session_ratio(view: View) -> NDArray[np.float64]:
    """Height of the last completed session over the one before it."""
    return view.sessions.back(1).size / positive(view.sessions.back(2).size)


@feature(
    "gap from the last completed session's close to the next bar",
    unit="ATR",
    mirror=Mirror(about=0.0),
)
def session_gap(view: View) -> NDArray[np.float64]:
    """First open after the last completed session less its close, in ATR-20."""
    gap = view.sessions.since_last().open - view.sessions.back(1).close
    return _in_atr(view, gap)


@feature(
    "which side of the session before the last one swept",
    categorical=True,
    mirror=Mirror(codes=True),
)
def session1_sweep(view: View) -> NDArray[np.float64]:
    """0 neither side of the session before, 1 its high, 2 its low, 3 both."""
    return _sweep(view.sessions.back(1), view.sessions.back(2))


@feature(
    "which side of the last session has been swept since",
    categorical=True,
    mirror=Mirror(codes=True),
)
def current_sweep(view: View) -> NDArray[np.float64]:
    """0 neither side of the last completed session since it ended, 1 high, 2 low, 3 both."""
    return _sweep(view.sessions.since_last(), view.sessions.back(1))


def _in_atr(view: View, ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    return ticks / positive(view.atr(20))


def _move(session: Aggregate) -> NDArray[np.float64]:
    return session.close - session.open


def _position(view: View, session: Aggregate) -> NDArray[np.float64]:
    return (view.price - session.low) / positive(session.size)


def _sweep(later: Aggregate, earlier: Aggregate) -> NDArray[np.float64]:
    code = 1.0 * (later.high > earlier.high) + 2.0 * (later.low < earlier.low)
    complete = np.isfinite(later.high) & np.isfinite(earlier.high)
    return np.where(complete, code, np.nan)
