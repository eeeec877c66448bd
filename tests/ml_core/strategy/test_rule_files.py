"""A strategy file: rules for all ranges, rules for one range, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.checks import DaySoFar, SlotFacts
from ml_core.strategy.plan import by_rules
from ml_core.strategy.rules import Rules, StrategyFileError, load_rules
from ml_core.strategy.trade_rule import AtrStop, TickStop, TradeRule
from tests.ml_core.builders import MARKETS, mgc

SHIPPED = MARKETS.parent / "strategies"

FILE = """
name = "mine"
allowed_sides = ["long"]
[trade]
entry = "stop_order"
stop = { atr = 0.1 }
rr = 2.0
trail_r = 1.0
[ranges.1800]
allowed_sides = ["long", "short"]
max_size_atr = 0.3
trade = { rr = "none", trail_r = "none", stop = { ticks = 20 } }
[ranges.2300.trade]
side = "first_candle"
"""


def read(folder: Path, text: str) -> Rules:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return load_rules(path)


def test_a_range_has_the_rules_of_all_but_for_what_is_set_for_it(tmp_path: Path) -> None:
    rules = read(tmp_path, FILE)
    nine, evening = rules.for_range("0900"), rules.for_range("1800")
    assert nine.trade_rule == TradeRule(
        entry="stop_order", stop=AtrStop(atr=0.1), rr=2.0, trail_r=1.0
    )
    assert evening.trade_rule == TradeRule(entry="stop_order", stop=TickStop(ticks=20), rr=None)
    assert (nine.max_size_atr, evening.max_size_atr) == (None, 0.3)
    assert (nine.allowed_sides, evening.allowed_sides) == (("long",), ("long", "short"))
    assert rules.for_range("2300").trade_rule.rr == 2.0
    assert evening.max_trades_per_day == rules.max_trades_per_day


def test_the_rules_of_a_file_without_a_trade_are_those_of_its_label() -> None:
    label = LabelSpec(name="mine", stop="half", rr=2)
    rules = Rules.model_validate(
        {"name": "old", "label": label.model_dump(), "ranges": {"1800": {"trade": {"rr": 3}}}}
    )
    assert rules.for_range("0900").counted_by == label
    assert rules.trade_rule == TradeRule.of_label(label)
    assert rules.for_range("1800").counted_by == LabelSpec(stop="half", rr=3)


def test_rules_that_trade_differently_have_another_hash(tmp_path: Path) -> None:
    whole = read(tmp_path, FILE)
    other = read(tmp_path, FILE.replace("ticks = 20", "ticks = 21"))
    assert len({whole.hash, other.hash, Rules(name="mine").hash}) == 3


@pytest.mark.parametrize(
    ("name", "first"),
    [("orb-default", "f0531b80"), ("first-candle", "ebe5621a"), ("six-ranges", "ba8ce128")],
)
def test_a_shipped_strategy_never_changes_under_its_name(name: str, first: str) -> None:
    rules = load_rules(SHIPPED / f"{name}.toml")
    assert (rules.name, rules.hash[:8]) == (name, first)
    market = mgc()
    for opening_range in rules.ranges:
        market.range_index(opening_range)  # raises for a range that Micro Gold has not


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[trade]\nrr = 1\n[label]\nrr = 2", "not both"),
        ("[trade]\nrr = 0", "trade.rr"),
        ('[trade]\nstop = "quarter"', "trade.stop"),
        ("[trade]\nstop = { atr = 0 }", r"trade.stop = [^:]*: 0}: write [^;]*$"),
        ("[trade]\nstp = 3", "trade.stp = 3: is no field here; did you mean stop"),
        ("allowed_ranges = 3", "allowed_ranges = 3: Input should be 'all' or a valid tuple"),
        ("[trade]\npartial = { r = 1.0 }", "below rr"),
        ('[trade]\nlast_entry = "25:00"', "last_entry"),
        ('[trade]\nanchor = "edge"\nstop = { ticks = 5 }', "full"),
        ('[trade]\nanchor = "edge"\nrr = "none"', "give rr"),
        ("[trade]\ntakeprofit = 3", "takeprofit"),
        ("[ranges.1800]\nmax_trades_per_day = 1", "cannot set max_trades_per_day"),
        ("[ranges.1800.trade]\nrr = -1", "ranges.1800.trade.rr = -1"),
        ("[ranges.1800]\ntrade = 3", "ranges.1800"),
        ("[ranges.1800]\nmin_size_atr = 0.4\nmax_size_atr = 0.3", "below max_size_atr"),
    ],
)
def test_invalid_rules_are_refused_with_their_place(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(StrategyFileError, match=fault):
        read(tmp_path, f'name = "mine"\n{text}\n')


@pytest.mark.parametrize(
    ("body", "sides", "passed"),
    [(0.3, (1.0, 0.0), True), (-0.1, (0.0, 1.0), True), (0.0, (0.0, 0.0), False),
     (None, (0.0, 0.0), False)],
)  # fmt: skip
def test_a_plan_of_the_first_candle_arms_its_side_alone(
    body: float | None, sides: tuple[float, float], passed: bool
) -> None:
    rules = Rules(name="candle", trade=TradeRule(side="first_candle"))
    facts = SlotFacts(
        opening_range="0900",
        size_atr=0.1,
        share_traded=1.0,
        half_day=False,
        roll_day=False,
        body=body,
    )
    plan = by_rules(rules, facts, DaySoFar())
    assert (plan.long, plan.short) == sides
    (check,) = (check for check in plan.checks if check.name == "first candle")
    assert check.passed is passed
    assert not any(
        check.name == "first candle"
        for check in by_rules(Rules(name="either"), facts, DaySoFar()).checks
    )
