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
    stats = conditional_stats(by_hand, condition="x > 1", side="up", looks=3)
    assert (stats.holds.ranges, stats.holds.breaks, stats.holds.trades) == (2, 2, 1)
    assert (stats.others.ranges, stats.others.breaks, stats.others.trades) == (1, 1, 1)
    assert stats.unknown == 1
    assert stats.holds.broke_up.estimate == 0.5
    assert stats.holds.won.estimate == 1.0
    assert stats.difference.estimate == pytest.approx(2.0)
    assert stats.verdict.startswith("Too few days to judge: 1 with such a trade")
    assert not stats.difference.is_known
    assert not stats.holds.net_r.is_known
    assert math.isnan(stats.by_chance)


@pytest.mark.parametrize(
    ("side", "directions"), [("up", [1]), ("down", [-1]), ("either", [1, -1])]
)
def test_a_side_counts_the_trades_of_its_breaks_alone(
    side: BreakSide, directions: list[int]
) -> None:
    made = ranges()
    stats = conditional_stats(made, condition="x", side=side, looks=1)
    wanted = np.isin(made.direction, directions)
    assert stats.holds.trades == int((wanted & made.holds).sum())
    assert stats.others.trades == int((wanted & ~made.holds).sum())
    assert stats.holds.net_r.estimate == pytest.approx(made.r_net[wanted & made.holds].mean())


def test_more_looks_make_the_same_difference_more_likely_by_chance() -> None:
    made = ranges(edge=0.15)
    stats = [
        conditional_stats(made, condition="x", side="either", looks=looks)
        for looks in (1, 10, 1000)
    ]
    chances = [result.by_chance for result in stats]
    assert chances == sorted(chances)
    assert chances[0] < 0.05 < chances[-1]
    widths = [result.high - result.low for result in stats]
    assert widths == sorted(widths)
    assert "luck alone is an unlikely reason" in stats[0].verdict
    assert "cannot be distinguished from luck" in stats[-1].verdict
    alone = stats[0].difference
    assert stats[0].high - stats[0].low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_chance_is_that_of_a_difference_of_either_sign() -> None:
    stats = conditional_stats(ranges(edge=0.05), condition="x", side="either", looks=1)
    z = stats.difference.estimate / stats.difference.error
    assert stats.by_chance == pytest.approx(math.erfc(abs(z) / math.sqrt(2.0)))


@pytest.mark.slow
def test_of_conditions_that_mean_nothing_few_are_found_unlikely() -> None:
    """Of 120 looks at nothing, 6 are expected below 5 %; 14 or more occur once in 300 times."""
    unlikely = [
        conditional_stats(ranges(seed=seed), condition="x", side="either", looks=1).by_chance
        < 0.05
        for seed in range(120)
    ]
    assert sum(unlikely) < 14


def test_a_large_edge_is_found_however_many_questions_were_asked() -> None:
    stats = conditional_stats(ranges(2000, edge=0.25), condition="x", side="either", looks=50)
    assert stats.by_chance < 0.001
    assert stats.low > 0
    assert json_values(stats)["verdict"] == stats.verdict


def test_a_condition_that_always_holds_shows_no_difference() -> None:
    made = ranges()
    always = SettledRanges(
        day=made.day,
        direction=made.direction,
        won=made.won,
        r_net=made.r_net,
        holds=np.ones(len(made.day), np.bool_),
        decided=made.decided,
    )
    stats = conditional_stats(always, condition="x", side="either", looks=1)
    assert math.isnan(stats.by_chance)
    assert stats.verdict.startswith("Too few days")
    assert json_values(stats)["difference"]["estimate"] is None
