"""The effect of a batch on a month of bars: bars added, changed and removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_core.bars.arrow_values import numbers_of
from ml_core.bars.contract import BAR_SCHEMA, PRICES
from ml_core.bars.lake.confirmed import SCHEMA, keys_of
from ml_core.market.market import Market

_VALUES = (*PRICES, "volume")

Revisions = Callable[[str, pa.Table], pa.Table]
"""Returns those of some bars that a batch changed, as they were; columns of ``BAR_SCHEMA``."""

Holders = Callable[[pa.Table], NDArray[np.object_]]
"""Returns for each bar which valid batch had it unchanged; None if none had."""


@dataclass(frozen=True, slots=True)
class MonthChange:
    """The effect of a batch on a month.

    Attributes
    ----------
    merged
        The month afterwards, columns of ``BAR_SCHEMA``.
    earlier
        The bars that were changed or removed, as they were, with ``withdrawn_at``: null if another
        value replaced them.
    added, revised, withdrawn, unchanged
        Counts of bars; bars of the batch that were here with the same values count as unchanged.
    brought
        Import time of bars that the same batch brought in an earlier run that was cut short. None
        if there are none.
    differs
        Whether anything in the month changes, even if only the batch that a bar belongs to.
    confirmed
        The bars of the batch that were here unchanged, columns of ``confirmed.SCHEMA``.
    """

    merged: pa.Table
    earlier: pa.Table
    added: int
    revised: int
    withdrawn: int
    unchanged: int
    differs: bool
    confirmed: pa.Table
    brought: pa.ChunkedArray | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Bars to be removed from a month before a batch is merged.

    Attributes
    ----------
    gone
        For each of the month's rows, in order, whether the bar is removed.
    restored
        The earlier values of those bars, to be restored; columns of ``BAR_SCHEMA``.
    """

    gone: NDArray[np.bool_]
    restored: pa.Table


def merge(
    old: pa.Table, new: pa.Table, now: datetime, withdrawal: Withdrawal | None = None
) -> MonthChange:
    """Compute a month with new bars merged in; nothing is written.

    Parameters
    ----------
    old, new
        The month's bars and the batch's, columns of ``BAR_SCHEMA``, by time and contract, each key
        once.
    now
        The time, aware; it is recorded with removed bars.
    withdrawal
        Bars to remove first, if any.
    """
    base = old
    if withdrawal is not None:
        stays = old.filter(pa.array(~withdrawal.gone))
        base = _in_order(pa.concat_tables([stays, withdrawal.restored]))
    base_key, new_key = keys_of(base, new)
    place, there, differs = _matched(base, base_key, new, new_key)
    same = place[there & ~differs]
    brought = None
    if len(new):
        own = pc.fill_null(pc.equal(base["brought_by"], new["brought_by"][0]), False).to_numpy()
        brought = base["ingested_at"].take(same[own[same]])
        same = same[~own[same]]
    confirmed = base.take(same).select(SCHEMA.names)
    unclaimed = same[base["brought_by"].is_null().to_numpy()[same]]
    if len(unclaimed):
        base = _claim(base, unclaimed, new["brought_by"][0].as_py())
    stays = np.ones(len(base), bool)
    stays[place[differs]] = False
    comes = ~there | differs
    enters = new.filter(pa.array(comes))
    order = np.argsort(np.concatenate([base_key[stays], new_key[comes]]), kind="stable")
    merged = pa.concat_tables([base.filter(pa.array(stays)), enters]).take(order)
    if withdrawal is not None:
        return _compared(old, new, merged, confirmed, now)
    return MonthChange(
        merged=merged,
        earlier=_with_withdrawal_time(old.take(place[differs]), None),
        added=int((~there).sum()),
        revised=int(differs.sum()),
        withdrawn=0,
        unchanged=len(same),
        differs=bool(len(enters) or len(unclaimed)),
        confirmed=confirmed,
        brought=brought,
    )


def _compared(
    old: pa.Table, new: pa.Table, merged: pa.Table, confirmed: pa.Table, now: datetime
) -> MonthChange:
    """Return the change of a month after bars were removed and others merged in.

    A bar that was removed and added again unchanged keeps its import time.
    """
    place, there, differs = _compare(merged, old)
    same = there & ~differs
    taken = np.arange(len(merged))
    taken[place[same]] = len(merged) + np.flatnonzero(same)
    for name in ("source", "ingested_at"):
        index = merged.schema.get_field_index(name)
        column = pa.chunked_array([*merged[name].chunks, *old[name].chunks]).take(taken)
        merged = merged.set_column(index, merged.schema.field(name), column)
    revised, gone = old.filter(pa.array(differs)), old.filter(pa.array(~there))
    _, was_here, changed = _compare(old, new)
    return MonthChange(
        merged=merged,
        earlier=pa.concat_tables(
            [_with_withdrawal_time(revised, None), _with_withdrawal_time(gone, now)]
        ),
        added=len(merged) - int(there.sum()),
        revised=len(revised),
        withdrawn=len(gone),
        unchanged=int((was_here & ~changed).sum()),
        differs=True,
        confirmed=confirmed,
    )


