"""The trader's account: the one that a market is traded in, and its state at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from ml_core.decision.entry import Mode
from ml_core.decision.plan_record import SlotKey, StrategyRecord, first_by_slot
from ml_core.decision.plan_slot import active_plan
from ml_core.errors import InputError
from ml_core.fills.account_trips import account_trips
from ml_core.fills.round_trips import round_trips
from ml_core.market.market import Market
from ml_core.market.schedule import to_minute
from ml_core.strategy.account.limits import Account, Ending, Trade
from ml_core.strategy.account.sizing import LimitLeft
from ml_core.strategy.account.standing import (
    AccountStanding,
    Source,
    TimedTrade,
    standing_after,
)
from ml_core.strategy.trades import PlanResult, follow_plans
from registry.fills import fills_of
from registry.strategy import strategy_records
from tasks.prediction.outcomes.settled_trades import traded_slots
from tasks.prediction.slots import trading_day_at
from tasks.settings import Settings


class SeveralCurrenciesError(InputError):
    """One account is used for markets with different currencies."""

    account: str
    markets: tuple[str, ...]
    template = (
        "the account {account} is that of {markets:, }, whose currencies differ; name another "
        "for one of them, as in ORBCAST_ACCOUNT=mine,dax=other"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNow:
    """The current state of a market's account.

    Attributes
    ----------
    account, currency
        The account's name and currency.
    source, trades
        Source of the results in the balance, and the number of settled trades.
    balance, day_net
        Balance now, and the net result of the trading day.
    open, open_risk
        Number of open trades, and the money that they may still lose.
    limits
        What each limit leaves for a trade of size 1.
    ended
        What ended the account; None while it goes on.
    """

    account: str
    currency: str
    source: Source
    trades: int
    balance: float
    day_net: float
    open: int
    open_risk: float
    limits: tuple[LimitLeft, ...]
    ended: Ending | None


def account_now(settings: Settings, market: Market, at: datetime) -> AccountNow | None:
    """Return a market's account at an aware time; None if the trader has named none."""
    standing = account_standing(settings, market, "live", at)
    if standing is None:
        return None
    return _as_it_stands(standing.on(trading_day_at(market, at)), market)


def _as_it_stands(standing: AccountStanding, market: Market) -> AccountNow:
    return AccountNow(
        account=standing.account.name,
        currency=market.instrument.currency,
        source=standing.source,
        trades=standing.trades,
        balance=standing.state.balance,
        day_net=standing.state.day_net,
        open=standing.open,
        open_risk=standing.at_risk.every,
        limits=standing.limits,
        ended=standing.state.ended,
    )


def account_standing(
    settings: Settings,
    market: Market,
    mode: Mode,
    at: datetime,
    taken: Sequence[PlanResult] | None = None,
) -> AccountStanding | None:
    """Return the state of a market's account at a time, by what was known then.

    The results are those of every market that is traded in the account: the trader's own fills if
    there are any, otherwise the settled trades of the recorded plans.

    Parameters
    ----------
    settings, market
        The installation, and the market.
    mode
        Whether to use the live plans or the replayed ones.
    at
        Aware time.
    taken
        Results of the market's plans by then, if they are known already.

    Raises
    ------
    UnknownNameError, AccountFileError
        No such account file, or one that cannot be used.
    SeveralCurrenciesError
        The account is used for markets with different currencies.
    """
    name = settings.account_of(market.symbol)
    if name is None:
        return None
    account = settings.read_account(name)
    markets = _traded_in(settings, name, market)
    own = [trade for one in markets for trade in _own_trades(settings, one, account, at)]
    if own:
        return standing_after(account, market.symbol, own, at, "fills")
    planned: list[TimedTrade] = []
    for one in markets:
        own_plans = taken if one.symbol == market.symbol else None
        if own_plans is None:
            _, own_plans = followed_plans(settings, one, mode, at, first=account.starts)
        planned += timed_trades(own_plans, one)
    return standing_after(account, market.symbol, planned, at, "plan")


