"""Distances from the price at t0 to the levels traders watch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import Mirror, feature
from ml_core.features.view import View, positive


@feature(
    "distance above yesterday's high",
    unit="ATR",
    mirror=Mirror(about=0.0, of="above_yesterday_low"),
)
def above_yesterday_high(view: View) -> NDArray[np.float64]:
    """Price less the last completed day's high, in ATR-20."""
    return _above(view, view.daily.high[:, -1])


@feature(
    "distance above yesterday's low",
    unit="ATR",
    mirror=Mirror(about=0.0, of="above_yesterday_high"),
)
def above_yesterday_low(view: View) -> NDArray[np.float64]:
    """Price less the last completed day's low, in ATR-20."""
    return _above(view, view.daily.low[:, -1])


@feature("distance above yesterday's close", unit="ATR", mirror=Mirror(about=0.0))
def above_yesterday_close(view: View) -> NDArray[np.float64]:
    """Price less the last completed day's close, in ATR-20."""
    return _above(view, view.daily.close[:, -1])


@feature("where yesterday closed in its range", unit="share", mirror=Mirror(about=0.5))
def yesterday_close_position(view: View) -> NDArray[np.float64]:
    """(close - low)/height of the last completed day."""
    day = view.daily
    height = positive(day.high[:, -1] - day.low[:, -1])
    return (day.close[:, -1] - day.low[:, -1]) / height


@feature(
    "distance above today's high so far",
    unit="ATR",
    mirror=Mirror(about=0.0, of="above_today_low"),
)
def above_today_high(view: View) -> NDArray[np.float64]:
    """Price less the trading day's high up to t0, in ATR-20 (0 or below)."""
    return _above(view, view.today.high)


@feature(
    "distance above today's low so far",
    unit="ATR",
    mirror=Mirror(about=0.0, of="above_today_high"),
)
def above_today_low(view: View) -> NDArray[np.float64]:
    """Price less the trading day's low up to t0, in ATR-20 (0 or above)."""
    return _above(view, view.today.low)


@feature(
    "distance above the five-day high",
    unit="ATR",
    mirror=Mirror(about=0.0, of="above_five_day_low"),
)
def above_five_day_high(view: View) -> NDArray[np.float64]:
    """Price less the highest high of the last five completed days, in ATR-20."""
    return _above(view, view.daily.high[:, -5:].max(axis=1))


@feature(
    "distance above the five-day low",
    unit="ATR",
    mirror=Mirror(about=0.0, of="above_five_day_high"),
)
def above_five_day_low(view: View) -> NDArray[np.float64]:
    """Price less the lowest low of the last five completed days, in ATR-20."""
    return _above(view, view.daily.low[:, -5:].min(axis=1))


@feature("position of price in the twenty-day range", unit="share", mirror=Mirror(about=0.5))
def twenty_day_position(view: View) -> NDArray[np.float64]:
    """(price - lowest low)/(highest high - lowest low) of the last twenty completed days."""
    high: NDArray[np.float64] = view.daily.high[:, -20:].max(axis=1)
    low: NDArray[np.float64] = view.daily.low[:, -20:].min(axis=1)
    return (view.price - low) / positive(high - low)


def _above(view: View, level: NDArray[np.float64]) -> NDArray[np.float64]:
    return (view.price - level) / positive(view.atr(20))
