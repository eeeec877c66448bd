"""Bars in the form used for computing: integer ticks on UTC minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One-minute bars of every contract of one market.

    A bar is known only from ``minute + 1`` on. Rows are sorted by ``(minute, contract)``; each
    pair is unique.

    Attributes
    ----------
    symbol
        The market's symbol, e.g. ``MGC``.
    contracts
        The names behind the codes in ``contract``, sorted.
    minute
        Shape (n,), UTC minutes since the Unix epoch of each bar's OPEN.
    contract
        Shape (n,), index into ``contracts``.
    open, high, low, close
        Shape (n,), integer ticks.
    volume
        Shape (n,), contracts traded.
    """

    symbol: str
    contracts: tuple[str, ...]
    minute: NDArray[np.int64]
    contract: NDArray[np.int32]
    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    volume: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.minute)

    def between(self, first_minute: int, stop_minute: int) -> Bars:
        """Return the bars with ``first_minute <= minute < stop_minute`` (views, no copy)."""
        first, stop = np.searchsorted(self.minute, [first_minute, stop_minute])
        return take_rows(self, slice(first, stop))

    def of_contract(self, contract: str) -> NDArray[np.bool_]:
        """Return which bars are a contract's, shape (n,); none if it has no bars."""
        return np.array([name == contract for name in self.contracts], np.bool_)[self.contract]
