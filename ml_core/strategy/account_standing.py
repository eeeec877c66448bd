"""Where an account stands after trades that were entered and settled at their own times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from ml_core.strategy.account import Account, AccountState, Trade, after
from ml_core.strategy.account_sizing import (
    NOTHING_OPEN,
    LimitLeft,
    OpenRisk,
    contracts_for,
    limits_left,
)
from ml_core.strategy.rules import Side

Source = Literal["fills", "plan", "paper"]
"""Whose results make the balance: own executions, the plan's settled trades, the paper account."""

SOURCES = {
    "fills": "own imported fills",
    "plan": "the plan's settled trades",
    "paper": "the paper account's trades",
}
"""The same in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedTrade:
    """A trade with its times.

    Attributes
    ----------
    entered_at, entered_on
        Aware UTC, and the trading day of the entry.
    settled_at
        Aware UTC; None while it is open.
    symbol
        The market's.
    trade
        Of one contract; its day is that of the settlement, its net 0 while it is open.
    contracts
        How many were entered; None where the account decides.
    most
        How many at most, where the account decides; None, as many as it allows.
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
    """Where an account stands at a time.

    Attributes
    ----------
    account, state
        The limits, and the state that settled trades left, on its own last day.
    at_risk, open
        Money that open trades may still lose, costs included, of which those of markets that move
        together with the one asked about; and how many are open.
    trades
        Settled ones.
    source
        Whose results these are.
    """

    account: Account
    state: AccountState
    at_risk: OpenRisk = NOTHING_OPEN
    open: int = 0
    trades: int = 0
    source: Source = "plan"

    def on(self, day: date) -> AccountStanding:
        """Return the standing on a trading day, never one before the last trade's."""
        later = max(day, self.state.day or day)
        return replace(self, state=self.state.on(self.account, later))

    @property
    def limits(self) -> tuple[LimitLeft, ...]:
        """What each limit leaves for a trade of size 1."""
        return limits_left(self.account, self.state, at_risk=self.at_risk)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSide:
    """What an account allows of one side of a plan.

    Attributes
    ----------
    side, contracts
        How many of it; 0 where it is refused.
    stop
        Money that one contract loses at its stop by the best entry there can be, costs included.
    limit, room
        The tightest limit, and the money that it leaves for the trade; None where another kind of
        limit refuses it. At an entry further from its stop fewer contracts fit into it.
    refused
        Why it is refused, in words; empty where it is not.
    """

    side: Side
    contracts: int
    stop: float
    limit: str
    room: float | None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """An account's part in a plan.

    Attributes
    ----------
    account, currency
        Which, and of what its money is.
    source, trades, balance
        Whose results make the balance, of how many settled trades.
    open_risk
        Money that open trades may still lose.
    sides
        Those that the rules would arm.
    limits
        What each limit leaves for a trade of size 1.
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
        """Return a side; None where the rules would not arm it."""
        return next((one for one in self.sides if one.side == side), None)


def standing_after(
    account: Account, symbol: str, trades: Iterable[TimedTrade], at: datetime, source: Source
) -> AccountStanding:
    """Return where an account stands at a time for a market, by what was known then.

    A trade whose contracts are not given is entered with those that the account has room for at
    its entry, open trades counted as lost.

    Parameters
    ----------
    account
        The limits; trades before its first day are left out.
    symbol
        Of the market that is to be traded.
    trades
        Of every market that is traded in the account, in any order.
    at
        Aware time.
    source
        Whose trades these are.
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
    """Return what open trades may lose, as a trade of a market sees it."""
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
