"""Bars that are not one minute long are refused, with their length."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ml_core.bars.arrow_values import MINUTE_US
from ml_core.bars.checks.step import StepError, refuse_other_step
from tests.ml_core.bars.lake.test_lake import START

ONE = START * MINUTE_US


def judge(minutes: list[float], contracts: list[int] | None = None) -> str | None:
    """Return the refusal of bars at these minutes; None if they pass."""
    stamps = ONE + (np.array(minutes) * MINUTE_US).astype(np.int64)
    code = np.array(contracts or [0] * len(minutes))
    try:
        refuse_other_step("bars.csv", stamps, code)
    except StepError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (5, "5-minute"),
        (15, "15-minute"),
        (60, "1-hour"),
        (240, "4-hour"),
        (1440, "1-day"),
        (2, "2-minute"),
    ],
)
def test_bars_of_another_length_are_refused(step: int, words: str) -> None:
    message = judge([at * step for at in range(40)])
    assert message is not None
    assert f"bars.csv holds {words} bars (40 that far apart)" in message
    assert "export 1-minute bars" in message


@pytest.mark.parametrize(("seconds", "words"), [(1, "1 s"), (5, "5 s"), (30, "30 s")])
def test_finer_rows_are_refused_with_how_minutes_are_made(seconds: int, words: str) -> None:
    message = judge([at * seconds / 60 for at in range(600)])
    assert message is not None
    assert f"{words} apart" in message
    assert "Seconds and ticks" in message


def test_a_missing_session_or_a_few_odd_rows_hide_no_step() -> None:
    five = [at * 5 for at in range(200)] + [3000 + at * 5 for at in range(200)]
    assert judge([*five, 7.0, 8.0]) is not None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_a_market_that_seldom_trades_passes(seed: int, share: float) -> None:
    traded = np.random.default_rng(seed).random(3000) < share
    assert judge(np.flatnonzero(traded).tolist()) is None


def test_one_row_in_twenty_off_the_grid_makes_it_none() -> None:
    off = [at * 5 + (1 if at % 20 == 0 else 0) for at in range(400)]
    assert judge(off) is None


def test_contracts_are_judged_each_by_itself() -> None:
    """Two contracts that trade in turn look like one-minute bars only when taken together."""
    assert judge([0, 1, 2, 3, 4, 5] * 4, [0] * 24) is None
    every_minute = list(range(60))
    assert judge(every_minute, [minute % 5 for minute in every_minute]) is None
    both_every_five = [minute for minute in range(0, 200, 5) for _ in range(2)]
    assert judge(both_every_five, [0, 1] * 40) is not None


def test_a_handful_of_bars_is_not_judged() -> None:
    assert judge([at * 5 for at in range(9)]) is None
    assert judge([at * 5 for at in range(10)]) is not None


@pytest.mark.parametrize(("step", "words"), [(2, "2-minute"), (5, "5-minute"), (15, "15-minute")])
def test_a_day_of_coarser_bars_among_days_of_minutes_is_refused(step: int, words: str) -> None:
    minutes = [day * 1440 + at for day in (0, 1, 3) for at in range(120, 720)]
    minutes += [2 * 1440 + at for at in range(120, 720, step)]

    message = judge(sorted(minutes))

    assert message is not None
    assert re.search(rf"bars.csv, on 2024-01-\d\d, holds {words} bars", message)


def test_a_day_on_which_little_is_traded_is_no_day_of_coarser_bars() -> None:
    minutes = [day * 1440 + at for day in range(30) for at in range(600)]
    minutes += [30 * 1440 + at for at in (0, 5, 10, 20, 25)]
    assert judge(minutes) is None
