"""Classifies the trader's trades as followed or improvised, with the results of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from ml_core.evidence.intervals import Interval, mean_interval
from ml_core.fills.fill import Fill
from ml_core.fills.planned import PlannedTrade, Tolerance, explained_by
from ml_core.fills.real_costs import (
    MIN_DAYS,
    CostCheck,
    PlannedPrice,
    Slip,
    commission_check,
    slippage_by_price,
    slippage_check,
    slips_of,
)
from ml_core.fills.round_trips import RoundTrip
from ml_core.json_form import Figure
from ml_core.market.instrument import Instrument
from ml_core.market.market import Market

Kind = Literal["followed", "improvised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedTrip:
    """A round trip compared with the plans.

    Attributes
    ----------
    trip, trading_day
        The round trip, and the trading day of its entry.
    kind
        ``followed`` if a planned entry was taken, ``improvised`` if no plan explains it.
    planned
        The breakout that explains its entry, whether or not it was planned to be traded; None
        without one.
    money
        Result of the closed part in money after commission (the assumed one if unknown).
    r
        The same in units of the planned risk, or of the period's median planned risk if no
        breakout explains the trade. NaN while nothing is closed, or without any breakout.
    """

    trip: RoundTrip
    trading_day: date
    kind: Kind
    planned: PlannedTrade | None
    money: float
    r: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTotals:
    """The results of closed trades.

    Attributes
    ----------
    trades, won
        Counts.
    money
        Total after commission.
    total_r
        Total R.
    per_trade
        Mean R per trade, with its interval by days from ``MIN_DAYS`` on.
    """

    trades: int
    won: int
    money: float
    total_r: float
    per_trade: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReview:
    """A period of trading compared with its plans.

    Attributes
    ----------
    first_day, last_day
        Trading days.
    fills
        Executions of the period.
    trips
        Round trips entered in the period, by time.
    followed, improvised
        Their results.
    as_planned
        The label's results for the slots that were followed: size 1, assumed costs, money of one
        contract.
    not_followed
        The same for planned entries that were not taken.
    missed
        The entries that were not taken.
    slippage
        Mean ticks by planned price, with intervals from ``MIN_DAYS`` days on; all sides together
        are in ``costs``.
    costs
        Slippage and commission per side, compared with the assumed ones.
    """

    first_day: date
    last_day: date
    fills: int
    trips: tuple[ReviewedTrip, ...]
    followed: TradeTotals
    as_planned: TradeTotals
    not_followed: TradeTotals
    improvised: TradeTotals
    missed: tuple[PlannedTrade, ...]
    slippage: Mapping[PlannedPrice, Interval]
    costs: tuple[CostCheck, ...]

    @property
    def open(self) -> int:
        """Number of round trips with an open part."""
        return sum(one.trip.is_open for one in self.trips)

    def of_kind(self, kind: Kind) -> tuple[ReviewedTrip, ...]:
        """Return the round trips of a kind."""
        return tuple(one for one in self.trips if one.kind == kind)


def review(
    market: Market,
    trips: Sequence[tuple[RoundTrip, date]],
    fills: Sequence[tuple[Fill, date]],
    planned: Sequence[PlannedTrade],
    *,
    period: tuple[date, date],
    tolerance: Tolerance,
) -> TradeReview:
    """Compare round trips with the plans of a period.

    Parameters
    ----------
    market
        Whose.
    trips, fills
        Round trips and fills of the period, each with its trading day.
    planned
        Every breakout of the period with its plan.
    period
        First and last trading day.
    tolerance
        How far an entry may be from its plan.
    """
    instrument = market.instrument
    risks = [trade.risk_money(instrument) for trade in planned]
    usual_risk = float(np.median(risks)) if risks else float("nan")
    reviewed = []
    slips: list[Slip] = []
    for trip, day in trips:
        trade = explained_by(trip, planned, market, tolerance)
        reviewed.append(_reviewed(trip, day, trade, instrument, usual_risk))
        if trade is not None:
            slips += slips_of(trip, trade, instrument, tolerance)
    followed = [one for one in reviewed if one.kind == "followed"]
    taken = {one.planned.slot for one in followed if one.planned is not None}
    wanted = [trade for trade in planned if trade.size > 0]
    missed = tuple(trade for trade in wanted if trade.slot not in taken)
    return TradeReview(
        first_day=period[0],
        last_day=period[1],
        fills=len(fills),
        trips=tuple(reviewed),
        followed=_brought(followed),
        as_planned=_planned([trade for trade in wanted if trade.slot in taken], instrument),
        not_followed=_planned(missed, instrument),
        improvised=_brought([one for one in reviewed if one.kind == "improvised"]),
        missed=missed,
        slippage=slippage_by_price(slips),
        costs=(
            slippage_check(slips, instrument),
            commission_check([fill for fill, _ in fills], [day for _, day in fills], instrument),
        ),
    )


def _reviewed(
    trip: RoundTrip,
    day: date,
    trade: PlannedTrade | None,
    instrument: Instrument,
    usual_risk: float,
) -> ReviewedTrip:
    is_planned = trade is not None and trade.size > 0
    risk = trade.risk_money(instrument) if trade is not None else usual_risk
    money = net_money(trip, instrument)
    is_known = trip.closed > 0 and risk > 0
    return ReviewedTrip(
        trip=trip,
        trading_day=day,
        kind="followed" if is_planned else "improvised",
        planned=trade,
        money=money,
        r=money / (risk * trip.closed) if is_known else float("nan"),
    )


def net_money(trip: RoundTrip, instrument: Instrument) -> float:
    """Return the closed part's result: price gain minus its share of the commission.

    If the commission of any part is unknown, the assumed one is used.
    """
    gross = trip.gross_ticks(instrument) * instrument.tick_value
    if trip.commission is None:
        return gross - 2 * instrument.commission_per_side * trip.closed
    paid = sum(part.commission or 0.0 for part in trip.exits)
    entered = sum(part.commission or 0.0 for part in trip.entries)
    return gross - paid - entered * trip.closed / trip.quantity


def _brought(trips: Sequence[ReviewedTrip]) -> TradeTotals:
    closed = [one for one in trips if not one.trip.is_open]
    r = np.array([one.r for one in closed], np.float64)
    finite = np.isfinite(r)
    days = np.array([one.trading_day for one in closed], "datetime64[D]")
    return TradeTotals(
        trades=len(closed),
        won=sum(one.money > 0 for one in closed),
        money=sum(one.money for one in closed),
        total_r=float(r[finite].sum()),
        per_trade=mean_interval(r[finite], days[finite]).from_days(MIN_DAYS),
    )


def _planned(trades: Sequence[PlannedTrade], instrument: Instrument) -> TradeTotals:
    settled = [(trade, trade.r_net) for trade in trades if trade.r_net is not None]
    r = np.array([net for _, net in settled], np.float64)
    days = np.array([trade.trading_day for trade, _ in settled], "datetime64[D]")
    return TradeTotals(
        trades=len(settled),
        won=int((r > 0).sum()),
        money=float(sum(net * trade.risk_money(instrument) for trade, net in settled)),
        total_r=float(r.sum()),
        per_trade=mean_interval(r, days).from_days(MIN_DAYS),
    )
