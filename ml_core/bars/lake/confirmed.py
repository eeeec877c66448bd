"""Bars that a reading confirmed unchanged, so that they survive the removal of their batch.

A bar is stored with the reading that brought it. If that reading is removed, a reading that
confirmed the bar becomes its owner, because it contained the bar too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml_core.bars.arrow_values import codes_of, minutes_of
from ml_core.bars.contract import BAR_SCHEMA
from ml_core.bars.lake.month_file import reading_month_file, write_rows
from ml_core.files import written_atomically

SCHEMA = pa.schema([BAR_SCHEMA.field(name) for name in ("contract", "ts", "brought_by")])
"""A confirmed bar, and the reading that owned it in the lake at that time."""


Confirmed = Callable[[str], pa.Table]
"""Returns the bars a reading confirmed, columns of ``SCHEMA``, by time and contract."""


class Confirmations:
    """The bars that readings confirmed, one file per reading and month.

    Parameters
    ----------
    folder
        Where they are kept, which may not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, month: str, batch_id: str, bars: pa.Table) -> None:
        """Record which bars of a month (columns of ``SCHEMA``) a reading confirmed."""
        others = bars.filter(pa.array(_holders(bars) != batch_id))
        if len(others):
            with written_atomically(self._path(month, batch_id)) as temporary:
                write_rows(others.select(SCHEMA.names), temporary)

    def of(self, month: str, batch_id: str) -> pa.Table:
        """Return the bars of a month that a reading confirmed, by time and contract."""
        path = self._path(month, batch_id)
        if not path.exists():
            return SCHEMA.empty_table()
        with reading_month_file(path):
            return pq.ParquetFile(path).read().select(SCHEMA.names).cast(SCHEMA)

    def holders(self, month: str, bars: pa.Table, readings: Sequence[str]) -> NDArray[np.object_]:
        """Return for each bar which of some readings had it unchanged; None if none had.

        Parameters
        ----------
        month
            Month of the bars.
        bars
            Columns of ``SCHEMA`` and more.
        readings
            The readings, in time order; if several match, the latest is returned.
        """
        holder = np.full(len(bars), None, dtype=object)
        of = cache(lambda batch_id: self.of(month, batch_id))
        brought_by = _first_holders(bars, of)
        for reading in reversed(readings):
            own, left = of(reading), np.flatnonzero(holder == None)  # noqa: E711 - elementwise
            if not len(left):
                break
            place, there = _places(own, bars.take(left))
            rows, of_own = left[there], own.take(place[there])
            alike = _first_holders(of_own, of) == brought_by[rows]
            holder[rows[alike]] = reading
        return holder

    def first_holders(self, month: str, bars: pa.Table) -> pa.Table:
        """Return bars, columns of ``SCHEMA``, with the reading that first brought each of them."""
        first = _first_holders(bars, lambda batch_id: self.of(month, batch_id))
        column = pa.array(first.tolist(), pa.string())
        return bars.select(["contract", "ts"]).append_column("brought_by", column)

    def _path(self, month: str, batch_id: str) -> Path:
        return self._folder / f"{month}-{batch_id}.parquet"


def _first_holders(bars: pa.Table, of: Confirmed) -> NDArray[np.object_]:
    """Return which reading first brought each bar, with the value it had in the lake."""
    first = _holders(bars)
    pending = np.arange(len(bars))
    while len(pending):
        earlier = []
        for batch_id in {*first[pending].tolist()} - {None}:
            rows = pending[first[pending] == batch_id]
            confirmed = of(batch_id)
            place, there = _places(confirmed, bars.take(rows))
            first[rows[there]] = _holders(confirmed.take(place[there]))
            earlier.append(rows[there])
        pending = np.concatenate([np.empty(0, np.int64), *earlier])
    return first


def _holders(bars: pa.Table) -> NDArray[np.object_]:
    return np.array(bars["brought_by"].to_pylist(), dtype=object)


def _places(bars: pa.Table, wanted: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return each wanted bar's position in ``bars``, and whether it is there."""
    key, wanted_key = keys_of(bars, wanted)
    place = np.searchsorted(key, wanted_key)
    there = place < len(key)
    there[there] = key[place[there]] == wanted_key[there]
    return place, there


def keys_of(old: pa.Table, new: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return one number per bar, ordered by (time, contract), consistent for both tables."""
    both = pa.chunked_array(
        [chunk for table in (old, new) for chunk in table["contract"].chunks], pa.string()
    )
    names, code = codes_of(both)
    stamps = [minutes_of(table["ts"]) for table in (old, new)]
    key = np.concatenate(stamps) * max(len(names), 1) + code
    return key[: len(old)], key[len(old) :]
