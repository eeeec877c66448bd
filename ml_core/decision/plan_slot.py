"""The trader's rules applied to a slot: plans without and with the model, and the order intent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np

from ml_core.bars.arrays import Bars
from ml_core.decision.context import SlotContext
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.plan_record import (
    OrderIntent,
    SlotKey,
    StrategyRecord,
    first_by_slot,
)
from ml_core.decision.slot import Slot
from ml_core.decision.slot_order import intent_of, no_intent
from ml_core.json_form import from_json
from ml_core.json_values import json_values
from ml_core.learning.datasets.assemble import Assembly, NoBarsError
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from ml_core.market_events import Stage
from ml_core.strategy.account.standing import AccountPlan, AccountStanding
from ml_core.strategy.blackout import NoEntry
from ml_core.strategy.bracket import planned_bracket
from ml_core.strategy.checks import DaySoFar, RuleCheck, facts_of
from ml_core.strategy.plan import ModelView, Plan, Use, decide, within_account
from ml_core.strategy.rules import SIDES, Rules, Side
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import TradedSlot, day_so_far, follow_plans

USES: Mapping[Stage, Use] = {
    "off": "none",
    "shadow": "none",
    "advisory": "annotate",
    "hybrid": "scale",
    "auto": "scale",
}
_SIDES: Mapping[str, Side] = {"long": "long", "short": "short"}
_NOTHING = 1e-9  # R: an expected net R within this of the baseline's is equal to it
OPEN_DAYS = timedelta(days=4)
"""Days before a slot's day in which a still open trade may have begun."""


def recorded_plan(context: SlotContext, rules: Rules) -> StrategyRecord | None:
    """Return the slot's existing decision by these rules."""
    slot = context.slot
    return next(
        (
            record
            for record in context.plans
            if record.key == slot.key and record.rules_hash == rules.hash
        ),
        None,
    )


def plan_slot(
    context: SlotContext,
    bars: Bars,
    champion: PredictionEntry,
    rules: Rules,
    at: datetime,
    account: AccountStanding | None = None,
    *,
    beside: bool = False,
) -> tuple[StrategyRecord, OrderIntent | None] | None:
    """Decide a slot by the rules, without and with the champion's prediction.

    The plan with the prediction is made as in stage hybrid, whatever the stage is, so that its
    value can be measured before it is used. The stage determines which plan is active
    (:func:`active_plan`).

    Parameters
    ----------
    context, bars
        What is known of the slot, and the bars it is decided on.
    champion
        The champion's entry, as recorded.
    rules
        The trader's.
    at
        The current time, aware.
    account
        The standing of the trader's account when the range closes; None if no account is named.
    beside
        Whether these rules are followed beside the traded ones: their day consists of their own
        plans, and no order follows from them.

    Returns
    -------
    tuple or None
        The record to keep and, from stage auto on, the order intent. None for a slot without a
        range to decide on.
    """
    slot, market = context.slot, context.market
    assembly = _days_at_decision(market, slot, rules, bars)
    slots = () if assembly is None else slots_of(assembly, rules)
    row = next((other.facts for other in slots if _is_of(other, slot)), None)
    if row is None:
        return None
    earlier = [other for other in slots if other.decision_time < slot.decision]
    day = _day_so_far(context, rules, earlier, own=beside or context.mode != "live")
    model = model_view(champion)
    facts = facts_of({**row, "news": context.news})
    by_rules, scaled = decide(rules, facts, day["without"], day["with"], model)
    if account is not None:
        by_rules, scaled = _within_account(market, slot, rules, row, (by_rules, scaled), account)
    record = StrategyRecord(
        market=slot.symbol,
        trading_day=slot.trading_day,
        opening_range=slot.opening_range,
        mode=context.mode,
        rules_hash=rules.hash,
        stage=context.stage,
        version=champion.version,
        decision_time=slot.decision,
        without_model=json_values(by_rules),
        with_model=json_values(scaled),
        at=at,
    )
    if beside or context.stage != "auto" or context.mode != "live":
        return record, None
    why = no_intent(scaled, model, context.approval, late=at - slot.decision > context.late_after)
    if why:
        noted = replace(scaled, words=(*scaled.words, f"no order intent: {why}"))
        return replace(record, with_model=json_values(noted)), None
    approval = str(context.approval)
    return record, intent_of(market, rules, row, scaled, day["with"], record, approval)


