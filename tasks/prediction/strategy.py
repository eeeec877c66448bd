"""The strategy: what the rules decide of a slot, what the model adds, and what that was worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, cast

import numpy as np

from ml_core.features.all import CATALOGUE
from ml_core.learning.assemble import NoBarsError, assemble
from ml_core.learning.slot_table import slot_table
from ml_core.market.market import MINUTES_A_DAY, Market
from ml_core.market.schedule import build_schedule, from_minute, to_minute
from ml_core.strategy.order_intent import order_values
from ml_core.strategy.plan import DaySoFar, ModelView, Plan, RuleCheck, Use, decide, facts_of
from ml_core.strategy.rules import SIDES, Rules, Side
from ml_core.strategy.trades import Slot as TradedSlot
from ml_core.strategy.trades import day_so_far, follow, slots_of
from monitoring.rollout import Stage
from registry.ledger import Mode, PredictionEntry
from registry.strategy import (
    OrderIntent,
    StrategyRecord,
    order_intents,
    record_strategy,
    strategy_records,
)
from tasks.notices.events import IntentWritten, emit
from tasks.prediction.decision import read_bars
from tasks.prediction.slots import Slot
from tasks.settings import Settings

USES: Mapping[Stage, Use] = {
    "off": "none",
    "shadow": "none",
    "advisory": "annotate",
    "hybrid": "scale",
    "auto": "scale",
}
_SIDES: Mapping[str, Side] = {"long": "long", "short": "short"}
_NOTHING = 1e-9  # R: rounding apart, what the baseline expects
OPEN_DAYS = timedelta(days=4)
"""Days before a slot's in which a trade may have begun that is still open."""
RULE_FEATURES = ("range_size_atr14", "minutes_traded", "early_close", "days_since_roll")


def decide_slot(
    settings: Settings,
    market: Market,
    slot: Slot,
    entry: PredictionEntry,
    *,
    stage: Stage,
    approval: str | None,
    at: datetime,
) -> StrategyRecord | None:
    """Decide a slot by the rules, without the champion's answer and with it; keep both, once.

    With it means as in hybrid, whatever the stage is, so that its worth is known before it counts
    for anything; which of the two holds is the stage's affair (:func:`holding`).

    Parameters
    ----------
    settings, market, slot
        What is decided.
    entry
        The champion's answer, as recorded.
    stage, approval
        The rollout's stage for this answer, and the hash that the step up to it was bound to.
    at
        Aware time, now.

    Returns
    -------
    StrategyRecord or None
        None for a slot that has no range to decide on.
    """
    rules = settings.rules()
    standing = _standing(settings, slot, entry.mode, rules)
    if standing is not None:
        return standing
    table = _known_then(settings, market, slot, rules)
    row = next((each for each in table if _is(each, slot)), None)
    if row is None or row["exclusion"] is not None:
        return None
    earlier = [each for each in slots_of(table) if each.decision_time < slot.decision]
    day = _day_so_far(settings, rules, earlier, slot, entry.mode)
    model = heard(entry)
    plain, scaled = decide(rules, facts_of(row), day["without"], day["with"], model)
    record = StrategyRecord(
        market=slot.symbol,
        trading_day=slot.trading_day,
        opening_range=slot.opening_range,
        mode=entry.mode,
        rules_hash=rules.hash,
        stage=stage,
        version=entry.version,
        decision_time=slot.decision,
        without_model=plain.to_json(),
        with_model=scaled.to_json(),
        at=at,
    )
    intent = None
    if stage == "auto" and entry.mode == "live":
        age = (at - slot.decision).total_seconds()
        why = _no_intent(scaled, model, approval, late=age > settings.late_after_seconds)
        if why:
            told = replace(scaled, words=(*scaled.words, f"no order intent: {why}"))
            record = replace(record, with_model=told.to_json())
        else:
            intent = _intent(market, rules, row, scaled, day["with"], record, str(approval))
    if record_strategy(settings.database(), record, intent):
        if intent is not None:
            _emit_intent(settings, intent)
        return record
    return _standing(settings, slot, entry.mode, rules)


def _emit_intent(settings: Settings, intent: OrderIntent) -> None:
    """Emit that an intent is in the outbox; one by other rules that was there before stays."""
    if intent not in order_intents(settings.database(), intent.market, since=intent.at):
        return
    emit(
        IntentWritten(
            market=intent.market,
            trading_day=intent.trading_day,
            opening_range=intent.opening_range,
            version=intent.version,
            rules_hash=intent.rules_hash,
            expires_at=intent.expires_at,
        )
    )


def holding(record: StrategyRecord) -> Plan:
    """Return the plan that holds at the stage it was made at.

    In shadow that of the rules alone, in advisory the same with the model's words beside it, from
    hybrid on the one the model scaled.
    """
    plain, scaled = _plan(record.without_model), _plan(record.with_model)
    use = USES[cast("Stage", record.stage)]
    if use == "none":
        return plain
    if use == "scale":
        return scaled
    return replace(
        plain, agreement=scaled.agreement, recommends=scaled.recommends, words=scaled.words
    )


def _known_then(
    settings: Settings, market: Market, slot: Slot, rules: Rules
) -> list[dict[str, Any]]:
    """Return the slot's day, and the days whose trades may still be open, as known at its t0."""
    bars = read_bars(settings, market, slot)
    first = slot.trading_day - OPEN_DAYS
    try:
        assembly = assemble(
            bars,
            market,
            rules.label,
            first=first,
            last=slot.trading_day,
            features=CATALOGUE.select(RULE_FEATURES),
            as_of_minute=to_minute(slot.decision),
        )
    except NoBarsError:
        return []
    rows: list[dict[str, Any]] = slot_table(assembly).to_pylist()
    return rows


