"""RSI, ATR and VWAP agree with TA-Lib, warm-up included."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import talib

from ml_core.bars.arrays import Bars
from ml_core.features.aggregates import aggregate
from ml_core.features.groups.levels import above_today_high, above_today_low
from ml_core.features.groups.momentum import RSI_STEP_MINUTES, RSI_STEPS, rsi14, vwap_distance
from ml_core.features.groups.volatility import atr14, atr20
from ml_core.features.history import History, read_history
from ml_core.features.view import View
from ml_core.features.wilder import relative_strength, wilder_average
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc, walk

FIRST, LAST = date(2023, 12, 1), date(2024, 1, 31)


@pytest.fixture(scope="module")
def history() -> History:
    bars: Bars = walk(FIRST, LAST, seed=11)
    schedule = build_schedule(mgc(), FIRST, LAST)
    return read_history(bars, mgc(), LabelSpec(), schedule)


@pytest.fixture(scope="module")
def view(history: History) -> View:
    return history.view(np.flatnonzero(history.ranges.usable))


@pytest.mark.parametrize("period", [14, 20])
def test_atr_is_talibs_on_the_same_21_completed_days(
    history: History, view: View, period: int
) -> None:
    # Arrange: daily bars by the shipped schedule, ATR by TA-Lib
    schedule = history.tape.schedule
    daily = aggregate(history.tape, schedule.day_start, schedule.day_end)
    traded = np.flatnonzero(daily.count)
    ours = atr14(view) if period == 14 else atr20(view)

    # Act: NaN where there are not 21 completed days yet
    expected = np.full(len(view), np.nan)
    for row, day in enumerate(view.day.tolist()):
        before = traded[traded < day][-21:]
        columns = (daily.high[before], daily.low[before], daily.close[before])
        if len(before) == 21:
            expected[row] = talib.ATR(*columns, timeperiod=period)[-1]

    # Assert
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    assert np.isfinite(expected).sum() > 100
    assert np.isnan(expected).sum() > 100


def test_rsi_is_talibs_on_the_same_five_minute_closes(view: View) -> None:
    ours = rsi14(view)

    back = np.arange(RSI_STEPS, -1, -1) * RSI_STEP_MINUTES
    at = view.tape.first_at((view.decision[:, None] - back).ravel()).reshape(len(view), -1) - 1
    five_hours = at[:, 0] >= 0  # the first two windows have less before them
    # adjusted ticks are only defined up to a constant: RSI does not see it
    closes = view.tape.close[at[five_hours]] + 1e6
    expected = [talib.RSI(row, 14)[-1] for row in closes]
    np.testing.assert_allclose(ours[five_hours], expected, rtol=1e-9)
    assert np.isnan(ours[~five_hours]).all()
    assert (~five_hours).sum() <= 3
    assert len(expected) > 200


def test_rsi_and_wilder_match_talib_at_every_step_of_the_warm_up() -> None:
    draw = np.random.default_rng(0)
    closes = 1000 + np.cumsum(draw.integers(-5, 6, 60)).astype(np.float64)

    oracle = talib.RSI(closes, 14)
    for length in range(15, 61):
        ours = relative_strength(closes[None, :length], 14)[0]
        assert ours == pytest.approx(oracle[length - 1], rel=1e-9)
    assert np.isnan(oracle[:14]).all()
    flat = relative_strength(np.full((1, 30), 7.0), 14)
    assert np.isnan(flat).all()  # a price that never moved has no relative strength
    assert np.isnan(wilder_average(np.array([[1.0, np.nan, 2.0]]), 2)).all()


def test_vwap_is_talibs_sum_of_turnover_over_sum_of_volume(history: History, view: View) -> None:
    ours = vwap_distance(view) * atr20(view)

    tape, start = history.tape, history.tape.schedule.day_start[view.day]
    typical = talib.TYPPRICE(
        *(prices.astype(np.float64) for prices in (tape.high, tape.low, tape.close))
    )
    volume = tape.volume.astype(np.float64)
    rows = np.flatnonzero(np.isfinite(atr20(view)))[::5]
    assert len(rows) > 20
    for row in rows:
        first, stop = tape.first_at(np.array([start[row], view.decision[row]])).tolist()
        count = stop - first
        turnover = talib.SUM((typical * volume)[first:stop], timeperiod=max(count, 2))[-1]
        traded = talib.SUM(volume[first:stop], timeperiod=max(count, 2))[-1]
        expected = view.price[row] - turnover / traded
        assert ours[row] == pytest.approx(expected, abs=1e-6)


def test_the_day_so_far_ends_at_the_decision(view: View) -> None:
    below_high, above_low = -above_today_high(view), above_today_low(view)
    finite = np.isfinite(below_high)
    assert finite.sum() > 100
    assert (below_high[finite] >= 0).all()
    assert (above_low[finite] >= 0).all()
