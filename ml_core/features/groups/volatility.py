"""How much the price moves, over minutes and over days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import feature
from ml_core.features.view import View, positive


@feature("14-day average true range against the price", unit="basis points", mirror=None)
def atr14_basis_points(view: View) -> NDArray[np.float64]:
    """Wilder's ATR over 14 completed days, over the traded price, times 10,000."""
    return view.basis_points(view.atr(14))


@feature("20-day average true range against the price", unit="basis points", mirror=None)
def atr20_basis_points(view: View) -> NDArray[np.float64]:
    """Wilder's ATR over 20 completed days, over the traded price, times 10,000."""
    return view.basis_points(view.atr(20))


@feature("14-day average true range", unit="ticks", instead="atr14_basis_points", mirror=None)
def atr14(view: View) -> NDArray[np.float64]:
    """Wilder's ATR over 14 completed days; used by older versions."""
    return view.atr(14)


@feature("20-day average true range", unit="ticks", instead="atr20_basis_points", mirror=None)
def atr20(view: View) -> NDArray[np.float64]:
    """Wilder's ATR over 20 completed days; used by older versions."""
    return view.atr(20)


@feature("last five days' true range against twenty days'", unit="share", mirror=None)
def atr_trend(view: View) -> NDArray[np.float64]:
    """Mean true range of the last 5 completed days over that of the last 20."""
    return view.daily.mean_true_range(5) / positive(view.daily.mean_true_range(20))


@feature("yesterday's true range", unit="ATR", mirror=None)
def last_true_range(view: View) -> NDArray[np.float64]:
    """True range of the last completed day, in ATR-20."""
    return view.daily.true_range[:, -1] / positive(view.atr(20))


@feature("how uneven daily ranges have been", unit="share", mirror=None)
def volatility_of_volatility(view: View) -> NDArray[np.float64]:
    """Standard deviation of the last 20 true ranges over their mean."""
    ranges = view.daily.true_range
    total = ranges.sum(axis=1)  # whole ticks: exact in any order
    squares = (ranges * ranges).sum(axis=1)
    count = ranges.shape[1]
    variance = (squares - total * total / count) / count
    deviation: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0.0))
    return deviation / positive(total / count)


@feature(
    "a minute's typical move over the last day",
    unit="ticks",
    instead="sigma_basis_points",
    mirror=None,
)
def sigma_24h(view: View) -> NDArray[np.float64]:
    """Root mean square of 1-minute changes over 24 hours; used by older versions."""
    return view.sigma


@feature(
    "a minute's typical move over the last day against the price", unit="basis points", mirror=None
)
def sigma_basis_points(view: View) -> NDArray[np.float64]:
    """Root mean square of 1-minute changes over 24 hours, over the traded price, times 10,000."""
    return view.basis_points(view.sigma)


@feature("volatility of the last 15 minutes against the day's", unit="share", mirror=None)
def volatility_15m(view: View) -> NDArray[np.float64]:
    """Root mean square of 1-minute changes over 15 minutes, over that of 24 hours."""
    return view.realised_volatility(15) / positive(view.sigma)


@feature("volatility of the last hour against the day's", unit="share", mirror=None)
def volatility_60m(view: View) -> NDArray[np.float64]:
    """Root mean square of 1-minute changes over 60 minutes, over that of 24 hours."""
    return view.realised_volatility(60) / positive(view.sigma)


@feature("volatility of the last four hours against the day's", unit="share", mirror=None)
def volatility_240m(view: View) -> NDArray[np.float64]:
    """Root mean square of 1-minute changes over 240 minutes, over that of 24 hours."""
    return view.realised_volatility(240) / positive(view.sigma)


@feature("today's range so far", unit="ATR", mirror=None)
def today_range(view: View) -> NDArray[np.float64]:
    """High less low of the trading day up to t0, in ATR-20."""
    return view.today.size / positive(view.atr(20))


@feature("contracts traded today so far (log)", mirror=None)
def today_volume(view: View) -> NDArray[np.float64]:
    """log(1 + volume of the trading day up to t0)."""
    return np.log1p(view.today.volume)
