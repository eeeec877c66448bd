"""A side's planned prices are those that the label would have given its break, to the tick."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.bracket import Bracket, planned_bracket
from ml_core.strategy.rules import Side


@pytest.mark.parametrize(
    ("label", "side", "entry", "prices"),
    [
        (LabelSpec(), "long", None, (111, 100, 122)),
        (LabelSpec(), "short", None, (99, 110, 88)),
        (LabelSpec(rr=2), "long", 114, (114, 100, 142)),
        (LabelSpec(stop="half"), "long", None, (111, 105, 117)),
        (LabelSpec(stop="half"), "short", 97, (97, 105, 89)),
        (LabelSpec(anchor="edge"), "long", 114, (114, 100, 120)),
        (LabelSpec(anchor="edge", rr=2), "short", 98, (98, 110, 80)),
        (LabelSpec(rr=1.5), "long", None, (111, 100, 128)),  # 16.5 ticks are 17
    ],
)
def test_prices_by_hand(
    label: LabelSpec, side: Side, entry: int | None, prices: tuple[int, int, int]
) -> None:
    bracket = planned_bracket(label, side, high_ticks=110, low_ticks=100, entry_ticks=entry)
    assert (bracket.entry, bracket.stop, bracket.target) == prices


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
    label = LabelSpec(stop=stop, rr=rr)
    up = planned_bracket(
        label, "long", high_ticks=height, low_ticks=0, entry_ticks=height + beyond
    )
    down = planned_bracket(label, "short", high_ticks=height, low_ticks=0, entry_ticks=-beyond)
    assert (up.risk, up.reward, up.beyond) == (down.risk, down.reward, down.beyond)
    assert up.reward >= rr * up.risk - 1e-9  # never in the trade's favour
