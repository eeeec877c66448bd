"""Made markets: every minute is drawn, with holes, rolls, quiet hours and flat windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas_market_calendars

from tests.ml_core.features.reference.plain_market import Bar

HOURLY_MOVES = (0.3, 1.0, 2.0, 3.0, 5.0)
"""Standard deviations, in ticks, of a minute's change; one is drawn for each hour."""


MISSING = 0.35
"""Share of minutes without trades."""


@dataclass(frozen=True)
class Plan:
    """The plan of a made market.

    Attributes
    ----------
    calendar
        Exchange calendar with the trading hours.
    first, last
        Trade dates.
    contracts
        Name, and last trade date as the busiest contract, in order.
    holes
        Spans of UTC minutes without trades.
    flats
        Spans in which the price does not move.
    """

    calendar: str
    first: date
    last: date
    contracts: Sequence[tuple[str, date]]
    seed: int
    holes: Sequence[tuple[int, int]] = ()
    flats: Sequence[tuple[int, int]] = ()


def made_bars(plan: Plan) -> dict[str, list[Bar]]:
    """Draw every contract's bars: one common path plus each contract's own distance from it."""
    draw = np.random.default_rng(plan.seed)
    minutes, front = (np.array(column) for column in zip(*_traded(plan), strict=True))
    flat = _inside(minutes, plan.flats)
    move = draw.choice(HOURLY_MOVES, len(minutes) // 60 + 1).repeat(60)[: len(minutes)]
    gaps = np.where(flat, 0, draw.normal(0, move / 3).round()).astype(int)
    bodies = np.where(flat, 0, draw.normal(0, move).round()).astype(int)
    close = 20000 + (gaps + bodies).cumsum()
    opened = close - bodies
    high = np.maximum(opened, close) + np.where(flat, 0, draw.integers(0, 3, len(minutes)))
    low = np.minimum(opened, close) - np.where(flat, 0, draw.integers(0, 3, len(minutes)))
    trades = (draw.random(len(minutes)) >= MISSING) & ~_inside(minutes, plan.holes)
    result = {}
    for place, (name, _) in enumerate(plan.contracts):
        # a new contract's distance from the path wanders: the gap is that of one minute alone
        basis = 200 * place - 37 + (draw.random(len(minutes)) < 0.01).cumsum()
        busy = front == place
        there = trades & (busy | ((abs(front - place) == 1) & (draw.random(len(minutes)) < 0.2)))
        volume = np.where(
            busy, draw.integers(20, 60, len(minutes)), draw.integers(1, 5, len(minutes))
        )
        prices = [column + basis for column in (opened, high, low, close)]
        columns = [column[there].tolist() for column in (minutes, *prices, volume)]
        result[name] = [Bar(*row) for row in zip(*columns, strict=True)]
    return result


def _traded(plan: Plan) -> Iterator[tuple[int, int]]:
    """Return every minute of the exchange's hours, and its busiest contract."""
    exchange: Any = pandas_market_calendars.get_calendar(plan.calendar)
    table = exchange.schedule(f"{plan.first}", f"{plan.last + timedelta(days=1)}")
    for stamp, row in zip(table.index, table.itertuples(), strict=True):
        if stamp.date() <= plan.last:
            front = sum(stamp.date() > last for _, last in plan.contracts[:-1])
            opens, closes = (int(time.timestamp()) // 60 for time in row[1:3])
            yield from ((minute, front) for minute in range(opens, closes))


def _inside(minutes: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    inside = np.zeros(len(minutes), bool)
    for start, stop in spans:
        inside |= (minutes >= start) & (minutes < stop)
    return inside
