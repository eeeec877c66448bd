"""The order that may be placed, in the form a consumer's order system needs, to the tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from ml_core.json_values import INLINE, OMIT_DEFAULT
from ml_core.market.instrument import Instrument
from ml_core.market.schedule import from_minute
from ml_core.strategy.account.standing import SOURCES
from ml_core.strategy.bracket import Bracket, planned_bracket
from ml_core.strategy.checks import DaySoFar
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import SIDES, SIGN_OF, Rules, Side
from ml_core.strategy.trade_rule import EntryBy, TradeRule

_WHEN = {
    "close": {
        "long": "first 1-minute close above the level",
        "short": "first 1-minute close below it",
    },
    "stop_order": {
        "long": "a stop order that buys at the level",
        "short": "a stop order that sells at it",
    },
    "retest": {
        "long": "a limit order at the level, after a 1-minute close above it",
        "short": "a limit order at the level, after a 1-minute close below it",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The distance of a trade's target from its reference price, in risks."""

    risks: float
    counted_from: str
    one_risk: str = "the distance from there to the stop; the target's is rounded up to a tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOrder:
    """One side's entry.

    Attributes
    ----------
    side, size, when
        Its side, its size, and the event that triggers it.
    contracts, may_lose
        With an account: the number of contracts for the best possible entry, and the money that
        they may lose. At the actual entry, at most as many contracts as fit into that money, given
        the distance to the stop and ``cost_of_contract``.
    level, level_ticks
        The trigger price, as traded and in whole ticks.
    stop, stop_ticks, stop_from_entry_ticks
        A stop at the range is a price; a stop relative to the entry is a distance.
    target
        None without a target.
    """

    side: Side
    size: float
    contracts: int | None = field(default=None, metadata=OMIT_DEFAULT)
    may_lose: float | None = field(default=None, metadata=OMIT_DEFAULT)
    when: str
    level: float
    level_ticks: int
    stop: float | None = field(default=None, metadata=OMIT_DEFAULT)
    stop_ticks: int | None = field(default=None, metadata=OMIT_DEFAULT)
    stop_from_entry_ticks: int | None = field(default=None, metadata=OMIT_DEFAULT)
    target: Target | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyLeft:
    """A daily limit in money, and the day's result so far."""

    daily_loss_limit_money: float
    day_net_money: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccount:
    """The account an order was sized for, and the round-trip costs of one contract."""

    name: str
    currency: str
    balance: float
    balance_from: str
    cost_of_contract: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AtEntry:
    """The limits to be checked again at the breakout."""

    one_position: bool
    trades_left: int
    daily_loss_limit_r: float
    day_net_r: float
    money: MoneyLeft | None = field(metadata=INLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """How an open trade is managed beyond its stop and target."""

    break_even_after_r: float | None = field(default=None, metadata=OMIT_DEFAULT)
    trail_r: float | None = field(default=None, metadata=OMIT_DEFAULT)
    partial: Mapping[str, float] | None = field(default=None, metadata=OMIT_DEFAULT)
    stop_moves: str | None = field(default=None, metadata=OMIT_DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedStretch:
    """A period around news in which nothing is entered; aware UTC."""

    news: str
    begin: datetime = field(metadata={"alias": "from"})
    end: datetime = field(metadata={"alias": "to"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order that may be placed, with the entry and exit of the rules.

    Attributes
    ----------
    contract, tick_size, size_is
        The contract to trade, and the units of prices and sizes.
    closes_from, enter_by, close_by
        Aware UTC: t0; the last entry, if the rules set one; the end of the trade.
    entry
        The kind of entry: a close beyond the level, a stop order or a retest.
    entries, one_cancels_other
        One entry per side, and whether one cancels the other.
    range_high_ticks, range_low_ticks, offset_ticks
        The opening range, and the ticks beyond an edge that a breakout needs.
    account
        The account it was sized for; None if the trader has named none.
    at_entry
        The rest of the day's limits.
    manage, other_side_first
        How an open trade is managed, and what happens to the order if the other side breaks first;
        None if not specified.
    no_entry
        Periods around news.
    """

    contract: str
    tick_size: str
    size_is: str = "multiples of the risk unit, 1 R from entry to stop"
    closes_from: datetime
    entry: EntryBy
    range_high_ticks: int
    range_low_ticks: int
    offset_ticks: int = field(default=0, metadata=OMIT_DEFAULT)
    entries: tuple[EntryOrder, ...]
    one_cancels_other: bool = True
    account: OrderAccount | None = field(default=None, metadata=OMIT_DEFAULT)
    at_entry: AtEntry
    manage: Management | None = field(default=None, metadata=OMIT_DEFAULT)
    other_side_first: str | None = field(default=None, metadata=OMIT_DEFAULT)
    enter_by: datetime | None = field(default=None, metadata=OMIT_DEFAULT)
    close_by: datetime
    no_entry: tuple[ClosedStretch, ...] = field(default=(), metadata=OMIT_DEFAULT)


def planned_order(
    instrument: Instrument,
    rules: Rules,
    plan: Plan,
    day: DaySoFar,
    *,
    contract: str,
    high_ticks: int,
    low_ticks: int,
    decided: datetime,
    scan_end: datetime,
    enter_by: datetime | None = None,
    atr_ticks: float | None = None,
) -> Order:
    """Return the order that may be placed, with the entry and exit of the rules.

    Parameters
    ----------
    instrument
        The instrument, which defines the ticks.
    rules, plan, day
        The range's rules, the plan, and the day so far, whose remaining limits are part of the
        order.
    contract
        The outright contract to trade.
    high_ticks, low_ticks
        The opening range as traded, whole ticks.
    decided, scan_end
        Aware UTC: t0, from which closes count, and the time by which a trade is entered and left.
    enter_by
        Aware UTC: the last entry, if the rules set an earlier one.
    atr_ticks
        14-day ATR known at t0; None if it is not known.
    """
    rule = rules.trade_rule
    brackets = {
        side: planned_bracket(
            rule, side, high_ticks=high_ticks, low_ticks=low_ticks, atr_ticks=atr_ticks
        )
        for side in _armed(plan)
    }
    return Order(
        contract=contract,
        tick_size=str(instrument.tick_size),
        closes_from=decided,
        entry=rule.entry,
        range_high_ticks=high_ticks,
        range_low_ticks=low_ticks,
        offset_ticks=rule.entry_offset_ticks,
        entries=tuple(
            _entry(instrument, rule, side, plan, bracket)
            for side, bracket in brackets.items()
            if bracket is not None
        ),
        account=_account(instrument, plan),
        at_entry=AtEntry(
            one_position=rules.one_position,
            trades_left=rules.max_trades_per_day - day.trades,
            daily_loss_limit_r=rules.daily_loss_limit_r,
            day_net_r=day.net_r,
            money=_money_left(rules, day),
        ),
        manage=_management(rule),
        other_side_first=None if rule.first_break_only else "the order stays in place",
        enter_by=enter_by,
        close_by=scan_end,
        no_entry=tuple(
            ClosedStretch(
                news=stretch.event,
                begin=from_minute(stretch.first_minute),
                end=from_minute(stretch.last_minute),
            )
            for stretch in plan.no_entry
        ),
    )


def _account(instrument: Instrument, plan: Plan) -> OrderAccount | None:
    account = plan.account
    if account is None:
        return None
    return OrderAccount(
        name=account.account,
        currency=account.currency,
        balance=account.balance,
        balance_from=SOURCES[account.source],
        cost_of_contract=instrument.round_trip_cost,
    )


def _entry(
    instrument: Instrument, rule: TradeRule, side: Side, plan: Plan, bracket: Bracket
) -> EntryOrder:
    allowed = plan.allowed(side)
    away = 0 if rule.entry == "retest" else SIGN_OF[side] * rule.entry_offset_ticks
    level = bracket.edge + away
    # a stop at the range is a price; a stop relative to the entry is a distance until then
    at_range = isinstance(rule.stop, str)
    return EntryOrder(
        side=side,
        size=plan.size(side),
        contracts=None if allowed is None else allowed.contracts,
        may_lose=None if allowed is None else allowed.room,
        when=_WHEN[rule.entry][side],
        level=_price(instrument, level),
        level_ticks=level,
        stop=_price(instrument, bracket.stop) if at_range else None,
        stop_ticks=bracket.stop if at_range else None,
        stop_from_entry_ticks=None if at_range else bracket.risk,
        target=_target(rule),
    )


def _management(rule: TradeRule) -> Management | None:
    moves = rule.break_even_after_r is not None or rule.trail_r is not None
    if not moves and rule.partial is None:
        return None
    return Management(
        break_even_after_r=rule.break_even_after_r,
        trail_r=rule.trail_r,
        partial=rule.partial.model_dump() if rule.partial else None,
        stop_moves="on closed 1-minute bars, by their closes" if moves else None,
    )


def _money_left(rules: Rules, day: DaySoFar) -> MoneyLeft | None:
    limit = rules.daily_loss_limit_money
    if limit is None:
        return None
    return MoneyLeft(daily_loss_limit_money=limit, day_net_money=day.net_money)


def _armed(plan: Plan) -> Iterable[Side]:
    return (side for side in SIDES if plan.size(side) > 0)


def _target(rule: TradeRule) -> Target | None:
    if rule.rr is None:
        return None
    return Target(
        risks=rule.rr, counted_from="the entry" if rule.anchor == "entry" else "the level"
    )


def _price(instrument: Instrument, ticks: int) -> float:
    return float(instrument.to_price(np.array([ticks]))[0])
