"""Recent changes of the price."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import Mirror, feature
from ml_core.features.view import View, positive
from ml_core.features.wilder import relative_strength

RSI_PERIOD = 14
RSI_STEP_MINUTES = 5
RSI_STEPS = 60
"""Five hours of 5-minute closes: Wilder's memory of 14 has faded to 3 % by then."""


@feature("RSI-14 of 5-minute closes", mirror=Mirror(about=50.0))
def rsi14(view: View) -> NDArray[np.float64]:
    """Wilder's RSI over the last five hours of 5-minute closes by the clock, 0..100."""
    back = np.arange(RSI_STEPS, -1, -1) * RSI_STEP_MINUTES
    closes = view.price_before((view.decision[:, None] - back).ravel())
    return relative_strength(closes.reshape(len(view), -1), RSI_PERIOD)


@feature("RSI-14 of daily closes", mirror=Mirror(about=50.0))
def rsi14_daily(view: View) -> NDArray[np.float64]:
    """Wilder's RSI over the last 21 completed days, 0..100."""
    return relative_strength(view.daily.close, RSI_PERIOD)


@feature("price change over 15 minutes", unit="sigma", mirror=Mirror(about=0.0))
def change_15m(view: View) -> NDArray[np.float64]:
    """Change over 15 minutes in typical moves of that length."""
    return _scaled_change(view, 15)


@feature("price change over 30 minutes", unit="sigma", mirror=Mirror(about=0.0))
def change_30m(view: View) -> NDArray[np.float64]:
    """Change over 30 minutes in typical moves of that length."""
    return _scaled_change(view, 30)


@feature("price change over an hour", unit="sigma", mirror=Mirror(about=0.0))
def change_60m(view: View) -> NDArray[np.float64]:
    """Change over 60 minutes in typical moves of that length."""
    return _scaled_change(view, 60)


@feature("price change over four hours", unit="sigma", mirror=Mirror(about=0.0))
def change_240m(view: View) -> NDArray[np.float64]:
    """Change over 240 minutes in typical moves of that length."""
    return _scaled_change(view, 240)


@feature("price change over a day", unit="sigma", mirror=Mirror(about=0.0))
def change_24h(view: View) -> NDArray[np.float64]:
    """Change over 24 hours in typical moves of that length."""
    return _scaled_change(view, 1440)


@feature("price change over five days", unit="ATR", mirror=Mirror(about=0.0))
def change_5d(view: View) -> NDArray[np.float64]:
    """Price at t0 less the close five completed days ago, in ATR-20."""
    return (view.price - view.daily.close[:, -5]) / positive(view.atr(20))


@feature("yesterday's change from close to close", unit="ATR", mirror=Mirror(about=0.0))
def yesterday_change(view: View) -> NDArray[np.float64]:
    """The last completed day's close less the close before it, in ATR-20."""
    close = view.daily.close
    return (close[:, -1] - close[:, -2]) / positive(view.atr(20))


@feature(
    "distance above today's volume-weighted average price", unit="ATR", mirror=Mirror(about=0.0)
)
def vwap_distance(view: View) -> NDArray[np.float64]:
    """Price at t0 less the trading day's VWAP so far, in ATR-20."""
    start = view.tape.schedule.day_start[view.day]
    above = -view.spans.vwap(start, view.decision, view.price)
    return above / positive(view.atr(20))


def _scaled_change(view: View, minutes: int) -> NDArray[np.float64]:
    return view.change(minutes) / (positive(view.sigma) * math.sqrt(minutes))
