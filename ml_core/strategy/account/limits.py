"""A trading account with its limits, and the trades it still allows; all amounts are money."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ml_core.toml_file import TomlFileError, load_model

_MODEL = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

Ending = Literal["drawdown", "daily_loss", "target"]
"""What ended an account: a broken limit, or its profit target."""

_SAME_MONEY = 0.005
"""Amounts that differ by no more than half a cent are the same; the rest is rounding of sums."""


class AccountFileError(TomlFileError):
    """An account file that cannot be used."""

    kind = "account file"


class Drawdown(BaseModel):
    """How far the account may fall; it ends once its equity is at or below the floor."""

    model_config = _MODEL

    amount: float = Field(gt=0, description="Money below the mark that the floor lies at.")
    follows: Literal["nothing", "end_of_day", "intraday"] = Field(
        default="end_of_day",
        description="The mark: the first balance; the highest balance at the end of a day; or the "
        "highest equity at any moment, open profit included.",
    )
    locks_at_start: bool = Field(
        default=True, description="The floor never rises above the first balance."
    )


class Account(BaseModel):
    """An account and its limits: ``accounts/NAME.toml``. Limits left out do not apply."""

    model_config = _MODEL

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9\-]{0,39}$")
    about: str = Field(default="", description="One sentence for people.")
    balance: float = Field(gt=0, description="First balance, in the market's currency.")
    starts: date | None = Field(
        default=None, description="Trading day from which results count; all if left out."
    )
    platform_account: str = Field(
        default="", description="Only fills of this account of your platform count; all if empty."
    )
    risk_money: float | None = Field(
        default=None, gt=0, description="Money risked a trade at size 1, costs included."
    )
    risk_share: float | None = Field(
        default=None, gt=0, le=1, description="The same as a share of the balance."
    )
    max_contracts: int = Field(default=1_000, ge=1, description="Most contracts in one trade.")
    daily_loss: float | None = Field(
        default=None, gt=0, description="Most that a trading day may lose, open loss included."
    )
    daily_loss_ends: Literal["day", "account"] = Field(
        default="account", description="What ends once a day has lost it."
    )
    drawdown: Drawdown | None = None
    profit_target: float | None = Field(
        default=None, gt=0, description="Profit at which the account is complete."
    )
    consistency: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Largest share of the profit that one day may make for the target to count.",
    )
    min_days: int = Field(default=0, ge=0, description="Trading days before the target counts.")
    max_losses_in_a_row: int | None = Field(
        default=None, ge=1, description="Losing trades in a row that end the trading day."
    )

    together: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Markets that move together, by a name of yours: what is open in them counts "
        "as one trade, and may lose no more than one.",
    )

    @field_validator("together")
    @classmethod
    def _each_market_is_in_one_group(
        cls, groups: dict[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, ...]]:
        upper = {name: tuple(one.upper() for one in markets) for name, markets in groups.items()}
        named = [one for markets in upper.values() for one in markets]
        if twice := sorted({one for one in named if named.count(one) > 1}):
            raise ValueError(f"{', '.join(twice)} is named twice; a market can be in one group")
        if alone := [name for name, markets in upper.items() if len(markets) < 2]:  # noqa: PLR2004
            raise ValueError(f"{', '.join(alone)} names one market; two or more move together")
        return upper

    @model_validator(mode="after")
    def _risk_is_one_of_two(self) -> Account:
        if (self.risk_money is None) == (self.risk_share is None):
            raise ValueError("give risk_money or risk_share, one of the two")
        return self

    def moves_with(self, symbol: str) -> tuple[str, ...]:
        """Return the markets that move together with a market, including itself; or none."""
        groups = (markets for markets in self.together.values() if symbol.upper() in markets)
        return next(groups, ())

    def risk(self, balance: float) -> float:
        """Return the money to risk in a trade of size 1."""
        return self.risk_money if self.risk_money is not None else balance * (self.risk_share or 0)


def load_account(path: Path) -> Account:
    """Read an account file (TOML).

    Raises
    ------
    AccountFileError
        The file is missing or not TOML, or a key is wrong.
    """
    return load_model(path, Account, AccountFileError, if_missing="see `orbcast account list`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade of one contract, in an account's terms.

    Attributes
    ----------
    day
        Its trading day.
    size
        Size of the plan, which scales the account's risk.
    risk
        Money lost by a fill at the stop, including costs; positive.
    net
        Net result in money, after costs.
    best, worst
        Highest and lowest open result, after costs.
    """

    day: date
    size: float
    risk: float
    net: float
    best: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """The state of an account between two trades.

    Attributes
    ----------
    balance, mark
        The balance, and the equity that the drawdown's floor follows.
    day, day_net, losses_in_a_row
        The trading day of the last trade, that day's result, and the number of consecutive losses.
    has_traded, is_day_over
        Whether that day has a trade, and whether it lost what a day may lose at any moment.
    days, best_day
        Trading days with a trade, including that one, and the best result of an earlier day.
    ended
        What ended it; None while it is active.
    """

    balance: float
    mark: float
    day: date | None = None
    day_net: float = 0.0
    losses_in_a_row: int = 0
    has_traded: bool = False
    is_day_over: bool = False
    days: int = 0
    best_day: float = 0.0
    ended: Ending | None = None

    @classmethod
    def first(cls, account: Account) -> AccountState:
        """Return the state before any trade."""
        return cls(balance=account.balance, mark=account.balance)

    def floor(self, account: Account) -> float:
        """Return the equity at which the account ends; minus infinity without a drawdown limit."""
        if account.drawdown is None:
            return -math.inf
        floor = self.mark - account.drawdown.amount
        return min(floor, account.balance) if account.drawdown.locks_at_start else floor

    def on(self, account: Account, day: date) -> AccountState:
        """Return the state at the start of a trading day; unchanged within the same day."""
        if day == self.day:
            return self
        follows = account.drawdown is not None and account.drawdown.follows != "nothing"
        return replace(
            self,
            mark=max(self.mark, self.balance) if follows else self.mark,
            day=day,
            day_net=0.0,
            losses_in_a_row=0,
            has_traded=False,
            is_day_over=False,
            best_day=max(self.best_day, self.day_net),
        )


