"""A side's planned prices equal those of its trade by the rule, to the tick."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.strategy.bracket import Bracket, planned_bracket
from ml_core.strategy.rules import Side
from ml_core.strategy.trade_rule import AtrStop, PartialTarget, TickStop, TradeRule


@pytest.mark.parametrize(
    ("rule", "side", "entry", "prices"),
    [
        (TradeRule(), "long", None, (111, 100, 122)),
        (TradeRule(), "short", None, (99, 110, 88)),
        (TradeRule(rr=2), "long", 114, (114, 100, 142)),
        (TradeRule(stop="half"), "long", None, (111, 105, 117)),
        (TradeRule(stop="half"), "short", 97, (97, 105, 89)),
        (TradeRule(anchor="edge"), "long", 114, (114, 100, 120)),
        (TradeRule(anchor="edge", rr=2), "short", 98, (98, 110, 80)),
        (TradeRule(rr=1.5), "long", None, (111, 100, 128)),  # 16.5 ticks are 17
        (TradeRule(entry="stop_order"), "long", None, (110, 100, 120)),
        (TradeRule(entry="stop_order", entry_offset_ticks=2), "short", None, (98, 110, 86)),
        (TradeRule(entry_offset_ticks=2), "long", None, (113, 100, 126)),
        (TradeRule(entry="retest", rr=None), "short", None, (100, 110, None)),
        (TradeRule(stop=TickStop(ticks=4), rr=2), "short", None, (99, 103, 91)),
        (TradeRule(stop=AtrStop(atr=0.1), rr=2), "long", None, (111, 105, 123)),  # 5.01 are 6
    ],
)
def test_prices_by_hand(
    rule: TradeRule, side: Side, entry: int | None, prices: tuple[int, int, int | None]
) -> None:
    bracket = planned_bracket(
        rule, side, high_ticks=110, low_ticks=100, entry_ticks=entry, atr_ticks=50.1
    )
    assert bracket is not None
    assert (bracket.entry, bracket.stop, bracket.target) == prices


def test_a_stop_in_atr_has_no_prices_while_the_atr_is_not_known() -> None:
    rule = TradeRule(stop=AtrStop(atr=0.1))
    assert planned_bracket(rule, "long", high_ticks=110, low_ticks=100) is None


def test_a_partial_target_is_stated_beside_the_target() -> None:
    rule = TradeRule(rr=2, partial=PartialTarget(r=1.5))
    bracket = planned_bracket(rule, "short", high_ticks=110, low_ticks=100)
    assert bracket is not None
    assert (bracket.part, bracket.target, bracket.reward) == (82, 77, 22)


def test_distances_are_positive_on_either_side() -> None:
    short = Bracket(side="short", edge=100, entry=98, stop=110, target=86)
    assert (short.risk, short.reward, short.beyond) == (12, 12, 2)


@given(
    st.integers(2, 400),
    st.integers(1, 60),
    st.sampled_from(["full", "half"]),
    st.sampled_from([0.5, 1, 1.5, 3]),
)
def test_a_break_up_is_a_break_down_seen_in_a_mirror(
    height: int, beyond: int, stop: Any, rr: float
) -> None:
    rule = TradeRule(stop=stop, rr=rr)
    up = planned_bracket(rule, "long", high_ticks=height, low_ticks=0, entry_ticks=height + beyond)
    down = planned_bracket(rule, "short", high_ticks=height, low_ticks=0, entry_ticks=-beyond)
    assert up is not None
    assert down is not None
    assert (up.risk, up.reward, up.beyond) == (down.risk, down.reward, down.beyond)
    assert up.reward is not None
    assert up.reward >= rr * up.risk - 1e-9  # never in the trade's favour
