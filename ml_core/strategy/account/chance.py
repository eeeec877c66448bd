"""An account over a record of trades, and the probability of failing before the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Literal

import numpy as np

from ml_core.array_types import FloatArray
from ml_core.evidence.intervals import wilson
from ml_core.market.instrument import Instrument
from ml_core.strategy.account.limits import (
    Account,
    AccountState,
    Ending,
    Trade,
    after,
)
from ml_core.strategy.account.sizing import Sizing, contracts_for
from ml_core.strategy.trades import PlanResult

Outcome = Ending | Literal["no_room"]
"""How a path ended; ``no_room`` means that the drawdown leaves less than one contract's stop."""

OnPath = Callable[[int, int], None]
"""Called with (paths done, total paths)."""


OUTCOMES: tuple[Outcome, ...] = ("target", "drawdown", "daily_loss", "no_room")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTrade:
    """A trade, the number of contracts entered, and the account's state afterwards."""

    trade: Trade
    sizing: Sizing
    state: AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """A share of simulated paths, with the 95 % interval of the simulation error."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChances:
    """The outcomes of an account on many paths drawn from a record.

    Attributes
    ----------
    paths, days
        Number of paths, and maximum trading days per path.
    outcomes
        The share of each outcome.
    goes_on
        The share that still trades at the end: no limit broken and the target not reached.
    median_days
        Median trading days to the end, over the paths that ended; None if none did.
    net_per_day
        Mean net R per trading day of the days drawn from.
    """

    paths: int
    days: int
    outcomes: Mapping[Outcome, Chance]
    goes_on: Chance
    median_days: float | None
    net_per_day: float


def through_record(account: Account, trades: Iterable[Trade]) -> tuple[AccountTrade, ...]:
    """Follow an account through trades in the order of their settlement.

    The contracts of a trade depend on what was settled before it, so of two trades open at the
    same time the later one does not account for the earlier.
    """
    state, followed = AccountState.first(account), list[AccountTrade]()
    for trade in trades:
        followed.append(_entered(account, state, trade))
        state = followed[-1].state
    return tuple(followed)


def no_room_since(followed: Iterable[AccountTrade]) -> date | None:
    """Return the trading day from which the drawdown leaves no contract, or None."""
    since: date | None = None
    for one in followed:
        if one.sizing.refusal is None:
            since = None
        elif one.sizing.refusal.limit == "drawdown":
            since = since or one.trade.day
    return since


def _entered(account: Account, state: AccountState, trade: Trade) -> AccountTrade:
    """Enter a trade with the contracts the account has room for, and settle it."""
    begun = state.on(account, trade.day)
    sizing = contracts_for(account, begun, size=trade.size, risk=trade.risk)
    settled = after(account, begun, trade, sizing.contracts)
    return AccountTrade(trade=trade, sizing=sizing, state=settled)


def net_by_day(days: Sequence[Sequence[Trade]]) -> FloatArray:
    """Return the net R of each trading day, shape (n,); 0 on a day without trades."""
    return np.array([sum(trade.net / trade.risk for trade in day) for day in days], np.float64)


def chances(
    account: Account,
    days: Sequence[Sequence[Trade]],
    *,
    horizon: int,
    paths: int,
    seed: int,
    net_per_day: float | None = None,
    on_path: OnPath | None = None,
) -> AccountChances:
    """Draw whole trading days with replacement, and follow the account until it ends.

    Whole days are drawn because the trades of one day are dependent (a day-block bootstrap). The
    record is taken as the truth: the intervals do not include the uncertainty of its mean, for
    which ``net_per_day`` can be varied. With it, bad days are drawn more often and good ones less,
    by exponential tilting (Efron, Canadian Journal of Statistics 9, 1981); the days themselves
    stay as they were.

    Parameters
    ----------
    account
        The account with its limits.
    days
        The trades of each trading day, including days without any.
    horizon
        Maximum trading days per path.
    paths, seed
        Number of paths, and seed of the draws.
    net_per_day
        Mean net R of the days drawn; by default every day is equally likely.
    on_path
        Called with the progress.
    """
    net = net_by_day(days)
    share = _tilted(net, float(net.mean()) if net_per_day is None else net_per_day)
    draws = np.random.default_rng(seed).choice(len(net), size=(paths, horizon), p=share)
    outcomes: Counter[Outcome | None] = Counter()
    lengths = []
    least = min((trade.risk for day in days for trade in day), default=0.0)
    for done, path in enumerate(draws, 1):
        outcome, length = _one_path(account, [days[at] for at in path], least)
        outcomes[outcome] += 1
        if outcome is not None:
            lengths.append(length)
        if on_path is not None:
            on_path(done, paths)
    return AccountChances(
        paths=paths,
        days=horizon,
        outcomes={outcome: _chance(outcomes[outcome], paths) for outcome in OUTCOMES},
        goes_on=_chance(outcomes[None], paths),
        median_days=float(np.median(lengths)) if lengths else None,
        net_per_day=float(share @ net),
    )


_STEPS = 200


def _tilted(net: FloatArray, wanted: float) -> FloatArray:
    """Return each day's probability, proportional to exp(c net), that gives a wanted mean.

    A mean beyond every single day's is approached as far as the days allow.
    """
    away = net - net.mean()
    if not np.ptp(away):
        return np.full(len(net), 1 / len(net))

    def share(c: float) -> FloatArray:
        power = c * away
        weights = np.exp(power - power.max())
        chances: FloatArray = weights / weights.sum()
        return chances

    low, high = (sign * 50 / float(np.abs(away).max()) for sign in (-1, 1))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if share(middle) @ net < wanted:
            low = middle
        else:
            high = middle
    return share((low + high) / 2)


def account_trades(taken: Iterable[PlanResult], instrument: Instrument) -> tuple[Trade, ...]:
    """Return the settled trades of a record in an account's terms, by settlement."""
    value = instrument.tick_value
    settled = [
        (one.slot.resolved_at, one, one.slot.prices, one.slot.side, one.slot.r_net)
        for one in taken
        if one.size > 0
        and one.slot.resolved_at is not None
        and one.slot.prices is not None
        and one.slot.side is not None
        and one.slot.r_net is not None
    ]
    settled.sort(key=lambda row: row[0])
    return tuple(
        Trade(
            day=one.slot.trading_day,
            size=one.size,
            risk=(prices.risk + instrument.round_trip_cost_ticks) * value,
            net=r_net * prices.risk * value,
            best=prices.net_ticks(side, prices.best, instrument) * value,
            worst=prices.net_ticks(side, prices.worst, instrument) * value,
        )
        for _, one, prices, side, r_net in settled
    )


