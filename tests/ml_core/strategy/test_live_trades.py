"""The same trade in a long backtest, in a replay, and live without later data."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import pytest

from ml_core.bars.arrays import Bars
from ml_core.decision.plan_slot import OPEN_DAYS
from ml_core.features.history import HISTORY_DAYS
from ml_core.market.schedule import to_minute
from ml_core.strategy.bracket import planned_bracket
from ml_core.strategy.checks import DaySoFar, facts_of
from ml_core.strategy.plan import by_rules
from ml_core.strategy.rules import SIDES, Rules, load_rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import TradedSlot
from tests.ml_core.builders import MARKETS, mgc, walk

FIRST, LAST = date(2024, 3, 4), date(2024, 3, 15)
SHIPPED = [load_rules(path) for path in sorted((MARKETS.parent / "strategies").glob("*.toml"))]
OWN = [
    {"entry": "retest", "stop": "half", "rr": 2.0, "break_even_after_r": 1.0},
    {"entry": "stop_order", "stop": {"ticks": 12}, "rr": "none", "trail_r": 1.0},
    {"entry": "close", "stop": {"atr": 0.1}, "rr": 3.0, "partial": {"r": 1.0}},
]
RULES = [
    *SHIPPED,
    *(Rules.model_validate({"name": f"own-{at}", "trade": trade}) for at, trade in enumerate(OWN)),
]


@lru_cache(maxsize=1)
def bars() -> Bars:
    """Months of two contracts, with a roll during the traded days."""
    return walk(date(2024, 1, 2), LAST, seed=6, contracts=("MGCG4", "MGCJ4"))


def slots(
    rules: Rules, known_bars: Bars, first: date, last: date, until: int | None
) -> list[TradedSlot]:
    assembly = rules_history(known_bars, mgc(), rules, first=first, last=last, as_of_minute=until)
    return list(slots_of(assembly, rules))


def slot_known_at(rules: Rules, slot: TradedSlot, until: int) -> TradedSlot:
    """Return the slot as known at a minute from some weeks of bars, like live."""
    days = HISTORY_DAYS + OPEN_DAYS.days + 2
    weeks = bars().between(until - days * 1440, until)
    first = slot.trading_day - OPEN_DAYS
    live = slots(rules, weeks, first, slot.trading_day, until)
    return next(other for other in live if _key(other) == _key(slot))


def _key(slot: TradedSlot) -> tuple[date, str]:
    return slot.trading_day, slot.opening_range


def _trade(slot: TradedSlot) -> dict[str, Any]:
    return {
        field.name: getattr(slot, field.name) for field in fields(slot) if field.name != "facts"
    }


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules.name)
def test_backtest_and_live_have_the_same_trade_bit_for_bit(rules: Rules) -> None:
    history = slots(rules, bars(), FIRST, LAST, None)
    entered = [slot for slot in history if slot.r_net is not None]
    assert len(entered) > 20
    for slot in entered[::19]:
        assert slot.resolved_at is not None
        assert slot.entered_at is not None
        settled = slot_known_at(rules, slot, to_minute(slot.resolved_at))
        assert _trade(settled) == _trade(slot)
        begun = slot_known_at(rules, slot, to_minute(slot.entered_at))
        assert (begun.side, begun.entered_at) == (slot.side, slot.entered_at)
        assert begun.prices is not None
        assert slot.prices is not None
        assert (begun.prices.entry, begun.prices.stop) == (slot.prices.entry, slot.prices.stop)
        before = slot_known_at(rules, slot, to_minute(slot.entered_at) - 1)
        assert (before.side, before.prices) == (None, None)


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules.name)
def test_the_plan_and_its_bracket_are_known_when_the_range_closes(rules: Rules) -> None:
    """Live and backtest have the same plan, and a trade has its planned prices."""
    instrument = mgc().instrument
    for slot in slots(rules, bars(), FIRST, LAST, None)[::23]:
        at_close = slot_known_at(rules, slot, to_minute(slot.decision_time))
        plans = [by_rules(rules, facts_of(one.facts), DaySoFar()) for one in (slot, at_close)]
        assert plans[0] == plans[1]
        if slot.prices is None or slot.side is None:
            continue
        high, low = (
            round(at_close.facts[edge] / float(instrument.tick_size)) for edge in ("high", "low")
        )
        bracket = planned_bracket(
            rules.for_range(slot.opening_range).trade_rule,
            slot.side,
            high_ticks=high,
            low_ticks=low,
            entry_ticks=slot.prices.entry,
            atr_ticks=at_close.facts["atr14"],
        )
        assert bracket is not None
        assert (bracket.stop, bracket.target) == (slot.prices.stop, slot.prices.target)


def test_a_break_on_a_side_that_is_not_armed_is_reported_and_not_traded() -> None:
    rules = Rules(name="long", allowed_sides=("long",))
    assembly = rules_history(bars(), mgc(), rules, first=FIRST, last=LAST)
    traded, every_break = slots_of(assembly, rules), slots_of(assembly, rules, every_break=True)
    assert {slot.side for slot in traded} == {"long", None}
    assert {slot.side for slot in every_break} == set(SIDES)
    for one, other in zip(traded, every_break, strict=True):
        if one.side is not None:
            assert _trade(one) == _trade(other)
    assert timedelta(0) < min(
        slot.entered_at - slot.decision_time for slot in every_break if slot.entered_at is not None
    )