def after(account: Account, state: AccountState, trade: Trade, contracts: int) -> AccountState:
    """Return the account's state after a trade of ``contracts`` contracts.

    A trade that closed at its best was at its worst before. Otherwise the order is unknown, and
    the best is assumed to come first: it raises the floor that the worst is compared with.
    """
    state = state.on(account, trade.day)
    if not contracts or state.ended is not None:
        return state
    best, worst = (state.balance + contracts * value for value in (trade.best, trade.worst))
    balance = state.balance + contracts * trade.net
    lowest, mark = min(worst, balance), state.mark
    if account.drawdown is not None and account.drawdown.follows == "intraday":
        mark = max(mark, best)
    of_day = state.day_net + lowest - state.balance
    loses_day = account.daily_loss is not None and of_day <= _SAME_MONEY - account.daily_loss
    closed = replace(
        state,
        balance=balance,
        mark=mark,
        day_net=state.day_net + contracts * trade.net,
        losses_in_a_row=state.losses_in_a_row + 1 if trade.net < 0 else 0,
        has_traded=True,
        is_day_over=state.is_day_over or loses_day,
        days=state.days + (not state.has_traded),
    )
    floor = state.floor(account) if trade.net >= trade.best else closed.floor(account)
    ending: Ending | None
    if lowest <= floor + _SAME_MONEY or balance <= closed.floor(account) + _SAME_MONEY:
        ending = "drawdown"
    elif loses_day and account.daily_loss_ends == "account":
        ending = "daily_loss"
    else:
        ending = "target" if _reaches_target(account, closed) else None
    return closed if ending is None else replace(closed, ended=ending)


def _reaches_target(account: Account, state: AccountState) -> bool:
    profit = state.balance - account.balance
    if account.profit_target is None or profit < account.profit_target - _SAME_MONEY:
        return False
    best_day = max(state.best_day, state.day_net) - _SAME_MONEY
    consistent = account.consistency is None or best_day <= account.consistency * profit
    return state.days >= account.min_days and consistent
