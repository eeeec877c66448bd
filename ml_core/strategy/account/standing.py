"""The standing of an account after trades with their own entry and settlement times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from ml_core.strategy.account.limits import Account, AccountState, Trade, after
from ml_core.strategy.account.sizing import (
    NOTHING_OPEN,
    LimitLeft,
    OpenRisk,
    contracts_for,
    contracts_within,
    limits_left,
)
from ml_core.strategy.rules import Side

Source = Literal["fills", "plan", "paper"]
"""The trades behind the balance: own executions, the plan's settled trades, or paper trades."""

SOURCES = {
    "fills": "own imported fills",
    "plan": "the plan's settled trades",
    "paper": "the paper account's trades",
}
"""The same as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedTrade:
    """A trade with its times.

    Attributes
    ----------
    entered_at, entered_on
        Aware UTC, and the trading day of the entry.
    settled_at
        Aware UTC; None while the trade is open.
    symbol
        The market's.
    trade
        The trade for one contract; its day is the settlement's, and its net is 0 while open.
    contracts
        Number entered; None if the account decides.
    most
        Maximum number if the account decides; None for as many as it allows.
    """

    entered_at: datetime
    entered_on: date
    settled_at: datetime | None
    symbol: str
    trade: Trade
    contracts: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """The standing of an account at a time.

    Attributes
    ----------
    account, state
        The limits, and the state after the settled trades, on the last trade's day.
    at_risk, open
        Money that open trades may still lose including costs, in total and for markets that move
        together with the market in question; and the number of open trades.
    trades
        Number of settled trades.
    source
        The source of the results.
    """

    account: Account
    state: AccountState
    at_risk: OpenRisk = NOTHING_OPEN
    open: int = 0
    trades: int = 0
    source: Source = "plan"

    def on(self, day: date) -> AccountStanding:
        """Return the standing on a trading day, or on the last trade's day if that is later."""
        later = max(day, self.state.day or day)
        return replace(self, state=self.state.on(self.account, later))

    @property
    def limits(self) -> tuple[LimitLeft, ...]:
        """The room each limit leaves for a trade of size 1."""
        return limits_left(self.account, self.state, at_risk=self.at_risk)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSide:
    """What an account allows for one side of a plan.

    Attributes
    ----------
    side, contracts
        The side, and its number of contracts; 0 if it is refused.
    stop
        Money that one contract loses at its stop from the best possible entry, including costs.
    limit, room
        The tightest limit, and the money it leaves for the trade; None if another kind of limit
        refuses it. An entry further from its stop fits fewer contracts.
    refused
        Why it is refused, as text; empty if it is not.
    """

    side: Side
    contracts: int
    stop: float
    limit: str
    room: float | None
    refused: str = ""

    def contracts_at(self, stop: float) -> int:
        """Return the contracts of an entry at which one contract loses an amount at its stop.

        >>> own = AccountSide(side="long", contracts=2, stop=49.48, limit="risk", room=110.0)
        >>> own.contracts_at(52.48), own.contracts_at(60.0)
        (2, 1)
        """
        if self.room is None:
            return self.contracts
        return min(self.contracts, contracts_within(self.room, stop))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """The effect of an account on a plan.

    Attributes
    ----------
    account, currency
        Name of the account, and its currency.
    source, trades, balance
        The source of the balance, its number of settled trades, and the balance.
    open_risk
        Money that open trades may still lose.
    sides
        The sides that the rules would arm.
    limits
        The room each limit leaves for a trade of size 1.
    """

    account: str
    currency: str
    source: Source
    trades: int
    balance: float
    open_risk: float
    sides: tuple[AccountSide, ...]
    limits: tuple[LimitLeft, ...]

    def of(self, side: Side) -> AccountSide | None:
        """Return a side; None if the rules would not arm it."""
        return next((one for one in self.sides if one.side == side), None)


def standing_after(
    account: Account, symbol: str, trades: Iterable[TimedTrade], at: datetime, source: Source
) -> AccountStanding:
    """Return an account's standing at a time for a market, from what was known then.

    A trade without a number of contracts is entered with those the account has room for at its
    entry, with open trades counted as lost.

    Parameters
    ----------
    account
        The limits; trades before its first day are left out.
    symbol
        Symbol of the market to be traded.
    trades
        The trades of every market in the account, in any order.
    at
        The time, aware.
    source
        The source of the trades.
    """
    state, settled = AccountState.first(account), 0
    waiting: list[tuple[TimedTrade, int]] = []

    def settle(until: datetime) -> None:
        nonlocal state, settled
        due = [
            one for one in waiting if one[0].settled_at is not None and one[0].settled_at <= until
        ]
        for timed, contracts in sorted(due, key=lambda one: str(one[0].settled_at)):
            day = max(timed.trade.day, state.day or timed.trade.day)
            state = after(account, state, replace(timed.trade, day=day), contracts)
            settled += contracts > 0
            waiting.remove((timed, contracts))

    for timed in sorted(trades, key=lambda one: one.entered_at):
        if timed.entered_at > at or _is_before(account, timed.entered_on):
            continue
        settle(timed.entered_at)
        at_risk = _at_risk(account, timed.symbol, waiting)
        waiting.append((timed, _contracts(account, state, timed, at_risk)))
    settle(at)
    standing = [(timed, contracts) for timed, contracts in waiting if contracts]
    if account.drawdown is not None and account.drawdown.follows == "intraday":
        best = sum(contracts * timed.trade.best for timed, contracts in standing)
        state = replace(state, mark=max(state.mark, state.balance + best))
    return AccountStanding(
        account=account,
        state=state,
        at_risk=_at_risk(account, symbol, standing),
        open=len(standing),
        trades=settled,
        source=source,
    )


def _is_before(account: Account, day: date) -> bool:
    return account.starts is not None and day < account.starts


def _at_risk(account: Account, symbol: str, waiting: Sequence[tuple[TimedTrade, int]]) -> OpenRisk:
    """Return the money that open trades may lose, in total and for markets moving together."""
    with_it = account.moves_with(symbol)

    def risk_of(open_: Iterable[tuple[TimedTrade, int]]) -> float:
        return sum(contracts * timed.trade.risk for timed, contracts in open_)

    return OpenRisk(
        every=risk_of(waiting),
        together=risk_of(one for one in waiting if one[0].symbol in with_it) if with_it else None,
    )


def _contracts(account: Account, state: AccountState, timed: TimedTrade, at_risk: OpenRisk) -> int:
    if timed.contracts is not None:
        return timed.contracts
    begun = state.on(account, max(timed.entered_on, state.day or timed.entered_on))
    trade = timed.trade
    sizing = contracts_for(account, begun, size=trade.size, risk=trade.risk, at_risk=at_risk)
    return sizing.contracts if timed.most is None else min(sizing.contracts, timed.most)
