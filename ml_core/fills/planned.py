"""The plan at each breakout, and the round trip that it explains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ml_core.fills.contract_names import contract_of
from ml_core.fills.round_trips import RoundTrip
from ml_core.market.instrument import Instrument
from ml_core.market.market import Market
from ml_core.strategy.rules import Side
from ml_core.strategy.trades import PlanResult, TradedSlot, TradePrices


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far an entry may be from a breakout to be explained by it.

    Attributes
    ----------
    minutes
        Minutes between the entry and the close of the breakout bar, in either direction.
    risk_share
        Share of the planned risk by which prices may differ, at the entry and at stop and target.
    """

    minutes: float = 5.0
    risk_share: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrade:
    """A breakout as traded by the rules, and its plan.

    Attributes
    ----------
    trading_day, opening_range, contract, side
        The slot, contract and side; the contract as named in fills.
    size
        Planned size, in units of the trader's risk; 0 if no entry was planned.
    why_not
        Why the size is 0; "" if it is not.
    at
        Aware UTC: the close of the breakout bar.
    entry, stop, target
        Prices as traded; None without a target.
    r_net
        Net R for size 1, after assumed costs; None while the trade is not settled.
    """

    trading_day: date
    opening_range: str
    contract: str
    side: Side
    size: float
    why_not: str
    at: datetime
    entry: float
    stop: float
    target: float | None
    r_net: float | None

    @property
    def risk(self) -> float:
        """Price distance from entry to stop."""
        return abs(self.entry - self.stop)

    @property
    def slot(self) -> str:
        """``DAY:RANGE``."""
        return f"{self.trading_day}:{self.opening_range}"

    def risk_money(self, instrument: Instrument) -> float:
        """Return the risk of one contract between entry and stop, in money."""
        return self.risk / float(instrument.tick_size) * instrument.tick_value


def planned_trades(
    slots: Iterable[TradedSlot], taken: Sequence[PlanResult], market: Market
) -> tuple[PlannedTrade, ...]:
    """Return the trade of every slot that has one, with its plan, by time.

    Parameters
    ----------
    slots
        Slots with the trades of the rules.
    taken
        The outcomes of the plans; a slot without one was not planned.
    market
        The market.
    """
    plans = {one.slot.key: one for one in taken}
    trades = [
        _planned(slot, slot.prices, slot.side, slot.entered_at, plans.get(slot.key), market)
        for slot in slots
        if slot.prices is not None and slot.side is not None and slot.entered_at is not None
    ]
    return tuple(sorted(trades, key=lambda trade: (trade.at, trade.opening_range)))


def _planned(
    slot: TradedSlot,
    prices: TradePrices,
    side: Side,
    at: datetime,
    taken: PlanResult | None,
    market: Market,
) -> PlannedTrade:
    contract = slot.facts["contract"] or market.symbol

    def price(ticks: int) -> float:
        return float(market.instrument.price_text(ticks))

    return PlannedTrade(
        trading_day=slot.trading_day,
        opening_range=slot.opening_range,
        contract=contract_of(contract, market) or contract,
        side=side,
        size=taken.size if taken else 0.0,
        why_not=_why_not(side, taken),
        at=at,
        entry=price(prices.entry),
        stop=price(prices.stop),
        target=None if prices.target is None else price(prices.target),
        r_net=slot.r_net,
    )


def _why_not(side: Side, taken: PlanResult | None) -> str:
    if taken is None:
        return "nothing was decided"
    if taken.size:
        return ""
    failed = ", ".join(check.name for check in taken.plan.checks if not check.passed)
    return taken.why_not or failed or f"no {side} trades by the rules"


def explained_by(
    trip: RoundTrip, planned: Iterable[PlannedTrade], market: Market, tolerance: Tolerance
) -> PlannedTrade | None:
    """Return the nearest breakout in time that explains an entry; None if there is none."""
    near = [trade for trade in planned if _explains(trade, trip, market, tolerance)]
    return min(near, key=lambda trade: _distance(trade, trip), default=None)


def _explains(trade: PlannedTrade, trip: RoundTrip, market: Market, tolerance: Tolerance) -> bool:
    if trade.side != trip.side or trip.contract not in {trade.contract, market.symbol}:
        return False
    apart, away = _distance(trade, trip)
    return apart <= tolerance.minutes * 60 and away <= tolerance.risk_share * trade.risk


def _distance(trade: PlannedTrade, trip: RoundTrip) -> tuple[float, float]:
    apart = abs((trip.entered_at - trade.at).total_seconds())
    return apart, abs(trip.entry - trade.entry)
