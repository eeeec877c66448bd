"""Check whether the bars that a slot's decision needs have arrived."""

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

_LOOKED_AHEAD = 7 * 1440  # minutes; even a thinly traded contract has another bar by then


def is_awaited(settings: Settings, market: Market, slot: Slot, bars: Bars) -> bool:
    """Return whether bars of the slot's window may still arrive.

    The bars are complete once the traded contract has its bar of the window's last minute, or any
    contract has a later bar. A minute without trades has no bar: only a later bar proves that the
    source is past it. Another contract's bar of that minute proves nothing, since the writer may
    be between the two contracts; it does count when no contract could be chosen because nothing
    traded in the lookback days. Nothing is awaited while the exchange is closed.

    Parameters
    ----------
    settings, market, slot
        The installation, and the slot with its market.
    bars
        Bars that open before t0, of at least the last ``CHOICE_LOOKBACK_DAYS`` days.
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
        return False  # waiting does not help; the prediction step reports the error
    last = recent.between(t0 - 1, t0)
    if np.any((last.contract == chosen[-1]) | (chosen[-1] == NO_CONTRACT)):
        return False
    return not len(settings.lake().read(market, t0, t0 + _LOOKED_AHEAD))
