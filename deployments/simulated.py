"""A simulated market written as a trader's DuckDB database, with its true probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.files import written_atomically
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule
from ml_core.market.simulated_truth import Truth
from ml_core.market.simulation import simulate

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A simulated period.

    Attributes
    ----------
    bars, days
        Number of bars and of trading days.
    first, last
        First and last trading day.
    truth
        True P(UP) of every slot with a range.
    truth_day
        datetime64[D], shape (n,): trading day of each of those slots.
    """

    bars: int
    days: int
    first: date
    last: date
    truth: Truth
    truth_day: NDArray[np.datetime64]

    def truth_from(self, day: str) -> dict[str, float]:
        """Return the best possible figures for the slots from a trading day on."""
        rows = np.flatnonzero(self.truth_day >= np.datetime64(day))
        return take_rows(self.truth, rows).summary()


def write_database(
    path: Path,
    market: Market,
    first: date,
    last: date,
    edge: float,
    seed: int,
    on_progress: OnProgress | None = None,
    *,
    key: dict[str, Any] | None = None,
) -> Simulated:
    """Simulate a period into ``path``, table ``bars_1m`` with a contract column.

    Parameters
    ----------
    path
        The database; written atomically, replacing an earlier one.
    market
        Market whose calendar, ranges and tick are used.
    first, last
        Trading days, both included.
    edge
        Size of the planted edge in accuracy points; 0 plants none.
    seed
        The same seed gives the same bars.
    on_progress
        Called with (slots done, slots in all).
    key
        Parameters of the simulation, stored with the truth next to the database, so that
        :func:`read_truth` finds it again; without a key the truth is not stored.
    """
    schedule = build_schedule(market, first, last)
    world = simulate(market, schedule, seed=seed, edge=edge, on_progress=on_progress)
    names = np.array(world.contracts, dtype=object)
    stamps = world.minute.astype("datetime64[m]").astype("datetime64[us]")
    price = market.instrument.to_price
    bars = pa.table(
        {
            "ts_utc": pa.array(stamps, pa.timestamp("us")),
            "symbol": pa.array([market.symbol] * len(stamps)),
            "contract": pa.array(names[world.contract], pa.string()),
            **{name: price(getattr(world, name)) for name in ("open", "high", "low", "close")},
            "volume": world.volume,
        }
    )
    with written_atomically(path) as temporary:
        connection = duckdb.connect(str(temporary))
        connection.register("bars", bars)
        connection.execute("CREATE TABLE bars_1m AS SELECT * FROM bars ORDER BY ts_utc, contract")
        connection.close()
    made = Simulated(
        bars=len(stamps),
        days=len(schedule),
        first=schedule.days[0].item(),
        last=schedule.days[-1].item(),
        truth=world.truth,
        truth_day=schedule.days[world.truth.day],
    )
    if key is not None:
        _write_truth(path, made, key)
    return made


def read_truth(path: Path, key: dict[str, Any]) -> Simulated | None:
    """Return the earlier simulation in ``path``; None if there is none or its key differs."""
    beside = _beside(path)
    if not path.is_file() or not beside.is_file():
        return None
    kept = np.load(beside)
    about = json.loads(str(kept["about"]))
    if about["key"] != key:
        return None
    return Simulated(
        bars=about["bars"],
        days=about["days"],
        first=date.fromisoformat(about["first"]),
        last=date.fromisoformat(about["last"]),
        truth=Truth(**{name: kept[name] for name in Truth.__slots__}),
        truth_day=kept["truth_day"],
    )


def _write_truth(path: Path, made: Simulated, key: dict[str, Any]) -> None:
    about = {
        "key": key,
        "bars": made.bars,
        "days": made.days,
        "first": str(made.first),
        "last": str(made.last),
    }
    columns = {name: getattr(made.truth, name) for name in Truth.__slots__}
    with written_atomically(_beside(path)) as temporary, temporary.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), truth_day=made.truth_day, **columns)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-truth.npz")
