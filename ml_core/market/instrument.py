"""The instrument: its tick, its money value and the cost of a round trip."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

# Share of itself by which a price may differ from its tick: float32 rounds by 6e-8 of it.
TICK_TOLERANCE = 1e-6
# Largest deviation as a share of a tick, whatever the price.
MOST_OFF_TICK = 0.1


class Instrument(BaseModel):
    """A futures contract's arithmetic.

    Prices are compared as integer ticks throughout Orbcast, because float arithmetic misses exact
    touches of a target or a stop.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tick_size: Decimal = Field(gt=0, description="Smallest price step, in price units.")
    tick_value: float = Field(gt=0, description="Money value of one tick of one contract.")
    commission_per_side: float = Field(ge=0, description="Commission, money per contract a side.")
    slippage_ticks_per_side: float = Field(ge=0, description="Assumed slippage, ticks a side.")
    volume_step: Decimal = Field(
        default=Decimal(1), gt=0, description="Smallest volume: below 1 where lots are divided."
    )
    currency: str = Field(default="USD", min_length=3, max_length=3)
    allow_nonpositive_prices: bool = Field(
        default=False,
        description="Accept prices of zero and below, as CL had in April 2020; elsewhere they "
        "are faults, or prices adjusted for rolls.",
    )

    @property
    def round_trip_cost(self) -> float:
        """Cost of a round trip of one contract in money: both commissions and both slippages."""
        slippage = self.slippage_ticks_per_side * self.tick_value
        return 2.0 * (self.commission_per_side + slippage)

    @property
    def round_trip_cost_ticks(self) -> float:
        """The same cost in ticks.

        >>> gold = Instrument(tick_size="0.10", tick_value=1.0, commission_per_side=1.24,
        ...                   slippage_ticks_per_side=1)
        >>> gold.round_trip_cost_ticks
        4.48
        """
        return self.round_trip_cost / self.tick_value

    def to_ticks(self, prices: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the nearest whole tick of each price.

        Parameters
        ----------
        prices
            Any shape, price units, finite; :meth:`is_on_tick` tells whether rounding loses
            precision.

        Returns
        -------
        NDArray[int32]
            Same shape, ticks.
        """
        # multiplication by the inverse is four times faster than division, and rounding absorbs
        # the error
        return np.rint(np.asarray(prices) * (1.0 / float(self.tick_size))).astype(np.int32)

    def is_on_tick(self, prices: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which prices lie on the tick grid; NaN and infinity do not."""
        ticks = np.asarray(prices, dtype=np.float64) / float(self.tick_size)
        with np.errstate(invalid="ignore"):
            tolerance = TICK_TOLERANCE * np.maximum(1.0, np.abs(ticks))
            tolerance = np.minimum(tolerance, MOST_OFF_TICK)
            return np.abs(ticks - np.rint(ticks)) <= tolerance

    def holds_price(self, prices: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which prices are small enough for :meth:`to_ticks`, which returns int32."""
        limit = np.iinfo(np.int32).max * float(self.tick_size)
        return np.abs(prices) <= limit

    def to_volume_steps(self, volumes: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return volumes, same shape, as multiples of the smallest volume."""
        return np.rint(np.asarray(volumes) / float(self.volume_step)).astype(np.int64)

    def is_on_volume_step(self, volumes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which volumes are multiples of the smallest volume.

        NaN and infinity are not.
        """
        steps = np.asarray(volumes, dtype=np.float64) / float(self.volume_step)
        with np.errstate(invalid="ignore"):
            exact = np.abs(steps - np.rint(steps)) <= TICK_TOLERANCE * np.maximum(1.0, abs(steps))
        return exact & (np.abs(steps) < 2.0**53)

    def to_price(self, ticks: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the prices of whole ticks, rounded to the decimals of the tick."""
        exponent = self.tick_size.as_tuple().exponent
        decimals = max(-int(exponent), 0)
        return np.round(np.asarray(ticks, dtype=np.float64) * float(self.tick_size), decimals)

    def price_text(self, ticks: int) -> str:
        """Return the price of whole ticks as text to copy: exact, without separators.

        >>> gold = Instrument(tick_size="0.10", tick_value=1, commission_per_side=0,
        ...                   slippage_ticks_per_side=0)
        >>> gold.price_text(33860)
        '3386.0'
        """
        return format(ticks * self.tick_size.normalize(), "f")
