"""An order intent in plain values: what somebody's own order system needs, to the tick."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np

from ml_core.market.instrument import Instrument
from ml_core.market.schedule import from_minute
from ml_core.strategy.bracket import planned_bracket
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import SIDES, Rules, Side
from ml_core.strategy.trade_rule import TradeRule

_WHEN = {
    "close": {
        "long": "first 1-minute close above the level",
        "short": "first 1-minute close below it",
    },
    "stop_order": {
        "long": "a stop order that buys at the level",
        "short": "a stop order that sells at it",
    },
    "retest": {
        "long": "a limit order at the level, after a 1-minute close above it",
        "short": "a limit order at the level, after a 1-minute close below it",
    },
}


def order_values(
    instrument: Instrument,
    rules: Rules,
    plan: Plan,
    day: DaySoFar,
    *,
    contract: str,
    high_ticks: int,
    low_ticks: int,
    decided: datetime,
    scan_end: datetime,
    enter_by: datetime | None = None,
    atr_ticks: float | None = None,
) -> dict[str, Any]:
    """Return what may be ordered, as the rules would enter and leave it.

    Parameters
    ----------
    instrument
        Whose ticks.
    rules, plan, day
        Those of the range, and what was decided, for which day so far: what is left of the day's
        limits goes with it.
    contract
        The outright to trade.
    high_ticks, low_ticks
        The opening range as traded, whole ticks.
    decided, scan_end
        Aware UTC: t0, from which closes count, and the end by which a trade is entered and left.
    enter_by
        Aware UTC: the last entry, where the rules have one before that.
    atr_ticks
        14-day ATR known at t0; None where it is not.

    Returns
    -------
    dict
        Plain values; every price as a number and in whole ticks.
    """
    rule = rules.trade_rule
    edges = {"high_ticks": high_ticks, "low_ticks": low_ticks, "atr_ticks": atr_ticks}
    entries = [
        entry
        for side in _armed(plan)
        if (entry := _entry(instrument, rule, side, plan.size(side), edges)) is not None
    ]
    return {
        "contract": contract,
        "tick_size": str(instrument.tick_size),
        "size_is": "multiples of the risk unit, 1 R from entry to stop",
        "closes_from": decided.isoformat(),
        "entries": entries,
        "one_cancels_other": True,
        "at_entry": {
            "one_position": rules.one_position,
            "trades_left": rules.max_trades_per_day - day.trades,
            "daily_loss_limit_r": rules.daily_loss_limit_r,
            "day_net_r": day.net_r,
            **_money_left(rules, day),
        },
        **_management(rule),
        **({} if enter_by is None else {"enter_by": enter_by.isoformat()}),
        "close_by": scan_end.isoformat(),
        **_no_entry(plan),
    }


def _entry(
    instrument: Instrument, rule: TradeRule, side: Side, size: float, edges: dict[str, Any]
) -> dict[str, Any] | None:
    """Return one side's entry; None where its stop cannot be known."""
    bracket = planned_bracket(rule, side, **edges)
    if bracket is None:
        return None
    up = 1 if side == "long" else -1
    away = 0 if rule.entry == "retest" else up * rule.entry_offset_ticks
    # a stop at the range is a price; one counted from the entry is a distance until that is known
    stop = (
        _price(instrument, "stop", bracket.stop)
        if isinstance(rule.stop, str)
        else {"stop_from_entry_ticks": bracket.risk}
    )
    return {
        "side": side,
        "size": size,
        "when": _WHEN[rule.entry][side],
        **_price(instrument, "level", bracket.edge + away),
        **stop,
        "target": _target(rule),
    }


def _no_entry(plan: Plan) -> dict[str, Any]:
    """Return the stretches around news in which nothing is entered, where there are any."""
    stretches = [
        {
            "news": one.event,
            "from": from_minute(one.first_minute).isoformat(),
            "to": from_minute(one.last_minute).isoformat(),
        }
        for one in plan.no_entry
    ]
    return {"no_entry": stretches} if stretches else {}


def _management(rule: TradeRule) -> dict[str, Any]:
    """Return how an open trade is handled, of what the rule says beyond stop and target."""
    values = {
        "break_even_after_r": rule.break_even_after_r,
        "trail_r": rule.trail_r,
        "partial": rule.partial.model_dump() if rule.partial else None,
    }
    values = {name: value for name, value in values.items() if value is not None}
    moves = {"stop_moves": "on closed 1-minute bars, by their closes"}
    manage = {**values, **(moves if set(values) - {"partial"} else {})}
    waits = {} if rule.first_break_only else {"other_side_first": "the order stays in place"}
    return {**({"manage": manage} if manage else {}), **waits}


def _money_left(rules: Rules, day: DaySoFar) -> dict[str, float]:
    if rules.daily_loss_limit_money is None:
        return {}
    limit = rules.daily_loss_limit_money
    return {"daily_loss_limit_money": limit, "day_net_money": day.net_money}


def _armed(plan: Plan) -> Iterable[Side]:
    return (side for side in SIDES if plan.size(side) > 0)


def _target(rule: TradeRule) -> dict[str, Any] | None:
    if rule.rr is None:
        return None
    return {
        "risks": rule.rr,
        "counted_from": "the entry" if rule.anchor == "entry" else "the level",
        "one_risk": "the distance from there to the stop; the target's is rounded up to a tick",
    }


def _price(instrument: Instrument, name: str, ticks: int) -> dict[str, Any]:
    price = float(instrument.to_price(np.array([ticks]))[0])
    return {name: price, f"{name}_ticks": ticks}
