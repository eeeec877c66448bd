"""The bettors' wealth computed row by row in plain arithmetic, as an oracle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any, NamedTuple

AT_RISK = 0.9


class Row(NamedTuple):
    """A decision: its day, P(UP) by two forecasters, whether the range broke out and UP."""

    day: Any
    p: float
    other: float
    up: bool
    broke: bool = True


def rows_of(p: Any, other: Any, up: Any, day: Any, broke: Any = None) -> list[Row]:
    """Combine arrays of shape (n,) into rows; without ``broke``, every row broke out."""
    broke = up | True if broke is None else broke
    columns = (column.tolist() for column in (day, p, other, up, broke))
    return [Row(*values) for values in zip(*columns, strict=True)]


def mornings(rows: Sequence[Row]) -> list[list[Row]]:
    """Group the rows by day."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row.day)]


def stakes(bets: Iterable[float], losses: Iterable[float]) -> list[float]:
    """Limit bets, in order, to what is left of nine tenths of the capital."""
    left, placed = AT_RISK, []
    for bet, loss in zip(bets, losses, strict=True):
        placed.append(min(bet, left / loss) if loss > 0 else bet)
        left = max(left - placed[-1] * loss, 0.0)
    return placed


def challenger_wealth(rows: Sequence[Row]) -> list[float]:
    """Return the wealth after each day of a bet that ``p`` has a smaller log loss than ``other``.

    The stake is Kelly's for the days before, with a prior of fifty rows that deserve half a stake
    of 1; it is between 0 and 2.
    """
    capital, total, square, wealth = 1.0, 0.0, 0.0, []
    for today in mornings(rows):
        odds = [(_kept(row.p), _kept(row.other)) for row in today]
        if_up = [math.log(p / q) for p, q in odds]
        if_down = [math.log((1 - p) / (1 - q)) for p, q in odds]
        bets = []
        for (p, q), up, down in zip(odds, if_up, if_down, strict=True):
            expected = (p + q) / 2 * up**2 + (1 - (p + q) / 2) * down**2
            seen = square + 50 * expected
            bet = (total + 25 * expected) / seen if seen else 0.0
            bets.append(sorted((0.0, bet, 2.0))[1])
        losses = [max(-up, -down, 0.0) for up, down in zip(if_up, if_down, strict=True)]
        gains = [
            (up if row.up else down) if row.broke else 0.0
            for row, up, down in zip(today, if_up, if_down, strict=True)
        ]
        placed = stakes(bets, losses)
        capital += capital * sum(map(_product, placed, gains))
        wealth.append(capital)
        total += sum(gains)
        square += sum(gain * gain for gain in gains)
    return wealth


def share_wealth(
    happened: Sequence[bool],
    day: Sequence[Any],
    share: float,
    counted: Sequence[bool] | None = None,
) -> list[float]:
    """Return the wealth after each day of a bet that something happens more often than a share."""
    capital, total, square, wealth = 1.0, 0.0, 50 * share * (1 - share), []
    rows = zip(day, happened, counted or [True] * len(day), strict=True)
    for _, group in groupby(rows, key=lambda row: row[0]):
        gains = [came - share if counts else 0.0 for _, came, counts in group]
        bet = max(total / square, 0.0)
        placed = stakes([bet] * len(gains), [share] * len(gains))
        capital += capital * sum(map(_product, placed, gains))
        brought = sum(gains)
        wealth.append(capital)
        total += brought
        square += brought * brought
    return wealth


def calibration_wealth(rows: Sequence[Row]) -> list[float]:
    """Return the wealth after each day of a bet that ``p`` is miscalibrated.

    Half of the capital bets from the first day, a fifth from the 41st, and a tenth each from the
    81st, 161st and 321st; each part is divided between three ways of betting.
    """
    days = mornings(rows)
    total = [0.0] * len(days)
    for begun, part in ((0, 0.5), (40, 0.2), (80, 0.1), (160, 0.1), (320, 0.1)):
        ways = [
            _calibration_wealth(days[begun:], way) for way in ("level", "boldness", "by fifths")
        ]
        for index in range(len(days)):
            wealth = 1.0 if index < begun else fmean(way[index - begun] for way in ways)
            total[index] += part * wealth
    return total


def _calibration_wealth(days: Sequence[Sequence[Row]], way: str) -> list[float]:
    capital, wealth = 1.0, []
    brought: dict[int, float] = {}
    square: dict[int, float] = {}
    for today in days:
        weights = [2 * row.p - 1 if way == "boldness" else 1.0 for row in today]
        cells = [min(int(row.p * 5), 4) if way == "by fifths" else 0 for row in today]
        prior = 2.0 if way == "boldness" else 10.0
        bets = [brought.get(cell, 0.0) / square.get(cell, prior) for cell in cells]
        losses = [
            max(-bet * weight * (1 - row.p), bet * weight * row.p)
            for bet, weight, row in zip(bets, weights, today, strict=True)
        ]
        losses = [0.0 if loss < 1e-12 else loss for loss in losses]
        gains = [
            weight * (row.up - row.p) if row.broke else 0.0
            for weight, row in zip(weights, today, strict=True)
        ]
        placed = stakes([1.0] * len(today), losses)
        capital += capital * sum(
            bet * part * gain for bet, part, gain in zip(bets, placed, gains, strict=True)
        )
        wealth.append(capital)
        for cell, gain in zip(cells, gains, strict=True):
            brought[cell] = brought.get(cell, 0.0) + gain
            square[cell] = square.get(cell, prior) + gain * gain
    return wealth


def _kept(p: float) -> float:
    return min(max(p, 1e-6), 1 - 1e-6)


def _product(one: float, other: float) -> float:
    return one * other
