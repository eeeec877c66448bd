"""Executions at prices that the bars do not have are named: a wrong zone shows in them."""

from __future__ import annotations

import pytest

from ml_core.bars.arrays import Bars
from ml_core.fills.fill import Fill
from ml_core.fills.off_bars import fills_off_bars
from ml_core.market.schedule import to_minute
from tests.ml_core.builders import bars_of_contracts, mgc
from tests.ml_core.fills.made_fills import BEGIN, fill

GOLD = mgc().instrument
FIRST = to_minute(BEGIN)


@pytest.fixture(scope="module")
def bars() -> Bars:
    """From 3380.0 to 3381.0 at 00:12, from 3382.0 to 3383.0 at 00:13; December is dearer."""
    return bars_of_contracts(
        {
            "MGCQ5": [
                (FIRST, 33805, 33810, 33800, 33806, 9),
                (FIRST + 1, 33825, 33830, 33820, 33826, 9),
            ],
            "MGCZ5": [(FIRST, 34505, 34510, 34500, 34506, 9)],
        }
    )


@pytest.mark.parametrize(
    ("second", "price", "contract", "off"),
    [
        (0, 3380.0, "MGCQ5", False),
        (0, 3379.8, "MGCQ5", False),  # two ticks beyond
        (0, 3379.7, "MGCQ5", True),
        (0, 3383.2, "MGCQ5", False),  # the minute after counts
        (0, 3383.3, "MGCQ5", True),
        (125, 3380.0, "MGCQ5", True),  # two minutes later only 00:13 does
        (-60, 3380.0, "MGCQ5", False),
        (-61, 3000.0, "MGCQ5", False),  # no bars around it
        (0, 3450.5, "MGCQ5", True),
        (0, 3450.5, "MGCZ5", False),
        (0, 3450.5, "MGC", False),  # no contract is named: any will do
        (0, 3451.5, "MGC", True),
        (0, 1.0, "MGCG6", False),  # a contract without bars
    ],
)
def test_a_price_is_compared_with_its_contract_s_bars_a_minute_around_it(
    bars: Bars, second: float, price: float, contract: str, off: bool
) -> None:
    own = fill(second, "buy", 1, price, contract=contract)
    off_bars = fills_off_bars([own], bars, GOLD)
    assert [one.fill for one in off_bars] == ([own] if off else [])


def test_the_message_states_the_place_and_the_bars_prices(bars: Bars) -> None:
    (off,) = fills_off_bars([fill(0, "buy", 1, 3500.5)], bars, GOLD)
    assert off.words == (
        "line 0: 3,500.5 at 2025-06-19 00:12:00 UTC, when MGCQ5 traded from 3,380 to 3,383"
    )


def test_fills_without_any_bars_are_not_doubted(bars: Bars) -> None:
    nothing: list[Fill] = []
    assert fills_off_bars(nothing, bars, GOLD) == ()
    assert fills_off_bars([fill(0, "buy", 1, 1.0)], bars.between(0, 0), GOLD) == ()
