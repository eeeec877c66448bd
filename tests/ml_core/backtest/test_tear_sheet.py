"""A tear sheet's figures, compared with a slow count by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.backtest.tear_sheet import Fall, tear_sheet
from tests.ml_core.backtest.test_value_added import path

RESULTS = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]), max_size=60)


def test_a_few_days_by_hand() -> None:
    # six slots a day: +1, then -2 -1 on the next, then +4 on the third
    r = [1.0, *[0.0] * 5, -2.0, -1.0, *[0.0] * 4, 4.0, *[0.0] * 5]
    size = [1.0, *[0.0] * 5, 1.0, 1.0, *[0.0] * 4, 0.5, *[0.0] * 5]
    sheet = tear_sheet(path(r, size))
    first, second, third = date(2025, 1, 6), date(2025, 1, 7), date(2025, 1, 8)
    assert sheet.days == (first, second, third)
    assert sheet.net_r.tolist() == [1.0, -3.0, 2.0]
    assert sheet.gross_r.tolist() == pytest.approx([1.2, -2.6, 2.1])
    assert sheet.running_net.tolist() == [1.0, -2.0, 0.0]
    assert sheet.below_high.tolist() == [0.0, -3.0, -1.0]
    assert sheet.fall == Fall(r=3.0, began=second, lowest=second, recovered=None)
    assert sheet.months == {(2025, 1): 0.0}
    assert (sheet.trades, sheet.longest_losing_run) == (4, 2)
    assert (sheet.best_day, sheet.worst_day) == (2.0, -3.0)
    assert sheet.profit_factor == pytest.approx(1.0)
    assert sheet.days_up == pytest.approx(2 / 3)


def test_a_fall_that_is_made_good_says_when() -> None:
    r = [x for day in (1.0, -1.0, -1.0, 1.0, 1.0, 1.0) for x in (day, *[0.0] * 5)]
    fall = tear_sheet(path(r, [1.0 if x else 0.0 for x in r])).fall
    assert (fall.r, fall.began) == (2.0, date(2025, 1, 7))
    assert (fall.lowest, fall.recovered) == (date(2025, 1, 8), date(2025, 1, 10))


@settings(max_examples=60)
@given(RESULTS)
def test_every_fall_run_and_sum_is_what_a_plain_count_gives(results: list[float]) -> None:
    taken = path([*results, 0.0], [*(1.0 for _ in results), 0.0])
    sheet = tear_sheet(taken)
    by_day: dict[date, float] = {}
    for trade in taken:
        by_day[trade.slot.trading_day] = by_day.get(trade.slot.trading_day, 0.0) + trade.r
    assert dict(zip(sheet.days, sheet.net_r.tolist(), strict=True)) == pytest.approx(by_day)
    high = running = deepest = 0.0
    for r in by_day.values():
        running += r
        high = max(high, running)
        deepest = max(deepest, high - running)
    assert sheet.fall.r == pytest.approx(deepest)
    assert -sheet.below_high.min() == pytest.approx(deepest)
    assert (sheet.fall.began is None) == (deepest == 0.0)
    longest = run = 0
    for r in results:
        run = run + 1 if r < 0 else 0
        longest = max(longest, run)
    assert sheet.longest_losing_run == longest
    assert sum(sheet.months.values()) == pytest.approx(sum(results))
    if sheet.sharpe is not None:
        values = np.array(list(by_day.values()))
        assert sheet.sharpe == pytest.approx(252**0.5 * values.mean() / values.std(ddof=1))


def test_days_all_alike_have_no_ratio_and_no_loss_no_factor() -> None:
    sheet = tear_sheet(path([1.0] * 12, [1.0] * 12))
    assert sheet.sharpe is None
    assert sheet.profit_factor is None
    assert sheet.fall == Fall(r=0.0, began=None, lowest=None, recovered=None)
