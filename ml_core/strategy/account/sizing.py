"""How many contracts an account's limits allow for a trade, or what refuses it, in money.

One function, :func:`contracts_for`, decides for the check of an account file, the account's
chances, replayed and live plans, order intents and the paper account.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ml_core.strategy.account.limits import Account, AccountState

_CENT = 0.01
_ROUNDING = 1e-9  # of a contract: 0.3 of money fits 0.1 three times

NAMES: Mapping[str, str] = {
    "risk": "the risk of a trade",
    "together": "the risk that markets which move together share",
    "daily_loss": "the day's loss limit",
    "drawdown": "the drawdown",
    "consistency": "the largest share of the target that one day may make",
    "max_losses_in_a_row": "the losing trades in a row that end the day",
    "target": "the profit target",
}
"""Descriptions of the limits by their names in an account file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLeft:
    """The room that a limit still leaves.

    Attributes
    ----------
    limit
        Its name in the account file.
    left
        Money, or for ``max_losses_in_a_row`` losing trades; 0 if nothing is left.
    is_loss
        Whether ``left`` is money that a trade may lose; otherwise entries stop once none is left.
    """

    limit: str
    left: float
    is_loss: bool

    @property
    def name(self) -> str:
        """The limit's description."""
        return NAMES[self.limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A limit that a trade could break, and by how much.

    Attributes
    ----------
    limit
        Its name in the account file.
    left
        The room it leaves: money, contracts or trades.
    over
        Amount by which one contract's loss exceeds it; 0 if the limit is not in money.
    """

    limit: str
    left: float
    over: float

    def words(self, currency: str = "") -> str:
        """Return the refusal as a sentence.

        >>> Refusal(limit="daily_loss", left=41, over=45).words("USD")
        "a stop costs 86.00 USD, the day's loss limit leaves 41.00, 45.00 too much"
        """
        if self.over:
            stop = f"{self.left + self.over:,.2f} {currency}".rstrip()
            leaves = f"{NAMES[self.limit]} leaves {self.left:,.2f}"
            return f"a stop costs {stop}, {leaves}, {self.over:,.2f} too much"
        if self.limit == "target":
            return "the profit target is reached, and the account is complete"
        if self.limit == "consistency":
            return "the day has made the largest share of the profit target that one day may make"
        if self.limit == "max_losses_in_a_row":
            return "the losing trades in a row that end the day are reached"
        return f"the account is over: {NAMES[self.limit]} was broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """The number of contracts for a trade with the deciding limit, or the refusal.

    Attributes
    ----------
    contracts
        0 if the trade is refused.
    limit, room
        The tightest loss limit, and the money it leaves for the trade; None if something else
        refuses it.
    refusal
        None if there is at least one contract.
    """

    contracts: int
    limit: str = "risk"
    room: float | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRisk:
    """Money that open trades may still lose from the balance.

    Attributes
    ----------
    every
        For all open trades.
    together
        For those in markets that move together with the traded one; None if there are no such
        markets.
    """

    every: float = 0.0
    together: float | None = None


NOTHING_OPEN = OpenRisk()


def limits_left(
    account: Account, state: AccountState, *, size: float = 1.0, at_risk: OpenRisk = NOTHING_OPEN
) -> tuple[LimitLeft, ...]:
    """Return the room left by each limit of an account; limits left out are not included.

    Parameters
    ----------
    account, state
        The limits, and the account's state on the day of the trade.
    size
        Size of the plan, 1 for the usual risk.
    at_risk
        Money that open trades may still lose.
    """
    risk = max(account.risk(state.balance), 0.0) * size  # a share of less than nothing is none
    limits = [LimitLeft(limit="risk", left=risk, is_loss=True)]

    def add(limit: str, left: float, *, is_loss: bool) -> None:
        limits.append(LimitLeft(limit=limit, left=max(left, 0.0), is_loss=is_loss))

    if at_risk.together is not None:
        add("together", risk - at_risk.together, is_loss=True)
    if account.daily_loss is not None:
        # reaching a limit exactly already ends the day or the account
        of_day = 0.0 if state.is_day_over else account.daily_loss + state.day_net
        add("daily_loss", of_day - at_risk.every - _CENT, is_loss=True)
    if account.drawdown is not None:
        room = state.balance - state.floor(account) - at_risk.every - _CENT
        add("drawdown", room, is_loss=True)
    if account.consistency is not None and account.profit_target is not None:
        # a profit beyond it only raises the profit that is needed in total
        share_left = account.consistency * account.profit_target - state.day_net
        add("consistency", share_left, is_loss=False)
    if account.max_losses_in_a_row is not None:
        left = account.max_losses_in_a_row - state.losses_in_a_row
        add("max_losses_in_a_row", left, is_loss=False)
    return tuple(limits)


def contracts_within(money: float, stop: float) -> int:
    """Return how many contracts an amount of money pays the stop of.

    >>> contracts_within(0.3, 0.1), contracts_within(0.29, 0.1)
    (3, 2)
    """
    return math.floor(money / stop + _ROUNDING)


def contracts_for(
    account: Account,
    state: AccountState,
    *,
    size: float,
    risk: float,
    at_risk: OpenRisk = NOTHING_OPEN,
) -> Sizing:
    """Return how many contracts may be entered so that a fill at the stop breaks no limit.

    No limit breaks even if every open trade loses its risk too. A fill beyond the stop, as in a
    gap, can still break one.

    Parameters
    ----------
    account, state
        The limits, and the account's state on the day of the trade.
    size
        Size of the plan, 1 for the usual risk.
    risk
        Money that one contract loses at its stop, including costs; positive.
    at_risk
        Money that open trades may still lose.
    """
    if state.ended is not None:
        return Sizing(contracts=0, refusal=Refusal(limit=state.ended, left=0.0, over=0.0))
    limits = limits_left(account, state, size=size, at_risk=at_risk)
    for one in limits:
        if not one.is_loss and one.left <= 0:
            return Sizing(contracts=0, refusal=Refusal(limit=one.limit, left=0.0, over=0.0))
    tightest = min((one for one in limits if one.is_loss), key=lambda one: one.left)
    count = min(contracts_within(tightest.left, risk), account.max_contracts)
    if count:
        return Sizing(contracts=count, limit=tightest.limit, room=tightest.left)
    over = risk - tightest.left
    refusal = Refusal(limit=tightest.limit, left=tightest.left, over=over)
    return Sizing(contracts=0, limit=tightest.limit, room=tightest.left, refusal=refusal)
