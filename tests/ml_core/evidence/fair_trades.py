"""Trade tables of a driftless price, for which every setup is worth exactly nothing."""

from __future__ import annotations

from itertools import product

import numpy as np

from ml_core.setups.setup import SetupGrid
from ml_core.setups.trades import TradeTable
from tests.ml_core.builders import mgc

SMALL = SetupGrid(
    ranges=("0900", "1000", "1800"),
    rrs=(1.0, 2.0),
    stops=("full",),
    days=("all", "Mon", "Thu"),
)
"""54 setups."""


def fair_table(
    days: int, seed: int, *, cost_r: float = 0.0, grid: SetupGrid = SMALL
) -> TradeTable:
    """Return trades of an exact martingale: from 0, P(reach x before -1) = 1/(1 + x), so E[R] = 0.

    Targets of one trade share its path: a trade that reached 2 R had reached 1 R.
    """
    draw = np.random.default_rng(seed)
    ranges = tuple(opening_range.name for opening_range in mgc().ranges)
    rules = tuple(product(grid.stops, grid.rrs))
    shape = (days, len(ranges))
    direction = draw.choice([1, -1, 0], p=[0.49, 0.49, 0.02], size=shape).astype(np.int16)
    farthest = {stop: 1.0 / draw.random(shape) - 1.0 for stop in grid.stops}
    gross = np.stack([np.where(farthest[stop] >= rr, rr, -1.0) for stop, rr in rules], axis=-1)
    gross[direction == 0] = np.nan
    return TradeTable(
        market="MGC",
        cost_ticks=0.0,
        days=np.busday_offset(np.datetime64("2020-01-06"), np.arange(days), roll="raise"),
        ranges=ranges,
        rules=rules,
        direction=direction,
        size=draw.lognormal(-2.0, 0.5, shape),
        gross=gross,
        net=gross - cost_r,
    )


def plant(table: TradeTable, opening_range: str, share: float, seed: int, *, days: slice) -> None:
    """Turn a share of one range's losing long trades into winners, in place."""
    spec = table.ranges.index(opening_range)
    lucky = np.random.default_rng(seed).random(len(table.days)) < share
    chosen = np.zeros(len(table.days), bool)
    chosen[days] = True
    rows = np.flatnonzero(chosen & lucky & (table.direction[:, spec] == 1))
    for rule, (_, rr) in enumerate(table.rules):
        cost = table.gross[rows, spec, rule] - table.net[rows, spec, rule]
        table.gross[rows, spec, rule] = rr
        table.net[rows, spec, rule] = rr - cost
