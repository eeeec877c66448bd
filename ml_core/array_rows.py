"""Selects rows of a dataclass that holds its columns as arrays."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Columns = TypeVar("Columns")


def take_rows(columns: Columns, rows: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Columns:
    """Return a copy with these rows of every array; fields that are not arrays stay unchanged.

    Parameters
    ----------
    columns
        A dataclass whose arrays all have n rows.
    rows
        A mask of shape (n,), positions, or a slice (which copies nothing).
    """
    table: Any = columns
    arrays = {
        field.name: values[rows]
        for field in fields(table)
        if isinstance(values := getattr(table, field.name), np.ndarray)
    }
    made: Columns = replace(table, **arrays)
    return made
