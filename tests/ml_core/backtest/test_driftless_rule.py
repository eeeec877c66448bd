"""The driftless baseline of a rule: the closed form where there is one, and detected drift."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from ml_core.backtest.driftless_rule import BesideDriftless, beside_driftless, driftless_trades
from ml_core.bars.arrays import Bars
from ml_core.learning.datasets.assemble import Assembly
from ml_core.strategy.feeds import driftless_bars
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rule_setups, rules_history, slots_of
from ml_core.strategy.trades import backtest
from tests.ml_core.builders import mgc, walk

FIRST, LAST = date(2024, 1, 16), date(2024, 2, 2)


def by_single_ticks(*, drift: float = 0.0) -> Bars:
    """Return bars that move by one tick a minute and never jump, so that no level is overshot."""
    bars = walk(date(2024, 1, 8), LAST, missing=0.0)
    draw = np.random.default_rng(4)
    step = np.where(draw.random(len(bars.minute)) < 0.5 + drift, 1, -1)
    close = (20000 + np.cumsum(step)).astype(np.int32)
    opened = (close - step).astype(np.int32)
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    return replace(bars, open=opened, high=top, low=bottom, close=close)


def assembled(bars: Bars) -> Assembly:
    return rules_history(bars, mgc(), Rules(name="any"), first=FIRST, last=LAST)


def rules_of(trade: dict[str, Any]) -> Rules:
    values = {"one_position": False, "daily_loss_limit_r": 1e9, "max_trades_per_day": 9}
    return Rules.model_validate({"name": "any", "trade": trade, **values})


TARGET = {"stop": {"ticks": 4}, "rr": 2.0, "scan_end": "next_day_start"}


@pytest.mark.parametrize("entry", ["close", "stop_order", "retest"])
def test_with_a_stop_and_a_target_alone_it_is_the_first_passage(entry: str) -> None:
    assembly = assembled(by_single_ticks())
    made = driftless_trades(assembly, rules_of({**TARGET, "entry": entry}), walks=8)
    ended = np.isfinite(made.r_gross)
    won = made.r_gross[ended] > 0
    count = ended.sum()
    assert count > 500
    # 4 ticks from the stop and 8 from the target: 4 / (4 + 8)
    assert won.mean() == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / count))
    assert made.r_gross[ended].mean() == pytest.approx(0, abs=4 * np.sqrt(2 / count))


def compared(bars: Bars, trade: dict[str, Any]) -> BesideDriftless:
    assembly, rules = assembled(bars), rules_of(trade)
    taken = backtest(rules, slots_of(assembly, rules))
    beside = beside_driftless(taken, driftless_trades(assembly, rules, walks=8))
    assert beside is not None
    return beside


@pytest.mark.parametrize("trade", [TARGET, {"rr": "none", "trail_r": 1.5}])
def test_a_drift_is_above_it_and_leaves_it_as_it_was(trade: dict[str, Any]) -> None:
    with_drift = {**trade, "side": "either", "first_break_only": False}
    rising = compared(by_single_ticks(drift=0.2), with_drift)
    assert rising.above.above_zero
    assert rising.gross_per_trade == pytest.approx(0, abs=0.15)
    still = compared(by_single_ticks(), with_drift)
    assert not still.above.above_zero
    assert not still.above.below_zero


def test_a_walk_moves_as_far_as_the_bars_do_and_is_the_same_for_every_rule() -> None:
    assembly = assembled(walk(date(2024, 1, 8), LAST, seed=2))
    tape = assembly.tape
    ((_, setups),) = rule_setups(assembly, rules_of({}))
    walks = np.full(len(setups), 3)
    feed, again = (driftless_bars(tape, setups.close, 0, walks) for _ in range(2))
    rows, before = np.arange(len(setups)), setups.close
    for offset in range(20):
        bar = setups.first_bar + offset
        prices, same = feed(rows, bar), again(rows[::-1], bar[::-1])
        np.testing.assert_array_equal(prices.close, same.close[::-1])
        change = tape.close[bar] - tape.close[bar - 1]
        np.testing.assert_array_equal(np.abs(prices.close - before), np.abs(change))
        np.testing.assert_array_equal(prices.high - prices.low, tape.high[bar] - tape.low[bar])
        assert (prices.high >= np.maximum(prices.open, prices.close)).all()
        assert (prices.low <= np.minimum(prices.open, prices.close)).all()
        before = prices.close


def test_nothing_traded_has_nothing_beside_it() -> None:
    assembly = assembled(walk(date(2024, 1, 8), LAST, seed=2))
    rules = rules_of({"last_entry": "09:01"})
    taken = backtest(rules, slots_of(assembly, rules))
    made = driftless_trades(assembly, rules, walks=2)
    assert beside_driftless(taken, made, "1000") is None
