"""Conditional statistics: figures by hand, and the rate of false findings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml_core.json_values import json_values
from ml_core.setups.conditional import BreakSide, SettledRanges, conditional_stats


def ranges(rows: int = 400, *, edge: float = 0.0, seed: int = 0) -> SettledRanges:
    """Return two ranges a day; where the condition holds, trades win more often by ``edge``."""
    draw = np.random.default_rng(seed)
    holds = draw.random(rows) < 0.4
    won = draw.random(rows) < 0.5 + edge * holds
    return SettledRanges(
        day=np.datetime64("2024-01-01") + np.arange(rows) // 2,
        direction=np.where(draw.random(rows) < 0.5, 1, -1).astype(np.int16),
        won=won,
        r_net=np.where(won, 0.9, -1.1),
        holds=holds,
        decided=np.ones(rows, np.bool_),
    )


def test_figures_by_hand() -> None:
    by_hand = SettledRanges(
        day=np.array(["2024-01-02", "2024-01-02", "2024-01-03", "2024-01-04"], "datetime64[D]"),
        direction=np.array([1, -1, 1, 0], np.int16),
        won=np.array([True, False, False, False]),
        r_net=np.array([0.9, -1.1, -1.1, math.nan]),
        holds=np.array([True, True, False, True]),
        decided=np.array([True, True, True, False]),
    )
    told = conditional_stats(by_hand, condition="x > 1", side="up", looks=3)
    assert (told.holds.ranges, told.holds.breaks, told.holds.trades) == (2, 2, 1)
    assert (told.others.ranges, told.others.breaks, told.others.trades) == (1, 1, 1)
    assert told.unknown == 1
    assert told.holds.broke_up.estimate == 0.5
    assert told.holds.won.estimate == 1.0
    assert told.difference.estimate == pytest.approx(2.0)
    assert told.verdict.startswith("Too few days to judge: 1 with such a trade")
    assert not told.difference.is_known
    assert not told.holds.net_r.is_known
    assert math.isnan(told.by_chance)


@pytest.mark.parametrize(
    ("side", "directions"), [("up", [1]), ("down", [-1]), ("either", [1, -1])]
)
def test_a_side_counts_the_trades_of_its_breaks_alone(
    side: BreakSide, directions: list[int]
) -> None:
    made = ranges()
    told = conditional_stats(made, condition="x", side=side, looks=1)
    wanted = np.isin(made.direction, directions)
    assert told.holds.trades == int((wanted & made.holds).sum())
    assert told.others.trades == int((wanted & ~made.holds).sum())
    assert told.holds.net_r.estimate == pytest.approx(made.r_net[wanted & made.holds].mean())


def test_more_looks_make_the_same_difference_more_likely_by_chance() -> None:
    made = ranges(edge=0.15)
    told = [
        conditional_stats(made, condition="x", side="either", looks=looks)
        for looks in (1, 10, 1000)
    ]
    chances = [each.by_chance for each in told]
    assert chances == sorted(chances)
    assert chances[0] < 0.05 < chances[-1]
    widths = [each.high - each.low for each in told]
    assert widths == sorted(widths)
    assert "luck alone is an unlikely reason" in told[0].verdict
    assert "cannot be distinguished from luck" in told[-1].verdict
    alone = told[0].difference
    assert told[0].high - told[0].low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_chance_is_that_of_a_difference_of_either_sign() -> None:
    told = conditional_stats(ranges(edge=0.05), condition="x", side="either", looks=1)
    z = told.difference.estimate / told.difference.error
    assert told.by_chance == pytest.approx(math.erfc(abs(z) / math.sqrt(2.0)))


@pytest.mark.slow
def test_of_conditions_that_mean_nothing_few_are_found_unlikely() -> None:
    """Of 120 looks at nothing, 6 are expected below 5 %; 14 or more occur once in 300 times."""
    found = [
        conditional_stats(ranges(seed=seed), condition="x", side="either", looks=1).by_chance
        < 0.05
        for seed in range(120)
    ]
    assert sum(found) < 14


def test_a_large_edge_is_found_whatever_else_was_asked() -> None:
    told = conditional_stats(ranges(2000, edge=0.25), condition="x", side="either", looks=50)
    assert told.by_chance < 0.001
    assert told.low > 0
    assert json_values(told)["verdict"] == told.verdict


def test_a_condition_that_always_holds_tells_no_difference() -> None:
    made = ranges()
    always = SettledRanges(
        day=made.day,
        direction=made.direction,
        won=made.won,
        r_net=made.r_net,
        holds=np.ones(len(made.day), np.bool_),
        decided=made.decided,
    )
    told = conditional_stats(always, condition="x", side="either", looks=1)
    assert math.isnan(told.by_chance)
    assert told.verdict.startswith("Too few days")
    assert json_values(told)["difference"]["estimate"] is None