def have_all(bars: pa.Table, wanted: pa.Table) -> bool:
    """Return whether every wanted bar is in ``bars``, with the same values."""
    _, there, differs = _compare(bars, wanted)
    return bool((there & ~differs).all())


def canonical(
    rows: pa.Table, market: Market, *, source: str, now: datetime, batch_id: str
) -> pa.Table:
    """Return valid raw rows as bars of the lake, columns of ``BAR_SCHEMA``.

    Volume is in units of the market's smallest volume.
    """
    count = len(rows)
    columns = {
        "symbol": pa.repeat(market.symbol, count),
        "contract": rows["contract"],
        "ts": rows["ts"],
        **{name: rows[name] for name in PRICES},
        "volume": market.instrument.to_volume_steps(rows["volume"].to_numpy()),
        "source": pa.repeat(source, count),
        "ingested_at": _all_at(now, count),
        "brought_by": pa.repeat(batch_id, count),
    }
    return pa.table(columns, schema=BAR_SCHEMA)


def earlier_values(
    gone: pa.Table, revisions: Revisions, holders: Holders, withdrawn: set[str]
) -> pa.Table:
    """Return the values to restore for bars that are removed.

    Parameters
    ----------
    gone
        The bars to remove, columns of ``BAR_SCHEMA``.
    revisions
        Called with a batch and its bars; returns the bars it changed, as they were.
    holders
        Called with bars; returns for each the valid batch that had it unchanged, if any.
    withdrawn
        Batches whose values are restored only if another batch had them too; otherwise the values
        that they had changed are restored.

    Returns
    -------
    pyarrow.Table
        Columns of ``BAR_SCHEMA``; at most one row per bar, none if there was no earlier value.
    """
    restored, pending = [BAR_SCHEMA.empty_table()], gone
    while len(pending):
        holder = holders(pending)
        kept = holder != None  # noqa: E711 - of each
        restored.append(_held_by(pending.filter(pa.array(kept)), holder[kept]))
        pending = pending.filter(pa.array(~kept))
        earlier = [
            revisions(batch_id, pending.filter(pc.equal(pending["brought_by"], batch_id)))
            for batch_id in pc.unique(pending["brought_by"]).drop_null().to_pylist()
        ]
        rows = pa.concat_tables([BAR_SCHEMA.empty_table(), *earlier])
        again = pc.fill_null(
            pc.is_in(rows["brought_by"], pa.array(sorted(withdrawn), pa.string())), False
        )
        restored.append(rows.filter(pc.invert(again)))
        pending = rows.filter(again)
    return pa.concat_tables(restored)


def _held_by(rows: pa.Table, batches: NDArray[np.object_]) -> pa.Table:
    index = BAR_SCHEMA.get_field_index("brought_by")
    column = pa.array(batches.tolist(), pa.string())
    return rows.set_column(index, BAR_SCHEMA.field(index), column)


def arriving(rows: pa.Table, now: datetime) -> pa.Table:
    """Return bars with an aware time as their import time."""
    index = BAR_SCHEMA.get_field_index("ingested_at")
    return rows.set_column(index, BAR_SCHEMA.field(index), _all_at(now, len(rows)))


def _all_at(now: datetime | None, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), count)


def _with_withdrawal_time(rows: pa.Table, now: datetime | None) -> pa.Table:
    return rows.append_column("withdrawn_at", _all_at(now, len(rows)))


def _claim(rows: pa.Table, places: NDArray[np.int64], batch_id: str) -> pa.Table:
    """Record a batch as the owner of bars stored without their batch."""
    index = rows.schema.get_field_index("brought_by")
    claimed = np.zeros(len(rows), bool)
    claimed[places] = True
    column = pc.if_else(pa.array(claimed), batch_id, rows["brought_by"])
    return rows.set_column(index, rows.schema.field(index), column)


def _in_order(rows: pa.Table) -> pa.Table:
    key, _ = keys_of(rows, rows.slice(0, 0))
    return rows.take(np.argsort(key, kind="stable"))


def among(rows: pa.Table, wanted: pa.Table) -> pa.Array:
    """Return which rows have the time and contract of some wanted row."""
    row_key, wanted_key = keys_of(rows, wanted)
    return pa.array(np.isin(row_key, wanted_key))


def _compare(
    base: pa.Table, rows: pa.Table
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return each row's position in ``base``, whether it is there, and whether it differs."""
    base_key, row_key = keys_of(base, rows)
    return _matched(base, base_key, rows, row_key)


def _matched(
    base: pa.Table, base_key: NDArray[np.int64], rows: pa.Table, row_key: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the same for tables whose keys are known."""
    place = np.searchsorted(base_key, row_key)
    there = place < len(base_key)
    there[there] = base_key[place[there]] == row_key[there]
    differs = np.zeros(len(rows), bool)
    for name in _VALUES:
        values = numbers_of(rows[name])[there]
        differs[there] |= numbers_of(base[name])[place[there]] != values
    return place, there, differs
