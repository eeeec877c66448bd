"""Freshness: whether the bars that a slot is decided on have come in."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from ml_core.bars.arrays import Bars
from ml_core.bars.continuous import (
    CHOICE_LOOKBACK_DAYS,
    NO_CONTRACT,
    SeveralContractsError,
    choose_contracts,
)
from ml_core.decision.slot import Slot
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, to_minute
from tasks.settings import Settings

_LOOKED_AHEAD = 7 * 1440  # minutes; the bar after a thin one comes within the week


def is_awaited(settings: Settings, market: Market, slot: Slot, bars: Bars) -> bool:
    """Return whether bars of the slot's window may still be to come.

    They are here once the contract that is traded has its bar of the window's last minute, or any
    contract has a later one. A minute without trades has no bar: only a later one proves that the
    source is past it. Another contract's bar of that minute proves nothing, since a writer may be
    between the two, unless nothing traded in the week before that a contract could be chosen by.
    Where the exchange is closed nothing is awaited.

    Parameters
    ----------
    settings, market, slot
        What is asked.
    bars
        Those that open before t0, of ``CHOICE_LOOKBACK_DAYS`` days and more.
    """
    day, t0 = slot.trading_day, to_minute(slot.decision)
    schedule = build_schedule(market, day - timedelta(days=CHOICE_LOOKBACK_DAYS), day)
    column = market.range_index(slot.opening_range)
    if schedule.days[-1] != np.datetime64(day) or not schedule.open[-1, column]:
        return False
    recent = bars.between(int(schedule.day_start[0]), t0)
    try:
        chosen = choose_contracts(recent, schedule.day_of(recent.minute), schedule, market.roll)
    except SeveralContractsError:
        return False  # waiting mends nothing; whoever decides on them says what is wrong
    last = recent.between(t0 - 1, t0)
    if np.any((last.contract == chosen[-1]) | (chosen[-1] == NO_CONTRACT)):
        return False
    return not len(settings.lake().read(market, t0, t0 + _LOOKED_AHEAD))
