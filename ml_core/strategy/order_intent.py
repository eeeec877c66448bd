"""An order intent in plain values: what somebody's own order system needs, to the tick."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np

from ml_core.market.instrument import Instrument
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.plan import DaySoFar, Plan
from ml_core.strategy.rules import SIDES, Rules, Side

_WHEN = {"long": "first 1-minute close above the level", "short": "first 1-minute close below it"}


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
) -> dict[str, Any]:
    """Return what may be ordered, as the label of the rules would enter and leave it.

    Parameters
    ----------
    instrument
        Whose ticks.
    rules, plan, day
        What was decided, for which day so far: what is left of the day's limits goes with it.
    contract
        The outright to trade.
    high_ticks, low_ticks
        The opening range as traded, whole ticks.
    decided, scan_end
        Aware UTC: t0, from which closes count, and the end by which a trade is entered and left.

    Returns
    -------
    dict
        Plain values; every price as a number and in whole ticks.
    """
    label = rules.label
    edges: dict[Side, tuple[int, int]] = {
        "long": (high_ticks, low_ticks),
        "short": (low_ticks, high_ticks),
    }
    entries = [
        {
            "side": side,
            "size": plan.size(side),
            "when": _WHEN[side],
            **_price(instrument, "level", edges[side][0]),
            **_price(instrument, "stop", stop_ticks(label, *edges[side])),
            "target": _target(label),
        }
        for side in _armed(plan)
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
        "close_by": scan_end.isoformat(),
    }


def _money_left(rules: Rules, day: DaySoFar) -> dict[str, float]:
    if rules.daily_loss_limit_money is None:
        return {}
    limit = rules.daily_loss_limit_money
    return {"daily_loss_limit_money": limit, "day_net_money": day.net_money}


def stop_ticks(label: LabelSpec, broken: int, opposite: int) -> int:
    """Return the stop of a break, whole ticks, rounded away from the entry as the label rounds it.

    >>> stop_ticks(LabelSpec(stop="half"), 105, 100), stop_ticks(LabelSpec(), 105, 100)
    (102, 100)
    """
    if label.stop == "full":
        return opposite
    height = abs(broken - opposite)
    half = height // 2 + height % 2
    return broken - half if broken > opposite else broken + half


def _armed(plan: Plan) -> Iterable[Side]:
    return (side for side in SIDES if plan.size(side) > 0)


def _target(label: LabelSpec) -> dict[str, Any]:
    return {
        "risks": label.rr,
        "counted_from": "the entry" if label.anchor == "entry" else "the level",
        "one_risk": "the distance from there to the stop; the target's is rounded up to a tick",
    }


def _price(instrument: Instrument, name: str, ticks: int) -> dict[str, Any]:
    price = float(instrument.to_price(np.array([ticks]))[0])
    return {name: price, f"{name}_ticks": ticks}
