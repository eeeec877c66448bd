"""The strategy: what the rules decide of a slot, what the model adds, and what that was worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from ml_core.learning.assemble import NoBarsError, assemble
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, from_minute, to_minute
from ml_core.strategy import (
    SIDES,
    DaySoFar,
    ModelView,
    Plan,
    RuleCheck,
    Rules,
    Side,
    Use,
    by_rules,
    facts_of,
    with_model,
)
from ml_core.strategy_worth import Slot as TradedSlot
from ml_core.strategy_worth import Taken, backtest, follow, slots_of
from monitoring.rollout import Stage
from registry.ledger import Mode, PredictionEntry
from registry.strategy import OrderIntent, StrategyRecord, record_strategy, strategy_records
from tasks.datasets import known_bars, period_of
from tasks.decision import read_bars
from tasks.settings import Settings
from tasks.slots import Slot

USES: Mapping[Stage, Use] = {
    "off": "none",
    "shadow": "none",
    "advisory": "annotate",
    "hybrid": "scale",
    "auto": "scale",
}
_SIDES: Mapping[str, Side] = {"long": "long", "short": "short"}


def decide_slot(
    where: Settings,
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
    where, market, slot
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
    rules = where.rules()
    table = _known_then(where, market, slot, rules)
    row = next((each for each in table if _is(each, slot)), None)
    if row is None or row["exclusion"] is not None:
        return None
    earlier = [each for each in slots_of(table) if each.decision_time < slot.decision]
    model = _heard(entry, stage)
    before = _plans(where, slot.symbol, rules, entry.mode)
    facts = facts_of(row)
    plain = by_rules(rules, facts, _day(rules, earlier, before, "without", slot))
    own_path = by_rules(rules, facts, _day(rules, earlier, before, "with", slot))
    scaled = with_model(rules, own_path, model, "scale")
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
    may_emit = stage == "auto" and entry.mode == "live" and not model.unheard and scaled.armed
    if may_emit and approval:
        intent = _intent(market, rules, row, scaled, record, approval)
    record_strategy(where.database(), record, intent)
    return record


def holding(record: StrategyRecord) -> Plan:
    """Give the plan that holds at the stage it was made at.

    In shadow that of the rules alone, in advisory the same with the model's words beside it, from
    hybrid on the one the model scaled.
    """
    plain, scaled = _plan(record.without_model), _plan(record.with_model)
    use = USES[cast("Stage", record.stage)]
    if use == "none":
        return plain
    if use == "scale":
        return scaled
    return replace(plain, agreement=scaled.agreement, words=scaled.words)


def backtest_rules(
    where: Settings,
    name: str,
    rules: Rules,
    *,
    first: date | None,
    last: date | None,
    at: datetime,
) -> tuple[Taken, ...]:
    """Follow the rules alone through the lake's history, costs included."""
    return backtest(rules, slots_of(_history(where, name, rules, (first, last), at)))


def lived(
    where: Settings, name: str, rules: Rules, mode: Mode, at: datetime
) -> tuple[tuple[Taken, ...], tuple[Taken, ...]]:
    """Follow the recorded plans, with the model and without it, through what then happened."""
    market = where.market(name)
    plans = _plans(where, market.symbol, rules, mode)
    if not plans:
        return (), ()
    days = sorted(day for day, _ in plans)
    rows = _history(where, name, rules, (days[0], days[-1]), at)
    slots = [each for each in slots_of(rows) if (each.trading_day, each.opening_range) in plans]

    def of(which: str) -> tuple[Taken, ...]:
        return follow(rules, slots, lambda slot, _: _planned(plans, slot)[which])

    return of("with"), of("without")


def _history(
    where: Settings,
    name: str,
    rules: Rules,
    period: tuple[date | None, date | None],
    at: datetime,
) -> list[dict[str, Any]]:
    market = where.market(name)
    bars = known_bars(where, name, market, at)
    begin, end = period_of(bars, market, *period)
    rows: list[dict[str, Any]] = (
        assemble(bars, market, rules.label, first=begin, last=end).table().to_pylist()
    )
    return rows


