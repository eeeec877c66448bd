"""The chances of an account by some rules: followed through history, then drawn from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from ml_core.errors import InputError
from ml_core.evidence.intervals import mean_interval
from ml_core.strategy.account import Account, AccountState
from ml_core.strategy.account_chance import (
    AccountChances,
    OnPath,
    account_trades,
    by_day,
    chances,
    net_by_day,
    through_record,
)
from ml_core.strategy.rules import Rules
from tasks.prediction.value_added import follow_rules
from tasks.settings import Settings


class NoTradesError(InputError):
    """Rules that made no trade in a period."""

    rules: str
    symbol: str
    template = (
        "{rules} made no settled trade of {symbol} in that period, and an account's chances need "
        "some; orbcast strategy backtest shows what refused them"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOdds:
    """What rules would do to an account.

    Attributes
    ----------
    account, rules, symbol
        Which.
    trades, trading_days
        Settled trades, and the days that the rules were asked on.
    through_record
        The account at the end of the record as it came, or where it ended.
    refused
        Trades that the account entered with no contract, by the limit that refused them.
    as_recorded, at_low_end
        Chances with the record as it is, and with days drawn so that their mean net R is the lower
        end of its 95 % interval.
    """

    account: Account
    rules: str
    symbol: str
    trades: int
    trading_days: int
    through_record: AccountState
    refused: Mapping[str, int]
    as_recorded: AccountChances
    at_low_end: AccountChances

    @property
    def luck(self) -> str:
        """What the second chance says beside the first, in plain words."""
        both = (self.as_recorded, self.at_low_end)
        if self.account.profit_target is None:
            what = "to go on trading"
            recorded, low = (one.goes_on.share for one in both)
        else:
            what = "to reach the target"
            recorded, low = (one.outcomes["target"].share for one in both)
        return (
            f"with its mean at the low end the chance {what} is {low:.0%} in place of "
            f"{recorded:.0%}. Rules that were chosen by these days do worse on others."
        )


def account_odds(
    settings: Settings,
    name: str,
    account: Account,
    rules: Rules,
    *,
    first: date | None,
    last: date | None,
    at: datetime,
    horizon: int,
    paths: int,
    seed: int,
    on_path: OnPath | None = None,
) -> AccountOdds:
    """Follow rules through history and draw an account's chances from what they brought.

    Parameters
    ----------
    settings, name
        Of which market file.
    account, rules
        Whose limits, by which rules.
    first, last
        Trading days; None, from the first or to the last there is.
    at
        Aware time, now.
    horizon, paths, seed
        Trading days on a path at most, how many paths, and what their draws begin with.
    on_path
        Told of progress.

    Raises
    ------
    NoTradesError
        There is nothing to draw from.
    """
    market = settings.market(name)
    taken = follow_rules(settings, name, rules, first=first, last=last, at=at)
    trades = account_trades(taken, market.instrument)
    if not trades:
        raise NoTradesError(rules.name, market.symbol)
    trading_days = len({one.slot.trading_day for one in taken})
    path = through_record(account, trades)
    days = by_day(trades, trading_days)
    net = net_by_day(days)
    mean = mean_interval(net, np.arange(len(net)).astype("datetime64[D]"))

    def drawn(net_per_day: float, begun: int) -> AccountChances:
        on_drawn = None if on_path is None else lambda done, of: on_path(begun * of + done, 2 * of)
        return chances(
            account,
            days,
            horizon=horizon,
            paths=paths,
            seed=seed,
            net_per_day=net_per_day,
            on_path=on_drawn,
        )

    return AccountOdds(
        account=account,
        rules=rules.name,
        symbol=market.symbol,
        trades=len(trades),
        trading_days=trading_days,
        through_record=path[-1].state,
        refused=Counter(
            one.sizing.refusal.limit for one in path if one.sizing.refusal is not None
        ),
        as_recorded=drawn(mean.estimate, 0),
        at_low_end=drawn(mean.low, 1),
    )
