"""The prices of a trade by its rule, used by the simulation kernel and in plans.

Prices are seen from the trade's side (for short trades with their sign reversed), so that up
favours the trade. They are whole ticks, never rounded in the trade's favour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_core.array_types import FloatArray, IntArray
from ml_core.ranges.labels import UP
from ml_core.strategy.trade_rule import AtrStop, TradeRule

FAR = 2**40
"""A level that no price reaches, for a trade without a target."""

_ROUNDING = 1e-9  # of a tick, as for labels


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices of k trades, shape (k,) each: entry, stop, target, and partial target."""

    entry: IntArray
    stop: IntArray
    target: IntArray
    part: IntArray


def levels_of(
    rule: TradeRule,
    side: IntArray,
    *,
    high: IntArray,
    low: IntArray,
    entry: IntArray,
    stop_ticks: IntArray,
) -> Levels:
    """Return the prices of trades, shape (k,) each.

    Parameters
    ----------
    rule, side
        The rule, and UP or DOWN.
    high, low, entry
        The range, and the entry price, ticks.
    stop_ticks
        The result of :func:`stop_distance`.
    """
    broken, opposite = np.where(side == UP, high, -low), np.where(side == UP, low, -high)
    seen = side * entry
    if rule.stop == "full":
        stop = opposite
    elif rule.stop == "half":
        height = high - low
        stop = broken - (height // 2 + height % 2)
    else:
        stop = seen - stop_ticks
    anchor = seen if rule.anchor == "entry" else broken
    return Levels(
        entry=seen,
        stop=stop,
        target=anchor + whole(rule.rr, np.abs(anchor - stop)),
        part=seen + whole(rule.partial.r if rule.partial else None, seen - stop),
    )


def stop_distance(rule: TradeRule, atr: FloatArray) -> IntArray:
    """Return the ticks from entry to stop, if the rule gives them in ATR or ticks.

    Parameters
    ----------
    rule
        The rule.
    atr
        Shape (n,), ticks: 14-day ATR known at the decision, NaN if it is not known.

    Returns
    -------
    NDArray[int64]
        Shape (n,); 0 if the range gives the stop, -1 if the ATR is not known.
    """
    if isinstance(rule.stop, str):
        return np.zeros(len(atr), np.int64)
    if not isinstance(rule.stop, AtrStop):
        return np.full(len(atr), rule.stop.ticks, np.int64)
    has_atr = np.isfinite(atr) & (atr > 0)
    ticks = np.ceil(rule.stop.atr * np.where(has_atr, atr, 0.0) - _ROUNDING)
    return np.where(has_atr, np.maximum(ticks, 1), -1).astype(np.int64)


def whole(risks: float | None, risk: IntArray) -> IntArray:
    """Return ``risks`` times the risk in whole ticks, rounded up; out of reach if None."""
    if risks is None:
        return np.full(len(risk), FAR, np.int64)
    ticks: IntArray = np.ceil(risks * risk - _ROUNDING).astype(np.int64)
    return ticks
