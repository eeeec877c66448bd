"""The trader's own round trips in an account's terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import numpy as np

from ml_core.bars.arrays import Bars
from ml_core.fills.review import net_money
from ml_core.fills.round_trips import RoundTrip
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from ml_core.strategy.account.limits import Trade
from ml_core.strategy.account.standing import TimedTrade


def account_trips(
    trip: RoundTrip, bars: Bars, market: Market, day_of: Callable[[datetime], date], risk: float
) -> tuple[TimedTrade, ...]:
    """Return the closed and the open part of a round trip, each as one trade of all contracts.

    Its best and worst open results are taken from the bars from entry to exit, both included,
    because the order within a minute is unknown; without bars, from its own prices.

    Parameters
    ----------
    trip, bars, market
        The round trip, bars of its period, and the market.
    day_of
        Returns the trading day of an aware time.
    risk
        Money that an open position may still lose: Orbcast does not know its stop.
    """
    entered, day = trip.entered_at, day_of(trip.entered_at)
    trades = []
    if trip.closed:
        ended, net = trip.exits[-1].fill.time, net_money(trip, market.instrument)
        best, worst = _extremes(trip, bars, market, ended)
        trades.append(
            TimedTrade(
                entered_at=entered,
                entered_on=day,
                settled_at=ended,
                symbol=market.symbol,
                trade=Trade(
                    day=day_of(ended),
                    size=1.0,
                    risk=risk,
                    net=net,
                    best=max(net, best),
                    worst=min(net, worst),
                ),
                contracts=1,
            )
        )
    if trip.is_open:
        open_ = Trade(day=day, size=1.0, risk=risk, net=0.0, best=0.0, worst=0.0)
        trades.append(
            TimedTrade(
                entered_at=entered,
                entered_on=day,
                settled_at=None,
                symbol=market.symbol,
                trade=open_,
                contracts=1,
            )
        )
    return tuple(trades)


def _extremes(trip: RoundTrip, bars: Bars, market: Market, ended: datetime) -> tuple[float, float]:
    """Return the best and worst open results of the closed part in money; 0 without bars."""
    own = bars.between(to_minute(trip.entered_at), to_minute(ended) + 1)
    which = own.of_contract(trip.contract)
    if not which.any():
        return 0.0, 0.0
    instrument = market.instrument
    entry = float(instrument.to_ticks(np.array([trip.entry]))[0])
    ends = (float(own.high[which].max()), float(own.low[which].min()))
    excursions = [trip.sign * (end - entry) * trip.closed * instrument.tick_value for end in ends]
    return max(excursions), min(excursions)
