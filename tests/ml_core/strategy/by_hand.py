"""A trade as a trader at the screen would note it: bar by bar, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ml_core.strategy.trade_rule import AtrStop, TickStop, TradeRule

Bar = tuple[int, int, int, int, int]
"""minute, open, high, low, close"""


@dataclass
class Noted:
    """The notes on a range; ``side`` is 0 without a trade, None while unknown."""

    side: int | None = None
    entered: int | None = None
    entry: int = 0
    stop: int = 0
    target: int | None = None
    exit: int | None = None
    best: int = 0
    worst: int = 0
    reason: str = "open"
    gross: float | None = None
    resolved: int | None = None


@dataclass(frozen=True)
class Window:
    """A range at its close: prices, sides traded, ATR, and the minutes of both ends."""

    high: int
    low: int
    decision: int
    sides: frozenset[int]
    atr: float
    entry_end: int
    end: int


def by_hand(window: Window, bars: Sequence[Bar], rule: TradeRule, horizon: int) -> Noted:  # noqa: C901, PLR0912, PLR0915
    """Follow one range to its end, or as far as the bars go."""
    noted = Noted()
    if not window.sides:
        return Noted(side=0, resolved=window.decision)
    broken, last, part_gain, stop, best, risk = 0, 0, None, 0, 0, 0
    for minute, open_, high, low, close in bars:
        if minute >= (window.end if noted.side else window.entry_end):
            break
        fresh = False
        if not noted.side:
            side, price = 0, 0
            if rule.entry == "stop_order":
                side, price = _stop_order(window, rule, open_, high, low)
            elif rule.entry == "retest" and broken:
                edge = window.high if broken > 0 else window.low
                past = 1 if rule.limit_fill == "through" else 0
                if (low <= edge - past) if broken > 0 else (high >= edge + past):
                    side, price = broken, edge
            else:
                away = rule.entry_offset_ticks
                side = 1 if close > window.high + away else -1 if close < window.low - away else 0
                price = close
            if side and side not in window.sides:
                if rule.first_break_only:
                    return Noted(side=0, resolved=minute + 1)
                side = 0
            if side and rule.entry == "retest" and not broken:
                broken, side = side, 0
            if side:
                fresh = True
                noted.side, noted.entered, noted.entry = side, minute + 1, price
                noted.stop = stop = _stop(window, rule, side, price)
                risk, best = abs(price - stop), price
                noted.best = noted.worst = price
                noted.target = _target(window, rule, side, price, stop)
        side = noted.side or 0
        if side and not (fresh and rule.entry == "close"):
            ahead = high if side > 0 else low
            behind = low if side > 0 else high
            past = side if rule.limit_fill == "through" else 0
            if side * behind <= side * stop:
                noted.exit = stop
                if rule.stop_fill == "open" and not fresh and side * open_ < side * stop:
                    noted.exit = open_
                noted.reason = "stop" if stop == noted.stop else "moved_stop"
            elif not (fresh and rule.entry == "retest"):
                if rule.partial and part_gain is None:
                    part = math.ceil(rule.partial.r * risk - 1e-9)
                    if side * ahead >= side * (noted.entry + side * part + past):
                        part_gain = part
                if noted.target is not None and side * ahead >= side * (noted.target + past):
                    noted.exit, noted.reason = noted.target, "target"
            furthest = noted.exit if noted.exit is not None and noted.reason == "target" else ahead
            deepest = noted.exit if noted.exit is not None and noted.reason != "target" else behind
            noted.best = side * max(side * noted.best, side * furthest)
            noted.worst = side * min(side * noted.worst, side * deepest)
            if noted.exit is not None:
                noted.resolved = minute + 1
                break
            best = max(best, close) if side > 0 else min(best, close)
            if rule.break_even_after_r is not None:
                safe = math.ceil(rule.break_even_after_r * risk - 1e-9)
                if side * (best - noted.entry) >= safe:
                    stop = max(stop, noted.entry) if side > 0 else min(stop, noted.entry)
            if rule.trail_r is not None:
                behind = best - side * math.ceil(rule.trail_r * risk - 1e-9)
                stop = max(stop, behind) if side > 0 else min(stop, behind)
        last = close
    if noted.side and noted.exit is None and window.end <= horizon:
        noted.exit, noted.reason, noted.resolved = last, "time", window.end
    if noted.side is None and window.entry_end <= horizon:
        return Noted(side=0, resolved=window.entry_end)
    if noted.side and noted.exit is not None:
        gain = float(noted.side * (noted.exit - noted.entry))
        if rule.partial and part_gain is not None:
            gain = rule.partial.share * part_gain + (1.0 - rule.partial.share) * gain
        noted.gross = gain / risk
    return noted


def _stop_order(
    window: Window, rule: TradeRule, open_: int, high: int, low: int
) -> tuple[int, int]:
    above = window.high + rule.entry_offset_ticks
    below = window.low - rule.entry_offset_ticks
    hit = {1: high >= above, -1: low <= below}
    if not rule.first_break_only:
        hit = {side: touched and side in window.sides for side, touched in hit.items()}
    if hit[1] and hit[-1]:
        nearer_below = max(open_ - below, 0) < max(above - open_, 0)
        hit = {1: not nearer_below, -1: nearer_below}
    if hit[1]:
        return 1, max(above, open_)
    return (-1, min(below, open_)) if hit[-1] else (0, 0)


def _stop(window: Window, rule: TradeRule, side: int, entry: int) -> int:
    if isinstance(rule.stop, TickStop):
        return entry - side * rule.stop.ticks
    if isinstance(rule.stop, AtrStop):
        return entry - side * max(math.ceil(rule.stop.atr * window.atr - 1e-9), 1)
    height = window.high - window.low
    depth = height if rule.stop == "full" else math.ceil(height / 2)
    return (window.high if side > 0 else window.low) - side * depth


def _target(window: Window, rule: TradeRule, side: int, entry: int, stop: int) -> int | None:
    if rule.rr is None:
        return None
    edge = window.high if side > 0 else window.low
    start = entry if rule.anchor == "entry" else edge
    return start + side * math.ceil(rule.rr * abs(start - stop) - 1e-9)