def by_day(trades: Iterable[Trade], trading_days: int) -> tuple[tuple[Trade, ...], ...]:
    """Return the trades of each trading day, padded with empty days to ``trading_days``."""
    in_order = sorted(trades, key=lambda trade: trade.day)  # within a day the order is kept
    own = [tuple(day) for _, day in groupby(in_order, key=lambda trade: trade.day)]
    return (*own, *((),) * max(trading_days - len(own), 0))


def _one_path(
    account: Account, days: Sequence[Sequence[Trade]], least: float
) -> tuple[Outcome | None, int]:
    """Follow an account through days until it ends; ``least`` is the smallest risk of a trade."""
    state, without_room = AccountState.first(account), 0
    for number, trades in enumerate(days, 1):
        if trades:
            # the same day may be drawn twice; each draw is a trading day of its own
            state = replace(state, day=None)
        for trade in trades:
            entered = _entered(account, state, trade)
            state, sizing = entered.state, entered.sizing
            if sizing.refusal is None:
                without_room = 0
            elif sizing.refusal.limit == "drawdown":
                without_room = without_room or number
                if sizing.room is not None and sizing.room < least:
                    return "no_room", without_room  # nothing fits, so the room stays as it is
            if state.ended is not None:
                return state.ended, number
    return ("no_room", without_room) if without_room else (None, len(days))


def _chance(count: int, of: int) -> Chance:
    low, high = wilson(count / of, of)
    return Chance(share=count / of, low=max(low, 0.0), high=min(high, 1.0))
