"""The bars that a slot's decision can depend on, and what came of waiting for them."""

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
    """What came of waiting.

    Attributes
    ----------
    present
        The slot's bars are here, or the exchange is closed and there are none.
    tries
        How often the source was read.
    trouble
        What was wrong with it the last time, if anything.
    bars
        What the slot's decision can depend on, as read the last time.
    brought
        What each reading brought in. It is announced once the slot is answered: what the news
        starts would take its time from the answer.
    """

    present: bool
    tries: int
    trouble: str | None = None
    bars: Bars | None = field(default=None, compare=False, repr=False)
    brought: tuple[RefreshResult, ...] = field(default=(), compare=False)


def read_bars(settings: Settings, market: Market, slot: Slot) -> Bars:
    """Read what the slot's decision can depend on: some weeks of bars closed by t0.

    Trades of the days before, which may still be open, rest on what was known at their own t0.
    """
    t0 = to_minute(slot.decision)
    days = HISTORY_DAYS + OPEN_DAYS.days + 2
    return settings.lake().read(market, t0 - days * 1440, t0)
