"""The bars as the lake had them at an earlier time: late ones away, revised ones as before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.bars.contract import BAR_SCHEMA, PRICES
from ml_core.bars.lake import Lake
from ml_core.bars.month_file import bars_of
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute

_KEY = ("contract", "ts")
_VALUES = (*PRICES, "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChange:
    """A bar that came in, or was given another value, after a time.

    Attributes
    ----------
    contract, ts
        Which bar; aware UTC time of its open.
    earlier, present
        Prices and volume as they were known then, None if the bar was not; and as they are.
    changed_at
        When the present value came into the lake, aware UTC.
    """

    contract: str
    ts: datetime
    earlier: dict[str, Any] | None
    present: dict[str, Any]
    changed_at: datetime

    def __str__(self) -> str:
        name = f"{self.contract} {self.ts:%Y-%m-%d %H:%M} UTC"
        if self.earlier is None:
            return f"{name} came in at {self.changed_at:%Y-%m-%d %H:%M:%S} UTC"
        changed = (
            f"{each} {self.earlier[each]:g} to {self.present[each]:g}"
            for each in _VALUES
            if self.earlier[each] != self.present[each]
        )
        return f"{name} was revised, {', '.join(changed)}"


@dataclass(frozen=True, slots=True)
class AsKnown:
    """Bars as they stood at a time, and how those of today differ, in order of time."""

    bars: Bars
    changes: tuple[BarChange, ...]


def bars_as_known(
    lake: Lake, market: Market, first_minute: int, stop_minute: int, at: datetime
) -> AsKnown:
    """Give the bars of a span of UTC minutes as the lake had them at an aware time.

    A bar whose present value came in later is put back to the latest value it had by then, from
    the lake's record of revisions, or left out if it had none.

    Raises
    ------
    LakeDamagedError
        A month file cannot be read.
    """
    now = lake.stored(market, first_minute, stop_minute)
    then = pa.scalar(at, pa.timestamp("us", tz="UTC"))
    is_later = pc.greater(now["ingested_at"], then)
    later = now.filter(is_later)
    if not len(later):
        return AsKnown(_bars(now, market), ())
    before = _latest_by(lake.revisions(market.symbol), then, first_minute, stop_minute)
    known = {(row["contract"], row["ts"]): row for row in before.to_pylist()}
    changes = [_change(row, known.get((row["contract"], row["ts"]))) for row in later.to_pylist()]
    put_back = before.filter(_among(before, later))
    table = pa.concat_tables([now.filter(pc.invert(is_later)), put_back])
    order = pc.sort_indices(table, sort_keys=[("ts", "ascending"), ("contract", "ascending")])
    return AsKnown(_bars(table.take(order), market), tuple(changes))


def _latest_by(
    revisions: pa.Table | None, at: pa.Scalar, first_minute: int, stop_minute: int
) -> pa.Table:
    """Give the latest earlier value of each bar that came in by a time, one row a bar."""
    if revisions is None:
        return BAR_SCHEMA.empty_table()
    first, stop = (from_minute(each) for each in (first_minute, stop_minute))
    rows = revisions.select(BAR_SCHEMA.names).cast(BAR_SCHEMA)
    kept = rows.filter(
        pc.and_(
            pc.less_equal(rows["ingested_at"], at),
            pc.and_(pc.greater_equal(rows["ts"], first), pc.less(rows["ts"], stop)),
        )
    )
    if not len(kept):
        return kept
    order = pc.sort_indices(
        kept, sort_keys=[*((name, "ascending") for name in _KEY), ("ingested_at", "descending")]
    )
    kept = kept.take(order)
    return kept.filter(pa.array(_first_of_each(kept)))


def _first_of_each(rows: pa.Table) -> NDArray[np.bool_]:
    keys = list(zip(rows["contract"].to_pylist(), rows["ts"].to_pylist(), strict=True))
    return np.array([not index or keys[index] != keys[index - 1] for index in range(len(keys))])


def _among(rows: pa.Table, others: pa.Table) -> pa.Array:
    wanted = set(zip(others["contract"].to_pylist(), others["ts"].to_pylist(), strict=True))
    keys = zip(rows["contract"].to_pylist(), rows["ts"].to_pylist(), strict=True)
    return pa.array([each in wanted for each in keys], pa.bool_())


def _change(row: dict[str, Any], earlier: dict[str, Any] | None) -> BarChange:
    return BarChange(
        contract=row["contract"],
        ts=row["ts"],
        earlier=None if earlier is None else {name: earlier[name] for name in _VALUES},
        present={name: row[name] for name in _VALUES},
        changed_at=row["ingested_at"],
    )


def _bars(rows: pa.Table, market: Market) -> Bars:
    coded = rows["contract"].combine_chunks().dictionary_encode()
    table = rows.set_column(rows.schema.get_field_index("contract"), "contract", coded)
    return bars_of(table.select(["contract", "ts", *_VALUES]), market.symbol, market.instrument)