def _known_then(where: Settings, market: Market, slot: Slot, rules: Rules) -> list[dict[str, Any]]:
    """Give the slot's day, and the days whose trades may still be open, as known at its t0."""
    bars = read_bars(where, market, slot)
    first = slot.trading_day - timedelta(days=4)
    try:
        assembly = assemble(
            bars,
            market,
            rules.label,
            first=first,
            last=slot.trading_day,
            as_of_minute=to_minute(slot.decision),
        )
    except NoBarsError:
        return []
    rows: list[dict[str, Any]] = assembly.table().to_pylist()
    return rows


def _is(row: Mapping[str, Any], slot: Slot) -> bool:
    same = row["trading_day"] == slot.trading_day
    return bool(same and row["opening_range"] == slot.opening_range)


_Plans = dict[tuple[date, str], dict[str, Plan]]


def _plans(where: Settings, symbol: str, rules: Rules, mode: str) -> _Plans:
    records = strategy_records(where.database(), symbol, mode=mode, rules_hash=rules.hash)
    return {
        (each.trading_day, each.opening_range): {
            "without": _plan(each.without_model),
            "with": _plan(each.with_model),
        }
        for each in records
    }


def _planned(plans: _Plans, slot: TradedSlot) -> dict[str, Plan]:
    return plans[slot.trading_day, slot.opening_range]


def _plan(values: dict[str, Any]) -> Plan:
    checks = tuple(RuleCheck(**each) for each in values["checks"])
    return Plan(**{**values, "checks": checks, "words": tuple(values["words"])})


def _day(
    rules: Rules, earlier: list[TradedSlot], plans: _Plans, which: str, slot: Slot
) -> DaySoFar:
    """Give what one path's trades were by t0: those of recorded plans, and nothing else."""
    known = [each for each in earlier if (each.trading_day, each.opening_range) in plans]
    days: list[DaySoFar] = []

    def see(_: TradedSlot, day: DaySoFar) -> Plan:
        days.append(day)
        return Plan(long=0.0, short=0.0, checks=())

    now = TradedSlot(
        trading_day=slot.trading_day,
        opening_range=slot.opening_range,
        decision_time=slot.decision,
        facts={},
        side=None,
        entered_at=None,
        resolved_at=None,
        r_net=None,
    )
    follow(
        rules,
        [*known, now],
        lambda each, day: see(each, day) if each is now else _planned(plans, each)[which],
    )
    return days[-1]


def _heard(entry: PredictionEntry, stage: Stage) -> ModelView:
    """Give what the champion says, or why it is not listened to."""
    why = _unheard(entry)
    if why:
        return ModelView(unheard=why)
    outputs = entry.outputs
    fallback = outputs.get("fallback")
    if fallback and stage in {"hybrid", "auto"}:
        return ModelView(unheard=f"a fallback answered: {fallback}")
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
    return ""


def _intent(  # noqa: PLR0917 - all that an order is made of
    market: Market,
    rules: Rules,
    row: Mapping[str, Any],
    plan: Plan,
    record: StrategyRecord,
    approval: str,
) -> OrderIntent:
    """Write the order as a person's own system would need it; prices as traded."""
    high, low = float(row["high"]), float(row["low"])
    middle = (high + low) / 2.0
    stops = {"full": {"long": low, "short": high}, "half": {"long": middle, "short": middle}}
    edges = {"long": high, "short": low}
    expires = _valid_until(market, record)
    order = {
        "contract": row["contract"],
        "tick": float(market.instrument.tick_size),
        "entries": [
            {
                "side": side,
                "size": plan.size(side),
                "when": f"first 1-minute close {'above' if side == 'long' else 'below'} the level",
                "level": edges[side],
                "stop": stops[rules.label.stop][side],
                "target": f"{rules.label.rr:g} risks from the {rules.label.anchor}",
            }
            for side in SIDES
            if plan.size(side) > 0
        ],
        "one_cancels_other": True,
        "close_by": expires.isoformat(),
    }
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


def _valid_until(market: Market, record: StrategyRecord) -> datetime:
    schedule = build_schedule(market, record.trading_day, record.trading_day)
    column = market.range_index(record.opening_range)
    return from_minute(int(schedule.session_scan_end[0, column]))
