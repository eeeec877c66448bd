"""The odds of an account under some rules: backtest the rules, then resample the trades."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from ml_core.errors import InputError
from ml_core.evidence.intervals import mean_interval
from ml_core.strategy.account.chance import (
    AccountChances,
    OnPath,
    account_trades,
    by_day,
    chances,
    net_by_day,
    no_room_since,
    through_record,
)
from ml_core.strategy.account.limits import Account, AccountState
from ml_core.strategy.rules import Rules
from tasks.prediction.outcomes.value_added import follow_rules
from tasks.settings import Settings


class NoTradesError(InputError):
    """Error for rules that made no trade in a period."""

    rules: str
    symbol: str
    template = (
        "{rules} made no settled trade of {symbol} in that period, and an account's chances need "
        "some; orbcast strategy backtest shows what refused them"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOdds:
    """The odds of an account under some rules.

    Attributes
    ----------
    account, rules, symbol
        The account, the rules and the market's symbol.
    trades, trading_days
        Number of settled trades, and of the days on which the rules were applied.
    through_record
        The account after the trades in their real order, or where it ended earlier.
    no_room_since
        Trading day of that record from which the drawdown left no contract to its end, or None.
    refused
        Number of trades for which the account allowed no contract, by the limit that refused them.
    as_recorded, at_low_end
        Odds from the record as it is, and from days drawn so that their mean net R is the lower
        end of its 95 % interval.
    """

    account: Account
    rules: str
    symbol: str
    trades: int
    trading_days: int
    through_record: AccountState
    no_room_since: date | None
    refused: Mapping[str, int]
    as_recorded: AccountChances
    at_low_end: AccountChances

    @property
    def luck(self) -> str:
        """What ``at_low_end`` means compared with ``as_recorded``, in plain words."""
        both = (self.as_recorded, self.at_low_end)
        if self.account.profit_target is None:
            what = "to keep trading"
            recorded, low = (one.goes_on.share for one in both)
        else:
            what = "to reach the target"
            recorded, low = (one.outcomes["target"].share for one in both)
        return (
            f"with its mean at the low end the chance {what} is {low:.0%} in place of "
            f"{recorded:.0%}. Rules that were chosen on these days do worse on others."
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
    """Backtest rules and compute an account's odds by resampling their trades.

    Parameters
    ----------
    settings, name
        The installation, and the name of a market file.
    account, rules
        The account with its limits, and the rules.
    first, last
        Trading days; None for the first or the last one.
    at
        Aware time, now.
    horizon, paths, seed
        Most trading days on a path, number of paths, and seed of their draws.
    on_path
        Called with the progress.

    Raises
    ------
    NoTradesError
        The rules made no trade in the period.
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
        no_room_since=no_room_since(path),
        refused=Counter(
            one.sizing.refusal.limit for one in path if one.sizing.refusal is not None
        ),
        as_recorded=drawn(mean.estimate, 0),
        at_low_end=drawn(mean.low, 1),
    )
