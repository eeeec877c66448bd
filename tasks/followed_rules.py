"""The trades of rules over past slots, as DataFrames for other programs.

Money is in the market's currency, for one contract times the plan's size.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

from ml_core.market.instrument import Instrument
from ml_core.strategy.rules import SIGN_OF
from ml_core.strategy.trades import PlanResult, TradeLine

_SLOT = ("trading_day", "opening_range")
_LINE = tuple(field.name for field in fields(TradeLine))
TRADE_COLUMNS = (*_SLOT, "side", "size", *_LINE, "risk_money", "gross_money", "net_money")


@dataclass(frozen=True)
class FollowedRules:
    """What some rules made of each slot.

    Attributes
    ----------
    taken, instrument
        The slots in order of decision, and the traded instrument.
    """

    taken: tuple[PlanResult, ...]
    instrument: Instrument

    def trades(self) -> pd.DataFrame:
        """Return the settled trades, in order of their decisions.

        Returns
        -------
        DataFrame
            Slot; ``side``; ``size`` (of the usual risk); ``entered_at`` and ``ended_at`` (aware
            UTC); prices as traded and how it ended; ``r_gross`` and ``r_net`` at size 1;
            ``risk_money`` of one contract; ``gross_money`` and ``net_money``.
        """
        return self._trades.copy()

    @cached_property
    def _trades(self) -> pd.DataFrame:
        rows = []
        for trade in self.taken:
            slot, line = trade.slot, trade.line(self.instrument).trade
            if line is None or line.r_net is None or line.r_gross is None:
                continue
            money = trade.size * (slot.risk_money or 0.0)
            rows.append(
                (
                    slot.trading_day,
                    slot.opening_range,
                    slot.side,
                    trade.size,
                    *(getattr(line, name) for name in _LINE),
                    slot.risk_money,
                    line.r_gross * money,
                    line.r_net * money,
                )
            )
        frame = pd.DataFrame(rows, columns=list(TRADE_COLUMNS))
        for name in ("entered_at", "ended_at"):
            frame[name] = pd.to_datetime(frame[name], utc=True)
        return frame

    def orders(self) -> pd.DataFrame:
        """Return two orders for each trade, by time, in the form a portfolio simulator takes.

        ``vectorbt.Portfolio.from_orders(orders["price"], size=orders["size"],
        price=orders["price"], fixed_fees=orders["fees"])`` gives the trades' net money.

        Returns
        -------
        DataFrame
            Indexed by ``time`` (aware UTC, unique: orders at the same time are moved apart by a
            microsecond each): slot, ``kind`` (entry or exit), ``price``, ``size`` in units of
            the price (contracts times the money that a point is worth), below 0 for a sale, and
            ``fees``, commission and assumed slippage. The price of an exit is that of the whole
            trade: a trade closed in parts has the unrounded mean of its parts.
        """
        trades = self._trades
        point = self.instrument.tick_value / float(self.instrument.tick_size)
        sign, units = trades["side"].map(SIGN_OF).astype(float), trades["size"] * point
        entry = trades[list(_SLOT)].assign(
            time=trades["entered_at"],
            kind="entry",
            price=trades["entry"],
            size=sign * units,
            fees=(trades["gross_money"] - trades["net_money"]) / 2.0,
        )
        exits = entry.assign(
            time=trades["ended_at"],
            kind="exit",
            price=trades["entry"] + sign * trades["gross_money"] / units,
            size=-sign * units,
        )
        # within a minute, an entry precedes its exit, and trades keep the order of decisions
        orders = pd.concat([entry, exits]).sort_values("time", kind="stable")
        orders["time"] += pd.to_timedelta(orders.groupby("time").cumcount(), unit="us")
        return orders.set_index("time")

    def days(self, balance: float) -> pd.DataFrame:
        """Return the result of each trading day, including days without a trade.

        Parameters
        ----------
        balance
            Initial balance in money, above 0.

        Returns
        -------
        DataFrame
            Indexed by the slot's ``trading_day``: ``trades``, ``net_r`` (times size),
            ``net_money``, ``equity`` at its end, and ``returns`` on the equity at its beginning
            (NaN once equity is gone); other packages' tear sheets accept ``returns``.
        """
        trades = self._trades
        days = pd.Index(
            sorted({trade.slot.trading_day for trade in self.taken}), name="trading_day"
        )
        by_day = (
            trades.assign(net_r=trades["r_net"] * trades["size"])
            .groupby("trading_day")
            .agg(trades=("net_r", "size"), net_r=("net_r", "sum"), net_money=("net_money", "sum"))
            .reindex(days, fill_value=0)
        )
        equity = balance + by_day["net_money"].cumsum()
        before = equity - by_day["net_money"]
        returns = np.where(before > 0, by_day["net_money"] / before, np.nan)
        return by_day.assign(equity=equity, returns=returns)
