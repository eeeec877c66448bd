"""References of the groups "momentum" and "volatility"."""

from __future__ import annotations

from math import log, nan, sqrt
from statistics import fmean, pstdev

from tests.ml_core.features.reference.plain_decision import (
    Decision,
    one_bar,
    ratio,
    relative_strength,
)


def rsi14(decision: Decision) -> float:
    """RSI of sixty changes between closes that are five minutes apart by the clock."""
    moments = range(decision.t0 - 300, decision.t0 + 1, 5)
    return relative_strength([decision.close_before(moment) for moment in moments])


def rsi14_daily(decision: Decision) -> float:
    return relative_strength([day.close for day in decision.daily])


def change_15m(decision: Decision) -> float:
    return _change(decision, 15)


def change_30m(decision: Decision) -> float:
    return _change(decision, 30)


def change_60m(decision: Decision) -> float:
    return _change(decision, 60)


def change_240m(decision: Decision) -> float:
    return _change(decision, 240)


def change_24h(decision: Decision) -> float:
    return _change(decision, 24 * 60)


def change_5d(decision: Decision) -> float:
    """Against the close five completed days ago: four more days have closed since."""
    return decision.above(decision.daily[-5].close) if decision.daily else nan


def yesterday_change(decision: Decision) -> float:
    """From the close before yesterday's to yesterday's, in ATR-20."""
    if not decision.daily:
        return nan
    return (decision.daily[-1].close - decision.daily[-2].close) / decision.atr(20)


def vwap_distance(decision: Decision) -> float:
    """Price against today's volume-weighted mean of (high + low + close)/3."""
    turnover = sum((bar.high + bar.low + bar.close) / 3 * bar.volume for bar in decision.today)
    return decision.above(turnover / sum(bar.volume for bar in decision.today))


def atr14_basis_points(decision: Decision) -> float:
    return decision.basis_points(decision.atr(14))


def atr20_basis_points(decision: Decision) -> float:
    return decision.basis_points(decision.atr(20))


def atr14(decision: Decision) -> float:
    return decision.atr(14)


def atr20(decision: Decision) -> float:
    return decision.atr(20)


def atr_trend(decision: Decision) -> float:
    ranges = decision.true_ranges
    return fmean(ranges[-5:]) / fmean(ranges) if ranges else nan


def last_true_range(decision: Decision) -> float:
    return ratio(decision.true_ranges[-1], decision.atr(20)) if decision.daily else nan


def volatility_of_volatility(decision: Decision) -> float:
    ranges = decision.true_ranges
    return pstdev(ranges) / fmean(ranges) if ranges else nan


def sigma_24h(decision: Decision) -> float:
    return decision.sigma


def sigma_basis_points(decision: Decision) -> float:
    return decision.basis_points(decision.sigma)


def volatility_15m(decision: Decision) -> float:
    return ratio(decision.volatility(15), decision.sigma)


def volatility_60m(decision: Decision) -> float:
    return ratio(decision.volatility(60), decision.sigma)


def volatility_240m(decision: Decision) -> float:
    return ratio(decision.volatility(240), decision.sigma)


def today_range(decision: Decision) -> float:
    return ratio(one_bar(decision.today).height, decision.atr(20))


def today_volume(decision: Decision) -> float:
    return log(1 + sum(bar.volume for bar in decision.today))


def _change(decision: Decision, minutes: int) -> float:
    """Change in typical moves of that length: sigma grows with the root of time."""
    change = decision.price - decision.close_before(decision.t0 - minutes)
    return ratio(change, decision.sigma * sqrt(minutes))
