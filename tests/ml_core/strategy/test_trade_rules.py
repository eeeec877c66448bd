"""Each part of a trade rule on hand-made bars, in tables that can be checked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ml_core.learning.datasets.assemble import assemble
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import slots_of
from ml_core.strategy.trades import TradedSlot
from tests.ml_core.builders import bars_of, flat_day, mgc, minute

DAY = "2024-01-16"
NINE = minute(DAY, "09:00")
COST = 4.48
BASE = 20000
"""The low of the range, whose high is 10 above; prices below are relative to it."""


def traded(trade: dict[str, Any], bars: str, candle: int = 6) -> TradedSlot:
    """Return the 09:00 slot of a range from 0 to 10 that opened at 5, and the minutes after it.

    Bars are open, high, low, close, in consecutive minutes; ``up`` is one that closes 2 above the
    range. There are no trades after them until the session's end.
    """
    four = [text.split() for text in bars.replace("up", "6 14 5 12").split(",")]
    prices = [[BASE + int(price) for price in bar] for bar in four]
    rows = [(NINE + 5 + at, *bar, 5) for at, bar in enumerate(prices)]
    window = (NINE, BASE + 5, BASE + 10, BASE, BASE + candle, 5)
    after = (minute(DAY, "17:00"), *[prices[-1][3]] * 4, 1)
    assembly = assemble(
        bars_of([flat_day("2024-01-15"), window, *rows, after]),
        mgc(),
        LabelSpec(),
        first=date(2024, 1, 16),
        last=date(2024, 1, 16),
        features=(),
    )
    rules = Rules.model_validate({"name": "any", "trade": trade})
    return next(slot for slot in slots_of(assembly, rules) if slot.opening_range == "0900")


ORDER = {"entry": "stop_order", "stop": {"ticks": 8}, "rr": 2.0}
RETEST = {"entry": "retest", "rr": 2.0}
EVEN = {"rr": 3, "break_even_after_r": 1}
TRAIL = {"rr": "none", "trail_r": 0.5}
HALF = {"rr": 2, "partial": {"r": 1}}
QUARTER = {"rr": 2, "partial": {"r": 1, "share": 0.25}}


@pytest.mark.parametrize(
    ("trade", "bars", "entry", "stop", "leave", "reason", "gross"),
    [
        # stops of an entry at 12
        ({"stop": "full"}, "up, 12 24 11 20", 12, 0, 24, "target", 1),
        ({"stop": "half"}, "up, 12 12 5 9", 12, 5, 5, "stop", -1),
        ({"stop": {"ticks": 4}}, "up, 12 13 8 9", 12, 8, 8, "stop", -1),
        # a gap through the stop is filled at the open, or where the label counts it
        ({}, "up, -6 -4 -10 -5", 12, 0, -6, "stop", -1.5),
        ({"stop_fill": "level"}, "up, -6 -4 -10 -5", 12, 0, 0, "stop", -1),
        # a gap through the target brings no more than the target
        ({}, "up, 40 50 30 45", 12, 0, 24, "target", 1),
        # both in one bar is the stop
        ({}, "up, 12 30 -10 12", 12, 0, 0, "stop", -1),
        # a target that must be traded through; no target; a target from the edge
        ({"limit_fill": "through"}, "up, 12 24 11 18", 12, 0, 18, "time", 0.5),
        ({"limit_fill": "through"}, "up, 12 25 11 18", 12, 0, 24, "target", 1),
        ({"rr": "none"}, "up, 12 99 11 36", 12, 0, 36, "time", 2),
        ({"anchor": "edge"}, "up, 12 20 11 15", 12, 0, 20, "target", 8 / 12),
        # the first close is not far enough beyond
        ({"entry_offset_ticks": 2}, "up, 12 16 10 14", 14, 0, 14, "time", 0),
        # stop order: filled at its price, at an open beyond it, at its offset
        (ORDER, "6 11 5 7, 6 8 4 6", 10, 2, 6, "time", -0.5),
        (ORDER, "14 15 13 14", 14, 6, 14, "time", 0),
        ({**ORDER, "entry_offset_ticks": 1}, "6 10 5 7, 6 11 6 6", 11, 3, 6, "time", -0.625),
        # stop order: its own bar reaches the target, or the stop, which comes first
        (ORDER, "6 26 5 20", 10, 2, 26, "target", 2),
        (ORDER, "6 26 2 20", 10, 2, 2, "stop", -1),
        # stop order: the open of before the entry is no gap through the stop
        ({**ORDER, "stop": {"ticks": 3}}, "5 11 4 10", 10, 7, 7, "stop", -1),
        # stop order: both edges in one bar, the nearer to the open is entered
        (ORDER, "7 10 0 5", 10, 2, 2, "stop", -1),
        (ORDER, "3 10 0 5", 0, 8, 8, "stop", -1),
        # retest: a limit order at the edge after a close beyond it; its own bar cannot win
        (RETEST, "up, 12 60 10 20, 20 25 15 22", 10, 0, 22, "time", 1.2),
        (RETEST, "up, 12 60 10 20, 20 30 15 22", 10, 0, 30, "target", 2),
        (RETEST, "up, 12 60 0 20", 10, 0, 0, "stop", -1),
        ({**RETEST, "limit_fill": "through"}, "up, 12 12 10 11, 11 11 9 10", 10, 0, 10, "time", 0),
        # break-even: after a close one risk away, from the next bar on
        (EVEN, "up, 12 26 12 24, 24 24 11 15", 12, 0, 12, "moved_stop", 0),
        (EVEN, "up, 12 26 12 23, 23 24 11 15", 12, 0, 15, "time", 0.25),
        # trailing: half a risk, 6, behind the best close; a gap is filled at the open
        (TRAIL, "up, 12 40 10 30, 30 31 24 25", 12, 0, 24, "moved_stop", 1),
        (TRAIL, "up, 12 40 10 30, 20 31 18 25", 12, 0, 20, "moved_stop", 8 / 12),
        # partial: half at 1 R, the rest at the target, at the stop; both targets in one bar
        (HALF, "up, 12 24 12 20, 20 36 19 30", 12, 0, 36, "target", 1.5),
        (HALF, "up, 12 24 12 20, 20 21 0 5", 12, 0, 0, "stop", 0),
        (HALF, "up, 12 40 0 30", 12, 0, 0, "stop", -1),
        (QUARTER, "up, 12 40 12 30", 12, 0, 36, "target", 1.75),
    ],
)
def test_a_trade_on_hand_made_bars(
    trade: dict[str, Any],
    bars: str,
    entry: int,
    stop: int,
    leave: int,
    reason: str,
    gross: float,
) -> None:
    slot = traded(trade, bars)
    assert slot.prices is not None
    prices = (slot.prices.entry - BASE, slot.prices.stop - BASE, (slot.prices.exit or 0) - BASE)
    assert (*prices, slot.prices.reason) == (entry, stop, leave, reason)
    assert slot.r_gross == pytest.approx(gross)
    assert slot.r_net == pytest.approx(gross - COST / abs(entry - stop))


DOWN_UP = "6 7 -10 -2, -2 14 -3 12"
CANDLE: dict[str, Any] = {"side": "first_candle"}
WAITING: dict[str, Any] = {**CANDLE, "first_break_only": False}


@pytest.mark.parametrize(
    ("changes", "candle", "bars", "side", "minutes"),
    [
        # the break of the other side ends the range, or does not
        (CANDLE, 6, DOWN_UP, None, None),
        (WAITING, 6, DOWN_UP, "long", 2),
        (CANDLE, 4, DOWN_UP, "short", 1),
        (WAITING, 5, DOWN_UP, None, None),
        ({}, 6, DOWN_UP, "short", 1),
        ({**ORDER, **CANDLE}, 6, DOWN_UP, None, None),
        ({**ORDER, **WAITING}, 6, DOWN_UP, "long", 2),
        # the last entry: known at its bar's close, 09:06 or 09:07
        ({"last_entry": "09:06"}, 6, "6 8 4 6, up", None, None),
        ({"last_entry": "09:07"}, 6, "6 8 4 6, up", "long", 2),
        ({"last_entry": "09:01"}, 6, "up", None, None),
        ({"last_entry": "08:59"}, 6, "up", "long", 1),  # of the trading day: tomorrow morning
        ({**ORDER, "last_entry": "09:06"}, 6, "up", "long", 1),
        ({**RETEST, "last_entry": "09:06"}, 6, "up, up", None, None),
        ({**RETEST, "last_entry": "09:07"}, 6, "up, up", "long", 2),
        # a stop in ATR trades nothing while the ATR is not known
        ({"stop": {"atr": 0.1}}, 6, "up", None, None),
    ],
)
def test_which_side_is_entered_and_when(
    changes: dict[str, Any], candle: int, bars: str, side: str | None, minutes: int | None
) -> None:
    slot = traded(changes, bars, candle)
    assert slot.side == side
    if minutes is not None:
        assert slot.entered_at == slot.decision_time + timedelta(minutes=minutes)
    else:
        assert (slot.entered_at, slot.r_net, slot.prices) == (None, None, None)
        assert slot.resolved_at is not None
