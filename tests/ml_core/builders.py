"""Small hand-made markets and bars for the tests of the core."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from ml_core.bars.arrays import Bars
from ml_core.market.market import Market, load_market
from ml_core.market.schedule import build_schedule, to_minute

MARKETS = Path(__file__).resolve().parents[2] / "deployments" / "markets"
BRISBANE = ZoneInfo("Australia/Brisbane")


def mgc(roll: str = "previous_day_volume") -> Market:
    """Return Micro Gold as shipped, optionally with another roll rule."""
    return load_market(MARKETS / "mgc.toml").model_copy(update={"roll": roll})


def nq() -> Market:
    """Return the E-mini Nasdaq-100 as shipped."""
    return load_market(MARKETS / "nq.toml")


def minute(day: str, clock: str) -> int:
    """Return the UTC minute of a local time in Brisbane."""
    return to_minute(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BRISBANE))


Row = tuple[int, int, int, int, int, int]
"""minute, open, high, low, close, volume"""


def bars_of(rows: Iterable[Row], contract: str = "MGCG4") -> Bars:
    """Return bars of one contract from rows in ticks."""
    return bars_of_contracts({contract: list(rows)})


def bars_of_contracts(rows: dict[str, Sequence[Row]]) -> Bars:
    """Return bars of several contracts from rows in ticks, in the order that Bars requires."""
    names = tuple(sorted(rows))
    flat = sorted(
        (row[0], code, *row[1:]) for code, name in enumerate(names) for row in rows[name]
    )
    columns = np.array(flat, dtype=np.int64).reshape(-1, 7).T
    prices = [column.astype(np.int32) for column in columns[2:6]]
    return Bars(
        symbol="MGC",
        contracts=names,
        minute=columns[0],
        contract=columns[1].astype(np.int32),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=columns[6],
    )


def flat_day(day: str, price: int = 20000, volume: int = 1) -> Row:
    """Return one quiet bar at 08:59 Brisbane the day after, with volume to choose a contract."""
    when = minute(day, "09:00") + 1439
    return (when, price, price, price, price, volume)


def walk(
    first: date,
    last: date,
    *,
    seed: int = 0,
    contracts: tuple[str, ...] = ("MGCG4",),
    missing: float = 0.1,
) -> Bars:
    """Return a driftless random walk over the exchange's hours, with minutes without trades.

    Several contracts trade side by side, 200 ticks apart, and the volume moves from one to the
    next through the period.
    """
    market = mgc()
    schedule = build_schedule(market, first - timedelta(days=1), last)
    hours = zip(schedule.exchange_open.tolist(), schedule.exchange_close.tolist(), strict=True)
    minutes = np.concatenate([np.arange(*span) for span in hours])
    draw = np.random.default_rng(seed)
    close = 20000 + np.cumsum(draw.normal(0, 4, len(minutes)).round().astype(np.int64))
    opened = np.concatenate([close[:1], close[:-1]])
    top = np.maximum(opened, close) + draw.integers(0, 3, len(minutes))
    bottom = np.minimum(opened, close) - draw.integers(0, 3, len(minutes))
    part = len(minutes) / len(contracts)
    rows: dict[str, Sequence[Row]] = {}
    for code, name in enumerate(contracts):
        away = np.abs(np.arange(len(minutes)) / part - code - 0.5)
        volume = np.maximum(1, 60 * (1.2 - away) + draw.integers(0, 5, len(minutes)))
        traded = (draw.random(len(minutes)) >= missing) & (away < 1.2)
        gap = 200 * code
        table = np.column_stack(
            [minutes, opened + gap, top + gap, bottom + gap, close + gap, volume.astype(np.int64)]
        )
        rows[name] = [tuple(row) for row in table[traded].tolist()]
    return bars_of_contracts(rows)
