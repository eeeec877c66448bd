"""The value of a model's sizes: selection counts, merely trading less of a loss does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.backtest.value_added import added, by_opinion, trade_statistics
from ml_core.json_values import json_values
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.order_intent import planned_order
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Rules
from ml_core.strategy.trades import PlanResult, TradedSlot
from tests.ml_core.builders import nq

T0 = datetime(2025, 1, 6, 23, 5, tzinfo=UTC)
Rows = list[tuple[float, float, float]]


def path(r: list[float], sizes: list[float]) -> tuple[PlanResult, ...]:
    """Return six slots a day, each broken out upwards and settled within the hour."""
    return tuple(
        PlanResult(
            slot=TradedSlot(
                trading_day=(T0 + timedelta(days=index // 6)).date(),
                opening_range="0900",
                decision_time=T0 + timedelta(days=index // 6, hours=index % 6),
                facts={},
                side="long",
                entered_at=T0 + timedelta(days=index // 6, hours=index % 6, minutes=5),
                resolved_at=T0 + timedelta(days=index // 6, hours=index % 6, minutes=50),
                r_net=net,
                r_gross=net + 0.2,
            ),
            plan=Plan(long=size, short=size, checks=()),
            size=size,
            r=net * size,
        )
        for index, (net, size) in enumerate(zip(r, sizes, strict=True))
    )


SIZES = st.just(0.0) | st.floats(0.05, 1.5)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.floats(-2, 2), SIZES, SIZES),
        min_size=1,
        max_size=40,
    )
)
@example([(1.0, 0.5, 1.0), (-1.0, 1.5, 0.5), (0.3, 0.0, 1.2)])
def test_size_and_choice_are_the_whole_difference(rows: Rows) -> None:
    r, scaled, bare = (list(column) for column in zip(*rows, strict=True))
    one, other = path(r, scaled), path(r, bare)
    difference = added(one, other)
    total = trade_statistics(one).total_r - trade_statistics(other).total_r
    assert difference.total_r == pytest.approx(total)
    if sum(bare) > 0:
        assert difference.by_size_r + difference.by_choice_r == pytest.approx(total, abs=1e-6)
        expected = [a - difference.size_ratio * b for a, b in zip(scaled, bare, strict=True)]
        assert difference.by_choice_r == pytest.approx(np.dot(expected, r), abs=1e-6)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_the_same_factor_on_every_trade_is_no_choice_however_much_it_saves(factor: float) -> None:
    draw = np.random.default_rng(0)
    r = draw.normal(-0.25, 1, 600).tolist()
    difference = added(path(r, [factor] * 600), path(r, [1.0] * 600))
    assert difference.by_choice_r == pytest.approx(0, abs=1e-9)
    assert difference.by_size_r == pytest.approx(difference.total_r)
    if factor == 0.5:
        assert difference.per_slot.above_zero  # half of a losing trade loses half
        assert not difference.choice_per_slot.above_zero
        assert "not distinguishable from 0" in difference.words


def test_informed_sizes_are_distinguished_from_random_ones() -> None:
    draw = np.random.default_rng(1)
    blind = knowing = 0
    for _ in range(60):
        r = draw.normal(-0.25, 1, 360)
        bare = path(r.tolist(), [1.0] * 360)
        guessed = draw.choice([0.5, 1.2], 360)
        informed = np.where(r + draw.normal(0, 2, 360) > 0, 1.2, 0.5)
        blind += added(path(r.tolist(), guessed.tolist()), bare).choice_per_slot.above_zero
        knowing += added(path(r.tolist(), informed.tolist()), bare).choice_per_slot.above_zero
    assert blind <= 5  # 1.5 expected of 60 at 2.5 %
    assert knowing >= 55


def test_trades_are_grouped_by_the_model_s_opinion_of_the_side_that_broke() -> None:
    r = [1.0, -1.0, 0.5, 0.25]
    bare = path(r, [1.0] * 4)
    opinions = (("agrees", "long"), ("disagrees", "short"), ("disagrees", None), ("silent", None))
    scaled = tuple(
        replace(result, plan=replace(result.plan, agreement=agreement, recommends=side))
        for result, (agreement, side) in zip(bare, opinions, strict=True)
    )
    totals = {name: statistics.total_r for name, statistics in by_opinion(scaled, bare).items()}
    assert totals == {
        "recommended": 1.0,
        "the other side recommended": -1.0,
        "skip recommended": 0.5,
        "silent": 0.25,
    }


def test_nothing_settled_is_nothing_to_compare() -> None:
    difference = added((), ())
    assert difference.words == "no settled trade to compare yet"
    assert json_values(difference)["per_slot"] == [None, None, None]
    assert trade_statistics(()).verdict == "nothing to judge"


@pytest.mark.parametrize(
    ("r", "verdict"),
    [
        (
            [-1.2, 0.8] * 300,
            ("lost after costs; before costs they cannot be distinguished from luck"),
        ),
        ([-1.2, -0.6] * 300, "lost after costs; before costs they lost"),
        ([1.0, -1.0] * 30, "cannot be distinguished from luck"),
        ([1.0, 0.5] * 30, "no evidence"),
    ],
)
def test_the_verdict_says_what_costs_did_and_what_is_no_evidence(
    r: list[float], verdict: str
) -> None:
    assert verdict in trade_statistics(path(r, [1.0] * len(r))).verdict


def test_an_order_is_exact_to_the_tick_in_prices_with_many_digits() -> None:
    rules = Rules(name="half", label=LabelSpec(stop="half", rr=2), max_trades_per_day=4)
    order = json_values(
        planned_order(
            nq().instrument,
            rules,
            Plan(long=1.25, short=0.0, checks=()),
            DaySoFar(trades=1, net_r=-1.1),
            contract="NQH5",
            high_ticks=82_605,
            low_ticks=82_600,
            decided=T0,
            scan_end=T0 + timedelta(hours=8),
        )
    )
    (entry,) = order["entries"]
    assert (entry["level"], entry["level_ticks"]) == (20651.25, 82_605)
    # half of five ticks, rounded away from the entry, never in the trade's favour
    assert (entry["stop"], entry["stop_ticks"]) == (20650.5, 82_602)
    assert (entry["size"], entry["target"]["risks"]) == (1.25, 2)
    assert order["at_entry"]["trades_left"] == 3
    assert order["at_entry"]["day_net_r"] == -1.1
    assert order["tick_size"] == str(nq().instrument.tick_size)
