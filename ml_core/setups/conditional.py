"""Compares ranges on which a condition holds with the others, and measures chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.intervals import Interval, difference_interval, mean_interval
from ml_core.evidence.promotion.trial_cost import z_wanted
from ml_core.on_demand import library

special = library("scipy.special")

BreakSide = Literal["up", "down", "either"]
BREAK_SIDES: tuple[BreakSide, ...] = ("up", "down", "either")

MIN_DAYS = 20
"""Minimum number of days with a trade, in each group, for judging a difference."""

ALPHA = 0.05
_DIRECTION = {"up": 1, "down": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRanges:
    """n settled ranges, and the value of a condition on each.

    Attributes
    ----------
    day, direction, won, r_net
        Shape (n,): trading day; 1 for a breakout up, -1 down, 0 none; whether the target came
        before the stop, and net R of the trade, both without meaning if there is no breakout.
    holds, decided
        Shape (n,): whether the condition holds, and whether its value is known.
    """

    day: NDArray[np.datetime64]
    direction: NDArray[np.int16]
    won: NDArray[np.bool_]
    r_net: NDArray[np.float64]
    holds: NDArray[np.bool_]
    decided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """The results of a group of ranges.

    Attributes
    ----------
    ranges, days, breaks, trades
        Counts; ``trades`` are breakouts to the requested side.
    broke_up
        Share of UP among the breakouts.
    won, net_r
        For the trades: share won, and net R per trade. With fewer than ``MIN_DAYS`` days a figure
        has no interval.
    """

    ranges: int
    days: int
    breaks: int
    trades: int
    broke_up: Interval
    won: Interval
    net_r: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalStats:
    """The comparison for a question such as "what if yesterday's range was small?".

    Attributes
    ----------
    condition, side
        The condition and the side of the question.
    holds, others
        Ranges on which the condition holds, and ranges on which it does not.
    unknown
        Ranges left out because a feature in the condition is not known there.
    difference
        Net R per trade where it holds minus net R per trade where it does not.
    looks
        Number of distinct questions asked of these markets so far, including this one.
    low, high
        Ends of the difference's interval, corrected for all looks.
    by_chance
        Probability that, among that many looks at meaningless conditions, at least one shows a
        difference as large; NaN with too few days.
    """

    json_properties: ClassVar = ("verdict",)

    condition: str
    side: BreakSide
    holds: GroupFigures
    others: GroupFigures
    unknown: int
    difference: Interval
    looks: int
    low: float
    high: float
    by_chance: float

    @property
    def verdict(self) -> str:
        """Whether the difference may be due to chance, in plain sentences."""
        looks = "1 test" if self.looks == 1 else f"{self.looks:,} tests"
        fewest = min(self.holds.net_r.days, self.others.net_r.days)
        if fewest < MIN_DAYS or not math.isfinite(self.by_chance):
            return (
                f"Too few days to judge: {fewest} with such a trade, {MIN_DAYS} are needed "
                "on either side of the condition."
            )
        chance = (
            f"If the condition had no effect on the result, {looks} of such conditions would "
            f"still show a difference this large at least once in {self.by_chance:.0%} of cases"
        )
        if self.by_chance >= ALPHA:
            return f"{chance}: it cannot be distinguished from luck."
        return (
            f"{chance}: luck alone is an unlikely reason. It was found in the days that it was "
            "computed on, so that only future days can test it: write it into the rules, and "
            "follow the record."
        )


def conditional_stats(
    ranges: SettledRanges, *, condition: str, side: BreakSide, looks: int, seed: int = 0
) -> ConditionalStats:
    """Compare ranges on which a condition holds with those on which it does not.

    Intervals are 95 % day-block bootstrap intervals; the difference's interval is widened for all
    looks together by Sidak's level (1967).

    Parameters
    ----------
    ranges
        Settled ranges.
    condition, side
        The condition as text, and the breakout side whose trade is used.
    looks
        Number of distinct questions so far, at least 1.
    seed
        Of the bootstrap.
    """
    traded = ranges.decided & (ranges.direction != 0)
    if side != "either":
        traded &= ranges.direction == _DIRECTION[side]
    difference = difference_interval(
        ranges.r_net[traded], ranges.day[traded], ranges.holds[traded], seed=seed
    )
    groups = [
        _figures(ranges, ranges.decided & chosen, traded, seed)
        for chosen in (ranges.holds, ~ranges.holds)
    ]
    if min(group.net_r.days for group in groups) < MIN_DAYS:
        difference = difference.without_ends
    width = z_wanted(looks, ALPHA) * difference.error
    return ConditionalStats(
        condition=condition,
        side=side,
        holds=groups[0],
        others=groups[1],
        unknown=int((~ranges.decided).sum()),
        difference=difference,
        looks=looks,
        low=difference.estimate - width,
        high=difference.estimate + width,
        by_chance=_by_chance(difference, looks),
    )


def _by_chance(difference: Interval, looks: int) -> float:
    if not difference.error > 0:
        return float("nan")
    alone = 2.0 * float(special.ndtr(-abs(difference.estimate) / difference.error))
    return -math.expm1(looks * math.log1p(-alone)) if alone < 1.0 else 1.0


def _figures(
    ranges: SettledRanges, chosen: NDArray[np.bool_], traded: NDArray[np.bool_], seed: int
) -> GroupFigures:
    broke, trades = chosen & (ranges.direction != 0), chosen & traded

    def mean(values: NDArray[Any], rows: NDArray[np.bool_]) -> Interval:
        figures = values[rows].astype(np.float64)
        return mean_interval(figures, ranges.day[rows], seed=seed).from_days(MIN_DAYS)

    return GroupFigures(
        ranges=int(chosen.sum()),
        days=len(np.unique(ranges.day[chosen])),
        breaks=int(broke.sum()),
        trades=int(trades.sum()),
        broke_up=mean(ranges.direction == 1, broke),
        won=mean(ranges.won, trades),
        net_r=mean(ranges.r_net, trades),
    )
