"""Filters known at the close, and daily limits in R and money: one function decides both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ml_core.json_values import json_values
from ml_core.strategy.checks import DaySoFar, SlotFacts, may_enter
from ml_core.strategy.order_intent import planned_order
from ml_core.strategy.plan import Plan, by_rules
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import TradedSlot, backtest, day_so_far
from tests.ml_core.backtest.test_backtest import FIRST, LAST
from tests.ml_core.builders import mgc, walk

T0 = datetime(2025, 1, 6, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTS = SlotFacts(
    opening_range="0900", size_atr=0.1, share_traded=1.0, half_day=False, roll_day=False
)


@pytest.mark.parametrize(
    ("least", "volume", "armed"),
    [(0.0, None, True), (1.0, None, False), (1.0, 1.0, True), (1.0, 0.99, False)],
)
def test_a_window_needs_its_share_of_the_volume_of_the_days_before(
    least: float, volume: float | None, armed: bool
) -> None:
    rules = Rules(name="busy", min_relative_volume=least)
    plan = by_rules(rules, replace(FACTS, relative_volume=volume), DaySoFar())
    assert plan.armed is armed
    assert ("relative volume" in {check.name for check in plan.checks}) is bool(least)


def test_a_stop_in_atr_arms_nothing_while_the_atr_is_not_known() -> None:
    rules = Rules.model_validate({"name": "own", "trade": {"stop": {"atr": 0.1}}})
    assert by_rules(rules, FACTS, DaySoFar()).armed
    plan = by_rules(rules, replace(FACTS, size_atr=None), DaySoFar())
    assert [check.name for check in plan.checks if not check.passed] == ["stop in ATR"]


def test_volume_may_be_asked_of_one_range_alone() -> None:
    rules = Rules.model_validate(
        {"name": "busy", "ranges": {"1800": {"min_relative_volume": 1.5}}}
    )
    quiet = replace(FACTS, relative_volume=1.2)
    assert by_rules(rules, quiet, DaySoFar()).armed
    assert not by_rules(rules, replace(quiet, opening_range="1800"), DaySoFar()).armed


@pytest.mark.parametrize(("net", "passed"), [(-99.99, True), (-100.0, False), (-150.0, False)])
def test_a_day_that_lost_its_money_enters_nothing_more(net: float, passed: bool) -> None:
    rules = Rules(name="careful", daily_loss_limit_money=100.0)
    day = DaySoFar(trades=1, net_money=net)
    assert may_enter(rules, day) is passed
    assert by_rules(rules, FACTS, day).armed is passed
    assert may_enter(Rules(name="any"), day)


def slot(day: int, hour: int, r_net: float, money: float) -> TradedSlot:
    at = T0 + timedelta(days=day, hours=hour)
    return TradedSlot(
        trading_day=(T0 + timedelta(days=day)).date(),
        opening_range="0900",
        decision_time=at,
        facts={"opening_range": "0900", "minutes_traded": 1.0},
        side="long",
        entered_at=at + HOUR / 4,
        resolved_at=at + HOUR / 2,
        r_net=r_net,
        risk_money=money,
    )


def test_money_is_counted_by_what_each_trade_risks_and_anew_each_trading_day() -> None:
    # 1.2 R of 30, then 1.2 R of 80: over 100; the third of the day is refused, the next day is not
    slots = [slot(0, 0, -1.2, 30.0), slot(0, 1, -1.2, 80.0), slot(0, 2, 1, 30.0), slot(1, 0, 1, 5)]
    rules = Rules(name="careful", daily_loss_limit_money=100.0)
    taken = backtest(rules, slots)
    assert [trade.size for trade in taken] == [1, 1, 0, 1]
    assert [check.name for check in taken[2].plan.checks if not check.passed] == [
        "daily loss in money"
    ]
    day = day_so_far(taken, slots[0].trading_day, T0 + 3 * HOUR)
    assert (day.trades, day.net_r, day.net_money) == (2, -2.4, -1.2 * 30 - 1.2 * 80)


def test_on_bars_the_volume_filter_and_the_money_limit_refuse_with_a_reason() -> None:
    bars = walk(FIRST - timedelta(days=28), LAST, seed=1)
    rules = Rules(name="any")
    slots = slots_of(rules_history(bars, mgc(), rules, first=FIRST, last=LAST), rules)
    entered = [one for one in slots if one.prices is not None]
    for one in entered:
        assert one.prices is not None
        assert one.risk_money == abs(one.prices.entry - one.prices.stop) * 1.0  # a dollar a tick
    limits: dict[str, Any] = {"min_relative_volume": 0.8, "daily_loss_limit_money": 5.0}
    taken = backtest(Rules(name="careful", one_position=False, **limits), slots)
    failed = {check.name for trade in taken for check in trade.plan.checks if not check.passed}
    assert {"relative volume", "daily loss in money"} <= failed
    volumes = [one.slot.facts["volume_against_same_slot"] for one in taken if one.size]
    assert volumes
    assert min(volumes) >= 0.8


def order_of(rules: Rules, **facts: Any) -> dict[str, Any]:
    return json_values(
        planned_order(
            mgc().instrument,
            rules,
            Plan(long=1.0, short=0.0, checks=()),
            DaySoFar(net_money=-40.0),
            contract="MGCQ5",
            high_ticks=110,
            low_ticks=100,
            decided=T0,
            scan_end=T0 + HOUR,
            **facts,
        )
    )


@pytest.mark.parametrize(
    ("trade", "entry", "order"),
    [
        ({}, {"level_ticks": 110, "stop_ticks": 100}, {}),
        (
            {"entry": "stop_order", "entry_offset_ticks": 2, "stop": {"ticks": 7}, "rr": "none"},
            {"level_ticks": 112, "stop_from_entry_ticks": 7, "target": None},
            {},
        ),
        (
            {"entry": "retest", "stop": {"atr": 0.1}, "trail_r": 2, "first_break_only": False},
            {"level_ticks": 110, "stop_from_entry_ticks": 6},
            {
                "manage": {
                    "trail_r": 2.0,
                    "stop_moves": "on closed 1-minute bars, by their closes",
                },
                "other_side_first": "the order stays in place",
            },
        ),
        ({"rr": 2, "partial": {"r": 1}}, {}, {"manage": {"partial": {"r": 1.0, "share": 0.5}}}),
    ],
)
def test_an_order_is_that_of_the_rule(
    trade: dict[str, Any], entry: dict[str, Any], order: dict[str, Any]
) -> None:
    rules = Rules.model_validate({"name": "own", "trade": trade})
    made = order_of(rules, atr_ticks=51.0)
    (long,) = made["entries"]
    assert {name: long[name] for name in entry} == entry
    assert {name: made.get(name) for name in ("manage", "other_side_first")} == {
        "manage": order.get("manage"),
        "other_side_first": order.get("other_side_first"),
    }
    assert "enter_by" not in made
    assert order_of(rules, atr_ticks=51.0, enter_by=T0)["enter_by"] == T0.isoformat()


def test_an_order_whose_stop_is_not_known_is_none() -> None:
    rules = Rules.model_validate({"name": "own", "trade": {"stop": {"atr": 0.1}}})
    assert order_of(rules)["entries"] == []


def test_an_order_states_the_money_left() -> None:
    order = order_of(Rules(name="careful", daily_loss_limit_money=100.0))
    at_entry = order["at_entry"]
    assert (at_entry["daily_loss_limit_money"], at_entry["day_net_money"]) == (100.0, -40.0)
    assert np.isfinite(at_entry["day_net_r"])
