"""Executions at prices that the bars do not have, as after a wrong zone, contract or column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ml_core.bars.arrays import Bars
from ml_core.fills.fill import Fill
from ml_core.market.instrument import Instrument
from ml_core.market.schedule import to_minute

_MINUTES = 1  # before and after, since clocks differ by seconds
_TICKS = 2 + 1e-6  # by which a price may lie beyond: bars can be rounded, or lack a trade


@dataclass(frozen=True, slots=True, kw_only=True)
class FillOffBars:
    """An execution outside the bars around its time.

    Attributes
    ----------
    fill
        The execution.
    low, high
        Lowest and highest price of its contract from the minute before to the minute after.
    """

    fill: Fill
    low: float
    high: float

    @property
    def words(self) -> str:
        """One line."""
        return (
            f"line {self.fill.source_line}: {self.fill.price:,.10g} at "
            f"{self.fill.time:%Y-%m-%d %H:%M:%S} UTC, when {self.fill.contract} traded from "
            f"{self.low:,.10g} to {self.high:,.10g}"
        )


def fills_off_bars(
    fills: Iterable[Fill], bars: Bars, instrument: Instrument
) -> tuple[FillOffBars, ...]:
    """Return the executions whose price lies more than two ticks beyond the bars around them.

    Those around which there are no bars are left out. An execution without a contract is compared
    with the bars of every contract.
    """
    tick = float(instrument.tick_size)
    off = []
    for fill in fills:
        minute, price = to_minute(fill.time), fill.price / tick
        around = bars.between(minute - _MINUTES, minute + _MINUTES + 1)
        is_named = fill.contract != bars.symbol
        which = around.of_contract(fill.contract) if is_named else np.ones(len(around), np.bool_)
        if not which.any():
            continue
        low, high = float(around.low[which].min()), float(around.high[which].max())
        if max(low - price, price - high) > _TICKS:
            off.append(FillOffBars(fill=fill, low=low * tick, high=high * tick))
    return tuple(off)
