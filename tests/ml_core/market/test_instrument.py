"""Conversion between prices and ticks, and the cost of a round trip."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from pydantic import ValidationError

from ml_core.market.instrument import Instrument
from tests.ml_core.builders import mgc, nq


def _instrument(tick: str) -> Instrument:
    return mgc().instrument.model_copy(update={"tick_size": Decimal(tick)})


@pytest.mark.parametrize("tick", ["0.10", "0.25", "0.01", "0.005", "1"])
def test_every_tick_comes_back_from_its_decimal_price(tick: str) -> None:
    ticks = np.arange(-500, 40_000)
    prices = np.array([float(Decimal(tick) * number) for number in ticks.tolist()])

    instrument = _instrument(tick)

    np.testing.assert_array_equal(instrument.to_ticks(prices), ticks)
    np.testing.assert_array_equal(instrument.to_price(ticks), prices)
    assert instrument.is_on_tick(prices).all()


@pytest.mark.parametrize(
    ("price", "on_tick"),
    [
        (2000.1, True),
        (2000.05, False),
        (2000.11, False),
        (2000.1 + 1e-7, True),  # a decimal's float, not another price
        (float(np.float32(2000.1)), True),
        (float("nan"), False),
        (float("inf"), False),
    ],
)
def test_a_price_between_two_ticks_is_none(price: float, on_tick: bool) -> None:
    assert mgc().instrument.is_on_tick(np.array([price])).tolist() == [on_tick]


def test_half_a_tick_is_off_tick_at_any_price() -> None:
    prices = np.array([1.005, 100.005, 10_000.005, 1_000_000.005])

    assert not _instrument("0.01").is_on_tick(prices).any()
    assert _instrument("0.01").is_on_tick(prices + 0.005).all()


def test_a_round_trip_costs_both_sides_commission_and_slippage() -> None:
    # 2 x (1.24 + 1 tick of 1.00) and 2 x (2.25 + 1 tick of 5.00)
    assert mgc().instrument.round_trip_cost == pytest.approx(4.48)
    assert nq().instrument.round_trip_cost == pytest.approx(14.5)
    assert nq().instrument.round_trip_cost_ticks == pytest.approx(2.9)


@pytest.mark.parametrize("field", ["tick_value", "commission_per_side", "slippage_ticks_per_side"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_money_is_a_number(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Instrument.model_validate({**mgc().instrument.model_dump(), field: value})
