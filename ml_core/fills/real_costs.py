"""Actual slippage and commission per side, compared with the market file's assumptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

import numpy as np

from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.fills.fill import Fill
from ml_core.fills.planned import PlannedTrade, Tolerance
from ml_core.fills.round_trips import Part, RoundTrip, mean_price
from ml_core.market.instrument import Instrument

MIN_DAYS = 20
"""Minimum number of days for an interval on which a market file may be changed."""

PlannedPrice = Literal["entry", "stop", "target"]
PLANNED_PRICES: tuple[PlannedPrice, ...] = ("entry", "stop", "target")
Verdict = Literal["agrees", "differs", "too few days", "not stated"]
_IN_WORDS: Mapping[Verdict, str] = {
    "agrees": "they agree",
    "differs": "they differ",
    "too few days": f"too few days to judge, {MIN_DAYS} are needed",
}
_ROUNDING = 0.005  # half of the rounding of a corrected value


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One side of a round trip that was filled near a planned price.

    Attributes
    ----------
    day, price
        The trading day, and the planned price it belongs to.
    ticks
        Ticks by which it was filled worse than planned; negative if it was better.
    """

    day: date
    price: PlannedPrice
    ticks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCheck:
    """An assumed cost per side, compared with the actual one.

    Attributes
    ----------
    name, assumed, real
        ``slippage`` in ticks or ``commission`` in money, per side of one contract.
    verdict
        Whether the whole interval lies on one side of the assumed value.
    """

    json_properties: ClassVar = ("corrected",)

    name: Literal["slippage", "commission"]
    assumed: float
    real: Interval
    verdict: Verdict

    @property
    def corrected(self) -> float | None:
        """The value for the market file; None if it need not change."""
        return max(round(self.real.estimate, 2), 0.0) if self.verdict == "differs" else None

    def words(self, currency: str) -> str:
        """Return the check as one sentence; money is in ``currency``."""
        unit = "ticks" if self.name == "slippage" else currency
        assumed = f"{self.assumed:g} {unit} a side assumed"
        if self.verdict == "not stated":
            return f"not in the fills; {assumed}"
        real = self.real
        return (
            f"{real.estimate:.2f} {unit} a side ({real.low:.2f} to {real.high:.2f}, "
            f"{real.rows:,} sides of {real.days:,} days), {assumed}: {_IN_WORDS[self.verdict]}"
        )


def slips_of(
    trip: RoundTrip, planned: PlannedTrade, instrument: Instrument, tolerance: Tolerance
) -> tuple[Slip, ...]:
    """Return the slippage of a round trip from the prices of the breakout that explains it.

    An exit belongs to the stop (or the target) if, on the near side, it is no further from it than
    the tolerance; any exit beyond it belongs to it too. Other exits have no planned price.
    """
    tick = float(instrument.tick_size)
    by_price: dict[PlannedPrice, list[Part]] = {"entry": list(trip.entries)}
    for part in trip.exits:
        price = exit_at(part, trip, planned, tolerance)
        if price is not None:
            by_price.setdefault(price, []).append(part)
    at: dict[PlannedPrice, float | None] = {
        "entry": planned.entry,
        "stop": planned.stop,
        "target": planned.target,
    }
    return tuple(
        Slip(
            day=planned.trading_day,
            price=price,
            # paying more is worse, and so is receiving less
            ticks=(trip.sign if price == "entry" else -trip.sign)
            * (mean_price(parts) - planned_at)
            / tick,
        )
        for price, parts in by_price.items()
        if (planned_at := at[price]) is not None
    )


def exit_at(
    part: Part, trip: RoundTrip, planned: PlannedTrade, tolerance: Tolerance
) -> PlannedPrice | None:
    """Return the planned price at which a part was closed; None for another price."""
    most = tolerance.risk_share * planned.risk
    if trip.sign * (part.fill.price - planned.stop) <= most:
        return "stop"
    if planned.target is None:
        return None
    return "target" if trip.sign * (planned.target - part.fill.price) <= most else None


def slippage_by_price(slips: Iterable[Slip]) -> dict[PlannedPrice, Interval]:
    """Return the mean slippage at each planned price, ticks; intervals from MIN_DAYS days on."""
    slips = list(slips)
    return {
        price: _mean([slip for slip in slips if slip.price == price]).from_days(MIN_DAYS)
        for price in PLANNED_PRICES
    }


def slippage_check(slips: Sequence[Slip], instrument: Instrument) -> CostCheck:
    """Compare the mean slippage of all sides with the assumed one."""
    real = _mean(slips)
    assumed = instrument.slippage_ticks_per_side
    return CostCheck(name="slippage", assumed=assumed, real=real, verdict=_verdict(assumed, real))


def commission_check(
    fills: Sequence[Fill], days: Sequence[date], instrument: Instrument
) -> CostCheck:
    """Compare the mean commission per contract and side with the assumed one.

    Parameters
    ----------
    fills, days
        Shape (n,): fills, and their trading days. If all commissions are 0, as on a platform
        without a commission setting, there is no result.
    instrument
        The instrument with the assumed commission.
    """
    paid_on = [
        (fill.commission / fill.quantity, day)
        for fill, day in zip(fills, days, strict=True)
        if fill.commission is not None
    ]
    stated = any(paid for paid, _ in paid_on)
    values = np.array([paid for paid, _ in paid_on] if stated else [], np.float64)
    real = mean_interval(
        values, np.array([day for _, day in paid_on] if stated else [], "datetime64[D]")
    )
    assumed = instrument.commission_per_side
    return CostCheck(
        name="commission",
        assumed=assumed,
        real=real,
        verdict=_verdict(assumed, real) if stated else "not stated",
    )


def _mean(slips: Sequence[Slip]) -> Interval:
    return mean_interval(
        np.array([slip.ticks for slip in slips], np.float64),
        np.array([slip.day for slip in slips], "datetime64[D]"),
    )


def _verdict(assumed: float, real: Interval) -> Verdict:
    if not real.is_known:
        return "not stated"
    if real.days < MIN_DAYS:
        return "too few days"
    agrees = real.low - _ROUNDING <= assumed <= real.high + _ROUNDING
    return "agrees" if agrees else "differs"