def _is(row: Mapping[str, Any], slot: Slot) -> bool:
    same = row["trading_day"] == slot.trading_day
    return bool(same and row["opening_range"] == slot.opening_range)


Plans = dict[tuple[date, str], dict[str, Plan]]
"""By trading day and opening range: what was armed ``without`` the model and ``with`` it."""


def plans_of(records: Iterable[StrategyRecord]) -> Plans:
    """Read decisions; of two for one slot the first recorded is the one that held."""
    found: Plans = {}
    for each in records:
        plans = {"without": _plan(each.without_model), "with": _plan(each.with_model)}
        found.setdefault((each.trading_day, each.opening_range), plans)
    return found


def _plan(values: dict[str, Any]) -> Plan:
    checks = tuple(RuleCheck(**each) for each in values["checks"])
    return Plan(**{**values, "checks": checks, "words": tuple(values["words"])})


def _standing(settings: Settings, slot: Slot, mode: str, rules: Rules) -> StrategyRecord | None:
    """Return the decision that the slot has already."""
    records = strategy_records(
        settings.database(),
        slot.symbol,
        mode=mode,
        rules_hash=rules.hash,
        first=slot.trading_day,
        last=slot.trading_day,
    )
    return next((each for each in records if each.opening_range == slot.opening_range), None)


def _day_so_far(
    settings: Settings, rules: Rules, earlier: list[TradedSlot], slot: Slot, mode: Mode
) -> dict[str, DaySoFar]:
    """Return what each path's trades were by t0: those of recorded plans, and nothing else."""
    records = strategy_records(
        settings.database(),
        slot.symbol,
        mode=mode,
        # rules edited during the day do not forget the day's losses
        rules_hash=None if mode == "live" else rules.hash,
        first=slot.trading_day - OPEN_DAYS,
        last=slot.trading_day,
    )
    plans = plans_of(records)
    known = [each for each in earlier if (each.trading_day, each.opening_range) in plans]
    return {which: _followed(rules, known, plans, which, slot) for which in ("without", "with")}


def _followed(
    rules: Rules, known: list[TradedSlot], plans: Plans, which: str, slot: Slot
) -> DaySoFar:
    taken = follow(
        rules, known, lambda each, _: plans[each.trading_day, each.opening_range][which]
    )
    return day_so_far(taken, slot.trading_day, slot.decision)


def _no_intent(plan: Plan, model: ModelView, approval: str | None, *, late: bool) -> str:
    """Return why a decision at stage auto writes no order intent; empty if it does."""
    if not plan.armed:
        return "nothing is armed"
    if model.unheard:
        return model.unheard
    if late:
        return "decided too long after the range closed: the break may be past"
    return "" if approval else "no approval stands behind the stage"


def heard(entry: PredictionEntry) -> ModelView:
    """Return what the champion says, or why it is not listened to."""
    why = _unheard(entry)
    if why:
        return ModelView(unheard=why)
    outputs = entry.outputs
    return ModelView(
        recommends=_SIDES.get(entry.recommendation or ""),
        risk_adjustment=float(outputs["risk_adjustment"]),
        expected_net_r=entry.expected_net_r,
        p_up=entry.p_up,
        reasons=tuple(each["words"] for each in outputs.get("reasons", ())),
    )


def _unheard(entry: PredictionEntry) -> str:
    if entry.status != "predicted":
        return f"the model gave no answer: {str(entry.reason).replace('_', ' ')}"
    if entry.outputs.get("breaker"):
        return "the circuit breaker is not closed"
    if entry.late:
        return "the answer came late"
    if entry.outputs.get("fallback"):
        return f"a fallback answered: {entry.outputs['fallback']}"
    views = [entry.outputs[side] for side in SIDES]
    if all(abs(each["expected_net_r"] - each["baseline_net_r"]) < _NOTHING for each in views):
        return "the driftless baseline answered, to which no side is better than the other"
    return ""


def _intent(
    market: Market,
    rules: Rules,
    row: Mapping[str, Any],
    plan: Plan,
    day: DaySoFar,
    record: StrategyRecord,
    approval: str,
) -> OrderIntent:
    """Write the order as a person's own system would need it; prices as traded."""
    expires = _valid_until(market, rules, record)
    high, low = market.instrument.to_ticks(np.array([row["high"], row["low"]])).tolist()
    order = order_values(
        market.instrument,
        rules,
        plan,
        day,
        contract=row["contract"],
        high_ticks=high,
        low_ticks=low,
        decided=record.decision_time,
        scan_end=expires,
    )
    return OrderIntent(
        market=record.market,
        trading_day=record.trading_day,
        opening_range=record.opening_range,
        rules_hash=record.rules_hash,
        version=cast("str", record.version),
        bound_to=approval,
        order=order,
        expires_at=expires,
        at=record.at,
    )


def _valid_until(market: Market, rules: Rules, record: StrategyRecord) -> datetime:
    """Return the end of the label's scan: later, nothing is entered and nothing stays open."""
    schedule = build_schedule(market, record.trading_day, record.trading_day)
    if rules.label.scan_end == "next_day_start":
        return from_minute(int(min(schedule.day_start[0] + MINUTES_A_DAY, schedule.day_end[0])))
    column = market.range_index(record.opening_range)
    return from_minute(int(schedule.session_scan_end[0, column]))