def account_after(
    settings: Settings, market: Market, taken: Sequence[PlanResult], at: datetime
) -> AccountNow | None:
    """Return a market's account as if it had traded only some plans.

    Each is entered with the contracts that the limits allow. None if the trader has named no
    account.
    """
    name = settings.account_of(market.symbol)
    if name is None:
        return None
    account = settings.read_account(name).model_copy(update={"starts": None})
    trades = timed_trades(taken, market)
    return _as_it_stands(standing_after(account, market.symbol, trades, at, "plan"), market)


def _traded_in(settings: Settings, name: str, market: Market) -> tuple[Market, ...]:
    served = map(settings.market, settings.markets)
    others = (one for one in served if settings.account_of(one.symbol) == name)
    markets = {one.symbol: one for one in (*others, market)}
    if len({one.instrument.currency for one in markets.values()}) > 1:
        raise SeveralCurrenciesError(name, tuple(sorted(markets)))
    return tuple(markets.values())


def _own_trades(
    settings: Settings, market: Market, account: Account, at: datetime
) -> Iterator[TimedTrade]:
    """Yield the round trips of the fills that were imported and executed by a time."""
    named = account.platform_account
    fills = [
        fill
        for fill in fills_of(settings.database(), market.symbol, known_by=at)
        if fill.time <= at and named in ("", fill.account)
    ]
    if not fills:
        return
    first = to_minute(min(fill.time for fill in fills))
    bars = settings.lake().read(market, first, to_minute(at))
    risk = account.risk(account.balance)
    day_of = partial(trading_day_at, market)
    for trip in round_trips(fills, market.instrument):
        yield from account_trips(trip, bars, market, day_of, risk)


def followed_plans(
    settings: Settings,
    market: Market,
    mode: Mode,
    at: datetime,
    *,
    first: date | None,
    facts: bool = False,
) -> tuple[dict[SlotKey, StrategyRecord], tuple[PlanResult, ...]]:
    """Return the plans that were decided by a time, and their results as known then.

    Parameters
    ----------
    settings, market, mode
        The installation, the market, and whether its live or its replayed plans.
    at
        Aware time.
    first
        First trading day; None for the first on record.
    facts
        Whether to include the features that the rules used.
    """
    rules = settings.rules(market.symbol)
    records = strategy_records(
        settings.database(),
        market.symbol,
        mode=mode,
        # a replay by other rules does not count; live trades do, whatever the rules are now
        rules_hash=rules.hash if mode == "replay" else None,
        first=first,
    )
    decided = first_by_slot(record for record in records if record.decision_time < at)
    plans = {key: active_plan(record) for key, record in decided.items()}
    slots = list(traded_slots(settings, market, decided, at, facts=facts).values())
    return decided, follow_plans(rules, slots, plans)


def timed_trades(taken: Iterable[PlanResult], market: Market) -> Iterator[TimedTrade]:
    """Yield the trades of plans, for one contract, with the most contracts that each plan had."""
    instrument = market.instrument
    value, cost = instrument.tick_value, instrument.round_trip_cost_ticks
    for one in taken:
        slot, prices, side = one.slot, one.slot.prices, one.slot.side
        if not one.size or prices is None or side is None or slot.entered_at is None:
            continue
        settled = None if slot.r_net is None else slot.resolved_at
        allowed = one.plan.allowed(side)
        yield TimedTrade(
            entered_at=slot.entered_at,
            entered_on=slot.trading_day,
            settled_at=settled,
            symbol=market.symbol,
            trade=Trade(
                day=trading_day_at(market, settled or slot.entered_at),
                size=one.size,
                risk=(prices.risk + cost) * value,
                net=(slot.r_net or 0.0) * prices.risk * value,
                best=prices.net_ticks(side, prices.best, instrument) * value,
                worst=prices.net_ticks(side, prices.worst, instrument) * value,
            ),
            most=None if allowed is None else allowed.contracts,
        )
