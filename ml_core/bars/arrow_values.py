"""Converts Arrow values to Python and NumPy without pandas, which Arrow's own ways import."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(stamp: pa.Scalar) -> datetime:
    """Return a stored time (microseconds, UTC) as an aware datetime."""
    return _EPOCH + timedelta(microseconds=stamp.value)


def minutes_of(stamps: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Return times without nulls (microseconds, UTC) as whole minutes since the epoch."""
    minutes: NDArray[np.int64] = numbers_of(stamps.cast(pa.int64())) // MINUTE_US
    return minutes


def distinct(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct values of an ascending array, much faster than without the order.

    >>> distinct(np.array([1, 1, 3, 4, 4])).tolist()
    [1, 3, 4]
    """
    is_new = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_new[1:])
    return ascending[is_new]


def codes_of(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct texts of a column, sorted, and each row's index into them.

    A null is coded as -1. Arrow does the comparison: NumPy would make a string of every row.

    >>> codes_of(pa.chunked_array([["b", "a"], ["b", None]]))
    (['a', 'b'], array([ 1,  0,  1, -1]))
    """
    encoded = column.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    rank = np.empty(len(names) + 1, np.int64)
    rank[np.argsort(np.array(names, dtype=str), kind="stable")] = np.arange(len(names))
    rank[-1] = -1
    return sorted(names), rank[encoded.indices.fill_null(-1).to_numpy()]


def numbers_of(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """Return a column of numbers without nulls, shape (n,), read-only.

    >>> numbers_of(pa.chunked_array([[1, 2], [3]])).tolist()
    [1, 2, 3]
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: NDArray[Any] = np.from_dlpack(whole)
    return values


def microseconds_of(table: pa.Table) -> NDArray[np.int64]:
    """Return the column ``ts`` as microseconds since 1970, shape (n,); null is the least int64."""
    stamps: NDArray[np.int64] = table["ts"].cast(pa.timestamp("us")).to_numpy().view(np.int64)
    return stamps
