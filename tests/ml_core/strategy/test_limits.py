"""Each limit of the rules at its edge, and the model's freedom within them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.backtest.value_added import trade_statistics
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.checks import DaySoFar, SlotFacts, facts_of, may_enter
from ml_core.strategy.plan import ModelView, Plan, Use, by_rules, with_model
from ml_core.strategy.rules import Rules, Side, StrategyFileError, load_rules
from ml_core.strategy.trades import TradedSlot, backtest

RULES = Rules(
    name="limits",
    allowed_ranges=("0900",),
    min_size_atr=0.1,
    max_size_atr=0.4,
    min_share_traded=0.8,
    max_trades_per_day=3,
    daily_loss_limit_r=2.0,
    skip_roll_days=True,
)
FACTS = SlotFacts(
    opening_range="0900", size_atr=0.2, share_traded=1.0, half_day=False, roll_day=False
)


def broken(rules: Rules, facts: SlotFacts, day: DaySoFar | None = None) -> list[str]:
    """Return the names of the rules that prevent a slot from being armed."""
    plan = by_rules(rules, facts, day or DaySoFar())
    names = [check.name for check in plan.checks if not check.passed]
    assert plan.armed == (not names)
    return names


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"size_atr": 0.1}, []),
        ({"size_atr": math.nextafter(0.1, 0)}, ["size"]),
        ({"size_atr": 0.4}, []),
        ({"size_atr": math.nextafter(0.4, 1)}, ["size"]),
        ({"size_atr": None}, ["size"]),
        ({"share_traded": 0.8}, []),
        ({"share_traded": math.nextafter(0.8, 0)}, ["minutes traded"]),
        ({"share_traded": None}, ["minutes traded"]),
        ({"opening_range": "1000"}, ["range"]),
        ({"half_day": True}, ["half-day"]),
        ({"roll_day": True}, ["roll day"]),
    ],
)
def test_a_slot_passes_a_rule_to_its_edge_and_no_further(
    facts: dict[str, object], names: list[str]
) -> None:
    assert broken(RULES, replace(FACTS, **facts)) == names  # type: ignore[arg-type]


def test_a_day_not_to_be_skipped_is_traded_and_a_height_without_bounds_is_no_rule() -> None:
    rules = Rules(name="all", skip_half_days=False, skip_roll_days=False)
    facts = replace(FACTS, opening_range="2300", size_atr=None, half_day=True, roll_day=True)
    assert broken(rules, facts) == []
    for bound in ({"min_size_atr": 0.1}, {"max_size_atr": 0.4}):
        assert broken(rules.model_copy(update=bound), facts) == ["size"]


@pytest.mark.parametrize(
    ("features", "half_day", "roll_day"),
    [
        ({"early_close": 0.0, "days_since_roll": 1.0}, False, False),
        ({"early_close": 1.0, "days_since_roll": 0.0}, True, True),
        ({"early_close": None, "days_since_roll": None}, False, False),
        ({"early_close": math.nan, "days_since_roll": math.nan}, False, False),
        ({}, False, False),
    ],
)
def test_a_half_day_and_a_roll_day_are_read_off_the_features(
    features: dict[str, float | None], half_day: bool, roll_day: bool
) -> None:
    facts = facts_of({"opening_range": "0900", "minutes_traded": math.nan, **features})
    assert (facts.half_day, facts.roll_day) == (half_day, roll_day)
    assert (facts.size_atr, facts.share_traded) == (None, None)


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (DaySoFar(trades=2), []),
        (DaySoFar(trades=3), ["trades of the day"]),
        (DaySoFar(net_r=math.nextafter(-2.0, 0)), []),
        (DaySoFar(net_r=-2.0), ["daily loss"]),
        (DaySoFar(open=1), ["one position"]),
    ],
)
def test_a_day_ends_at_its_limit_at_the_decision_and_at_the_break(
    day: DaySoFar, names: list[str]
) -> None:
    assert broken(RULES, FACTS, day) == names
    assert may_enter(RULES, day) == (not names)


@pytest.mark.parametrize(
    ("suggested", "scale"),
    [
        (-1.0, 0.5),
        (0.49, 0.5),
        (0.5, 0.5),
        (0.51, 0.51),
        (1.0, 1.0),
        (1.49, 1.49),
        (1.5, 1.5),
        (1.51, 1.5),
        (9.0, 1.5),
    ],
)
@pytest.mark.parametrize("side", ["long", "short"])
def test_the_side_recommended_is_scaled_from_half_to_one_and_a_half_and_the_other_halved(
    side: Side, suggested: float, scale: float
) -> None:
    rules = RULES.model_copy(update={"base_size": 0.8})
    model = ModelView(recommends=side, risk_adjustment=suggested)

    plan = with_model(rules, by_rules(rules, FACTS, DaySoFar()), model, "scale")

    other: Side = "short" if side == "long" else "long"
    assert plan.size(side) == pytest.approx(0.8 * scale)
    assert plan.size(other) == pytest.approx(0.8 * 0.5)


def test_no_size_is_above_the_rules_greatest_and_a_skip_halves_both_sides() -> None:
    rules = RULES.model_copy(update={"max_size": 1.2})
    unscaled = by_rules(rules, FACTS, DaySoFar())
    bold = with_model(rules, unscaled, ModelView(recommends="long", risk_adjustment=1.5), "scale")
    assert (bold.long, bold.short) == (1.2, 0.5)
    skip = with_model(rules, unscaled, ModelView(risk_adjustment=1.5), "scale")
    assert (skip.long, skip.short) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("sides", "model", "agreement"),
    [
        ((1.0, 1.0), ModelView(recommends="long"), "agrees"),
        ((0.0, 1.0), ModelView(recommends="long"), "disagrees"),
        ((0.0, 1.0), ModelView(recommends="short"), "agrees"),
        ((1.0, 0.0), ModelView(recommends="short"), "disagrees"),
        ((1.0, 0.0), ModelView(), "disagrees"),
        ((0.0, 0.0), ModelView(), "agrees"),
        ((0.0, 0.0), ModelView(recommends="long"), "disagrees"),
        ((1.0, 1.0), ModelView(recommends="long", why_unused="it is late"), "silent"),
    ],
)
@pytest.mark.parametrize("use", ["annotate", "scale"])
def test_a_model_agrees_if_the_side_it_recommends_is_armed(
    sides: tuple[float, float], model: ModelView, agreement: str, use: Use
) -> None:
    plan = Plan(long=sides[0], short=sides[1], checks=())
    assert with_model(RULES, plan, model, use).agreement == agreement


def test_what_a_strategy_s_file_and_its_hash_leave_out_never_changes() -> None:
    assert Rules(name="x").model_dump() == {
        "name": "x",
        "about": "",
        "allowed_ranges": "all",
        "allowed_sides": ("long", "short"),
        "min_size_atr": 0.0,
        "max_size_atr": None,
        "min_share_traded": 0.0,
        "min_relative_volume": 0.0,
        "one_position": True,
        "max_trades_per_day": 6,
        "daily_loss_limit_r": 3.0,
        "daily_loss_limit_money": None,
        "base_size": 1.0,
        "max_size": 1.5,
        "skip_half_days": True,
        "skip_roll_days": False,
        "blackouts": (),
        "label": LabelSpec().model_dump(),
        "trade": None,
        "ranges": {},
    }


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("min_size_atr = 0.4\nmax_size_atr = 0.4", "below max_size_atr"),
        ("min_size_atr = 0.39\nmax_size_atr = 0.4", None),
        ("base_size = 1.5\nmax_size = 1.5", None),
        ("base_size = 1.51\nmax_size = 1.5", "base_size of max_size at most"),
        ("max_trades_per_day = 1", None),
        ("max_trades_per_day = 0", "max_trades_per_day"),
        ("daily_loss_limit_r = 0.0", "daily_loss_limit_r"),
        ("min_share_traded = 1.0", None),
        ("min_share_traded = 1.01", "min_share_traded"),
        ("allowed_sides = []", "allowed_sides"),
    ],
)
def test_bounds_of_a_strategy_s_file_are_checked_at_their_edge(
    tmp_path: Path, lines: str, fault: str | None
) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(f'name = "edge"\n{lines}\n', "utf-8")
    if fault is None:
        assert load_rules(path).name == "edge"
    else:
        with pytest.raises(StrategyFileError, match=fault):
            load_rules(path)


AT = datetime(2025, 1, 6, 1, 5, tzinfo=UTC)


def trade(hour: int, r: float, *, lasts: int = 10) -> TradedSlot:
    """Return a trade entered ten minutes after a decision on the hour."""
    entered = AT.replace(hour=hour, minute=10)
    return TradedSlot(
        trading_day=AT.date(),
        opening_range="0900",
        decision_time=AT.replace(hour=hour),
        facts={"opening_range": "0900", "range_size_atr14": 0.2, "minutes_traded": 1.0},
        side="long",
        entered_at=entered,
        resolved_at=entered + timedelta(minutes=lasts),
        r_net=r,
    )


def test_a_trade_that_made_nothing_is_no_hit() -> None:
    slots = [trade(1, 0.0), trade(2, 0.5), trade(3, -0.5), trade(4, 1e-9)]
    assert trade_statistics(backtest(Rules(name="plain"), slots)).hit_rate == 0.5


def test_an_entry_that_was_not_taken_makes_nothing() -> None:
    # decided on before the one before has broken, and broken while that one is open
    waiting = replace(trade(1, -1.0), decision_time=AT.replace(minute=6))
    taken = backtest(Rules(name="plain"), [trade(1, 0.5, lasts=30), waiting])
    assert [(row.size, row.r) for row in taken] == [(1.0, 0.5), (0.0, 0.0)]
    assert taken[1].plan.armed
    assert taken[1].why_not == "the day's rules at the break"
