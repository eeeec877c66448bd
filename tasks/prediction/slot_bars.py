"""The bars that a slot's decision can depend on, and the result of the wait for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml_core.bars.arrays import Bars
from ml_core.decision.plan_slot import OPEN_DAYS
from ml_core.decision.slot import Slot
from ml_core.features.history import HISTORY_DAYS
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from tasks.settings import Settings

if TYPE_CHECKING:
    from tasks.data.intake import RefreshResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Result of the wait for a slot's bars.

    Attributes
    ----------
    present
        Whether the slot's bars have arrived, or the exchange is closed and there are none.
    tries
        How often the source was read.
    trouble
        The error of the last reading, if any.
    bars
        The bars that the decision can depend on, as of the last reading.
    brought
        What each reading imported. It is announced only after the prediction is recorded, since
        the runs that the event starts would slow the prediction down.
    """

    present: bool
    tries: int
    trouble: str | None = None
    bars: Bars | None = field(default=None, compare=False, repr=False)
    brought: tuple[RefreshResult, ...] = field(default=(), compare=False)


def read_bars(settings: Settings, market: Market, slot: Slot) -> Bars:
    """Read the bars that the slot's decision can depend on: some weeks of bars closed by t0.

    Open trades of earlier days depend on the bars that were known at their own t0.
    """
    t0 = to_minute(slot.decision)
    days = HISTORY_DAYS + OPEN_DAYS.days + 2
    return settings.lake().read(market, t0 - days * 1440, t0)
