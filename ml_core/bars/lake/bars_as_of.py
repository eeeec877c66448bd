"""The bars as the lake had them at an earlier time, without later additions and revisions."""

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
from ml_core.bars.lake.lake import Lake
from ml_core.bars.lake.merge import among
from ml_core.bars.lake.month_file import as_bars, bars_of
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute

_KEY = ("contract", "ts")
_VALUES = (*PRICES, "volume")
_WITHDRAWN_AT = pa.field("withdrawn_at", pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChange:
    """A bar that was added, changed or withdrawn after a time.

    Attributes
    ----------
    contract, ts
        The bar's contract and the aware UTC time of its open.
    earlier, present
        Prices and volume as known then, and as they are now; None if the bar did not exist then,
        or no longer exists.
    changed_at
        When the present value was imported, or the bar was withdrawn; aware UTC.
    """

    contract: str
    ts: datetime
    earlier: dict[str, Any] | None
    present: dict[str, Any] | None
    changed_at: datetime

    def __str__(self) -> str:
        name = f"{self.contract} {self.ts:%Y-%m-%d %H:%M} UTC"
        if self.present is None:
            return f"{name} was withdrawn at {self.changed_at:%Y-%m-%d %H:%M:%S} UTC"
        if self.earlier is None:
            return f"{name} was imported at {self.changed_at:%Y-%m-%d %H:%M:%S} UTC"
        changed = (
            f"{value} {self.earlier[value]:g} to {self.present[value]:g}"
            for value in _VALUES
            if self.earlier[value] != self.present[value]
        )
        return f"{name} was revised, {', '.join(changed)}"


@dataclass(frozen=True, slots=True)
class BarsAsOf:
    """Bars as known at a time, and the differences of today's bars, in time order."""

    bars: Bars
    changes: tuple[BarChange, ...]


def bars_as_of(
    lake: Lake, market: Market, first_minute: int, stop_minute: int, at: datetime
) -> BarsAsOf:
    """Return the bars of a span of UTC minutes as the lake had them at an aware time.

    If a bar's present value was imported later, its latest value at that time is used, from the
    lake's record of revisions; without one the bar is left out. A bar that was withdrawn later is
    restored.

    Raises
    ------
    LakeDamagedError
        A month file cannot be read.
    """
    present = lake.stored(market, first_minute, stop_minute)
    is_later = pc.greater(present["ingested_at"], _moment(at))
    later = present.filter(is_later)
    before = _earlier_values(lake.revisions(market.symbol), at, first_minute, stop_minute)
    gone = before.filter(pc.invert(among(before, present)))
    if not len(later) and not len(gone):
        return BarsAsOf(_bars(present, market), ())
    earlier = {_key(row): row for row in before.to_pylist()}
    changes = [
        *(_change(row, earlier.get(_key(row))) for row in later.to_pylist()),
        *(_withdrawn(row) for row in gone.to_pylist()),
    ]
    unchanged = present.filter(pc.invert(is_later))
    put_back = before.filter(pc.invert(among(before, unchanged))).select(present.column_names)
    table = pa.concat_tables([unchanged, put_back])
    order = pc.sort_indices(table, sort_keys=[("ts", "ascending"), ("contract", "ascending")])
    in_order = sorted(changes, key=lambda change: (change.ts, change.contract))
    return BarsAsOf(_bars(table.take(order), market), tuple(in_order))


def _earlier_values(
    revisions: pa.Table | None, at: datetime, first_minute: int, stop_minute: int
) -> pa.Table:
    """Return each bar's latest earlier value known by a time, one row per bar.

    The columns are ``BAR_SCHEMA`` and ``withdrawn_at``. A bar that had been withdrawn by then and
    not imported again is not included.
    """
    if revisions is None:
        return BAR_SCHEMA.append(_WITHDRAWN_AT).empty_table()
    if "withdrawn_at" not in revisions.column_names:
        revisions = revisions.append_column(
            _WITHDRAWN_AT, pa.nulls(len(revisions), _WITHDRAWN_AT.type)
        )
    rows = as_bars(revisions).append_column(_WITHDRAWN_AT, revisions["withdrawn_at"])
    first, stop = (from_minute(minute) for minute in (first_minute, stop_minute))
    rows = rows.filter(
        pc.and_(
            pc.less_equal(rows["ingested_at"], _moment(at)),
            pc.and_(pc.greater_equal(rows["ts"], first), pc.less(rows["ts"], stop)),
        )
    )
    order = pc.sort_indices(
        rows, sort_keys=[*((name, "ascending") for name in _KEY), ("ingested_at", "descending")]
    )
    rows = rows.take(order)
    rows = rows.filter(pa.array(_first_of_a_bar(rows), pa.bool_()))
    withdrawn = rows["withdrawn_at"]
    return rows.filter(pc.or_kleene(pc.is_null(withdrawn), pc.greater(withdrawn, _moment(at))))


def _moment(at: datetime) -> pa.Scalar:
    return pa.scalar(at, _WITHDRAWN_AT.type)


def _key(row: dict[str, Any]) -> tuple[str, datetime]:
    return row["contract"], row["ts"]


def _first_of_a_bar(rows: pa.Table) -> NDArray[np.bool_]:
    keys = list(zip(rows["contract"].to_pylist(), rows["ts"].to_pylist(), strict=True))
    return np.array([not index or keys[index] != keys[index - 1] for index in range(len(keys))])


def _change(row: dict[str, Any], earlier: dict[str, Any] | None) -> BarChange:
    return BarChange(
        contract=row["contract"],
        ts=row["ts"],
        earlier=None if earlier is None else {name: earlier[name] for name in _VALUES},
        present={name: row[name] for name in _VALUES},
        changed_at=row["ingested_at"],
    )


def _withdrawn(row: dict[str, Any]) -> BarChange:
    return BarChange(
        contract=row["contract"],
        ts=row["ts"],
        earlier={name: row[name] for name in _VALUES},
        present=None,
        changed_at=row["withdrawn_at"],
    )


def _bars(rows: pa.Table, market: Market) -> Bars:
    coded = rows["contract"].combine_chunks().dictionary_encode()
    table = rows.set_column(rows.schema.get_field_index("contract"), "contract", coded)
    return bars_of(table.select(["contract", "ts", *_VALUES]), market.symbol, market.instrument)