def _within_account(
    market: Market,
    slot: Slot,
    rules: Rules,
    row: Mapping[str, Any],
    plans: tuple[Plan, Plan],
    standing: AccountStanding,
) -> tuple[Plan, Plan]:
    """Apply the account's limits to both plans; the scaled one arms no extra side."""
    instrument, rule = market.instrument, rules.for_range(slot.opening_range).trade_rule
    high, low = instrument.to_ticks(np.array([row["high"], row["low"]])).tolist()
    brackets = (
        planned_bracket(rule, side, high_ticks=high, low_ticks=low, atr_ticks=row["atr14"])
        for side in SIDES
    )
    cost = instrument.round_trip_cost_ticks
    stops = {
        one.side: (one.risk + cost) * instrument.tick_value for one in brackets if one is not None
    }
    begun = standing.on(slot.trading_day)
    by_rules, scaled = (within_account(plan, begun, stops, instrument.currency) for plan in plans)
    long, short = (scaled.size(side) if by_rules.size(side) else 0.0 for side in SIDES)
    return by_rules, replace(scaled, long=long, short=short)


def active_plan(record: StrategyRecord) -> Plan:
    """Return the plan that is active at the stage of the record.

    In shadow it is the plan of the rules alone; in advisory the same, annotated with the model's
    view; from hybrid on the plan scaled by the model.
    """
    use = USES[cast("Stage", record.stage)]
    if use == "none":
        return _plan(record.without_model)
    scaled = _plan(record.with_model)
    if use == "scale":
        return scaled
    by_rules = _plan(record.without_model)
    return replace(
        by_rules, agreement=scaled.agreement, recommends=scaled.recommends, words=scaled.words
    )


Plans = dict[SlotKey, dict[str, Plan]]
"""The plans ``without`` and ``with`` the model, by trading day and opening range."""


def plans_of(records: Iterable[StrategyRecord]) -> Plans:
    """Return the plans of each slot's decision that counts."""
    return {
        key: {"without": _plan(record.without_model), "with": _plan(record.with_model)}
        for key, record in first_by_slot(records).items()
    }


def model_view(champion: PredictionEntry) -> ModelView:
    """Return the champion's view of the slot, or why it is ignored."""
    prediction = champion.outputs.prediction
    why = _ignored_because(champion)
    if why or prediction is None:
        return ModelView(why_unused=why)
    return ModelView(
        recommends=_SIDES.get(champion.recommendation or ""),
        risk_adjustment=prediction.risk_adjustment,
        expected_net_r=champion.expected_net_r,
        p_up=champion.p_up,
        reasons=tuple(reason.words for reason in prediction.reasons),
    )


def _ignored_because(champion: PredictionEntry) -> str:
    prediction = champion.outputs.prediction
    if champion.status != "predicted" or prediction is None:
        return f"the model gave no prediction: {str(champion.reason).replace('_', ' ')}"
    if champion.outputs.breaker:
        return "the circuit breaker is not closed"
    if champion.late:
        return "the prediction was late"
    if champion.outputs.fallback:
        return f"a fallback predicted: {champion.outputs.fallback}"
    views = [prediction.side(side) for side in SIDES]
    if all(abs(view.expected_net_r - view.baseline_net_r) < _NOTHING for view in views):
        return "the driftless baseline predicted, for which neither side is better"
    return ""


def _days_at_decision(market: Market, slot: Slot, rules: Rules, bars: Bars) -> Assembly | None:
    """Return the slot's day, and days whose trades may still be open, as known at its t0."""
    try:
        return rules_history(
            bars,
            market,
            rules,
            first=slot.trading_day - OPEN_DAYS,
            last=slot.trading_day,
            as_of_minute=to_minute(slot.decision),
        )
    except NoBarsError:
        return None


def _is_of(traded: TradedSlot, slot: Slot) -> bool:
    return traded.key == slot.key


def _plan(values: dict[str, Any]) -> Plan:
    checks = tuple(RuleCheck(**check) for check in values["checks"])
    closed = tuple(NoEntry(**one) for one in values.get("no_entry", ()))  # absent in older records
    account = values.get("account")
    return Plan(
        **{
            **values,
            "checks": checks,
            "words": tuple(values["words"]),
            "no_entry": closed,
            "account": None if account is None else from_json(AccountPlan, account),
        }
    )


def _day_so_far(
    context: SlotContext, rules: Rules, earlier: Sequence[TradedSlot], *, own: bool
) -> dict[str, DaySoFar]:
    """Return the trades of each path up to t0: those of recorded plans only."""
    # editing the rules during the day does not reset the day's losses
    plans = plans_of(
        record for record in context.plans if not own or record.rules_hash == rules.hash
    )
    planned = [slot for slot in earlier if slot.key in plans]
    return {
        which: _followed(rules, planned, plans, which, context.slot)
        for which in ("without", "with")
    }


def _followed(
    rules: Rules, planned: Sequence[TradedSlot], plans: Plans, which: str, slot: Slot
) -> DaySoFar:
    taken = follow_plans(rules, planned, {key: both[which] for key, both in plans.items()})
    return day_so_far(taken, slot.trading_day, slot.decision)
