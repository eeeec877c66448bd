"""The order intent of a slot: whether there is one, its content, and its validity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import numpy as np

from ml_core.decision.plan_record import OrderIntent, StrategyRecord
from ml_core.json_values import json_values
from ml_core.market.market import MINUTES_A_DAY, Market
from ml_core.market.schedule import build_schedule, from_minute
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.order_intent import Order, planned_order
from ml_core.strategy.plan import ModelView, Plan
from ml_core.strategy.rules import Rules
from ml_core.strategy.setups import last_entry


def no_intent(plan: Plan, model: ModelView, approval: str | None, *, late: bool) -> str:
    """Return why a decision at stage auto writes no order intent; "" if it writes one."""
    if not plan.armed:
        refused = [one.refused for one in plan.account.sides] if plan.account else []
        return f"the account refuses it: {refused[0]}" if any(refused) else "nothing is armed"
    if model.why_unused:
        return model.why_unused
    if late:
        return "decided too long after the range closed: the break may be past"
    return "" if approval else "the stage has no valid approval"


def intent_of(
    market: Market,
    rules: Rules,
    row: Mapping[str, Any],
    plan: Plan,
    day: DaySoFar,
    record: StrategyRecord,
    approval: str,
) -> OrderIntent:
    """Return the intent of a decision.

    Parameters
    ----------
    market, rules
        The market, and its rules.
    row
        The slot's row of facts as known at its decision.
    plan, day
        The plan, and the day's trades so far.
    record, approval
        The decision, and the hash that the stage's approval is bound to.
    """
    order, expires = order_of(market, rules, row, plan, day, record)
    return OrderIntent(
        market=record.market,
        trading_day=record.trading_day,
        opening_range=record.opening_range,
        rules_hash=record.rules_hash,
        version=cast("str", record.version),
        bound_to=approval,
        order=json_values(order),
        expires_at=expires,
        at=record.at,
    )


def order_of(
    market: Market,
    rules: Rules,
    row: Mapping[str, Any],
    plan: Plan,
    day: DaySoFar,
    record: StrategyRecord,
) -> tuple[Order, datetime]:
    """Return the order in the form that a consumer needs, and the time when it ends."""
    rules = rules.for_range(record.opening_range)
    enter_by, expires = valid_until(market, rules, record)
    high, low = market.instrument.to_ticks(np.array([row["high"], row["low"]])).tolist()
    order = planned_order(
        market.instrument,
        rules,
        plan,
        day,
        contract=row["contract"],
        high_ticks=high,
        low_ticks=low,
        decided=record.decision_time,
        scan_end=expires,
        enter_by=enter_by if enter_by < expires else None,
        atr_ticks=row["atr14"],
    )
    return order, expires


def valid_until(market: Market, rules: Rules, record: StrategyRecord) -> tuple[datetime, datetime]:
    """Return the time by which a trade must be entered, and the time by which it is closed."""
    schedule, rule = (
        build_schedule(market, record.trading_day, record.trading_day),
        rules.trade_rule,
    )
    if rule.scan_end == "next_day_start":
        end = int(min(schedule.day_start[0] + MINUTES_A_DAY, schedule.day_end[0]))
    else:
        column = market.range_index(record.opening_range)
        end = int(schedule.session_scan_end[0, column])
    last = int(last_entry(market, schedule.day_start[:1], rule.last_entry)[0])
    return from_minute(min(last, end)), from_minute(end)
