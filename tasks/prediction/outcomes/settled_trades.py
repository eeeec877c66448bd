"""The results of followed strategies' trades: recorded, and read together with open ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from ml_core.decision.plan_record import SlotKey, StrategyRecord
from ml_core.features.history import HISTORY_DAYS
from ml_core.json_values import field_values
from ml_core.learning.datasets.assemble import NoBarsError
from ml_core.market.market import Market
from ml_core.market.schedule import first_minute, to_minute
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import TradedSlot
from registry.trades import (
    TradeRecord,
    record_trades,
    rules_on_record,
    trades_on_record,
    trades_to_settle,
)
from tasks.data.market_definition import market_of
from tasks.settings import Settings

_HISTORY = timedelta(days=HISTORY_DAYS + 2)
"""How far before a slot the bars for a stop in ATR reach."""


def settle_trades(
    settings: Settings,
    market: Market,
    at: datetime,
    *,
    since: date,
    days: Collection[date],
) -> int:
    """Record the results of the trades of recorded plans; return how many are new.

    Each plan is settled by the rules and the market definition that it was made by, like its
    prediction by its label. A recorded result that still agrees with the bars is kept; a different
    result is recorded as a revision.

    Parameters
    ----------
    settings, market
        The installation and the market.
    at
        Aware time, now.
    since, days
        Trading days to settle again: all from ``since`` on, and ``days``.
    """
    groups: dict[tuple[str, str], set[SlotKey]] = defaultdict(set)
    for plan in trades_to_settle(settings.database(), market.symbol, since=since, days=days):
        groups[plan.rules_hash, plan.market_hash].add(plan.key)
    rules_of, settled = recorded_rules(settings, market), []
    for (rules_hash, market_hash), keys in groups.items():
        then, rules = market_of(settings, market, market_hash), rules_of.get(rules_hash)
        if then is None or rules is None:
            continue
        settled += [
            TradeRecord(
                market=market.symbol,
                trading_day=slot.trading_day,
                opening_range=slot.opening_range,
                rules_hash=rules_hash,
                market_hash=market_hash,
                trade=slot.settled,
            )
            # nothing is known after the last bar: missing bars of a lagging lake settle nothing
            for slot in _by_bars(settings, then, rules, keys, at).values()
            if slot.settled is not None
        ]
    return record_trades(settings.database(), settled, at)


def recorded_rules(settings: Settings, market: Market) -> dict[str, Rules]:
    """Return by hash the rules that plans were made by, including the current ones."""
    now = settings.rules(market.symbol)
    return {**rules_on_record(settings.database()), now.hash: now}


def traded_slots(
    settings: Settings,
    market: Market,
    records: Mapping[SlotKey, StrategyRecord],
    at: datetime,
    *,
    facts: bool = False,
) -> dict[SlotKey, TradedSlot]:
    """Return the trades of recorded plans as of a time, each by the rules of its plan.

    Trades settled by then are as recorded; the others come from the bars. Slots without a usable
    range in the bars are left out.

    Parameters
    ----------
    settings, market
        The installation and the market.
    records
        The plans, one for each slot; none decided later than ``at``.
    at
        Aware time.
    facts
        Whether to add the row that the rules used, for which the bars of every slot are read.
    """
    if not records:
        return {}
    days = [day for day, _ in records]
    trades = trades_on_record(settings.database(), market.symbol, first=min(days), last=max(days))
    slots, by_bars = dict[SlotKey, TradedSlot](), defaultdict[str, set[SlotKey]](set)
    for key, record in records.items():
        trade = trades.get((*key, record.rules_hash))
        if facts or trade is None or trade.resolved_at > at:
            by_bars[record.rules_hash].add(key)
        else:
            slots[key] = TradedSlot(
                trading_day=record.trading_day,
                opening_range=record.opening_range,
                decision_time=record.decision_time,
                facts={},
                **field_values(trade),
            )
    rules_of, now = recorded_rules(settings, market), settings.rules(market.symbol)
    for rules_hash, keys in by_bars.items():
        rules = rules_of.get(rules_hash, now)
        made = _by_bars(settings, market, rules, keys, at, to_minute(at), facts=facts)
        for key, slot in made.items():
            slots[key] = slot.as_settled(trades.get((*key, rules_hash)), at)
    return {key: slots[key] for key in records if key in slots}


def _by_bars(
    settings: Settings,
    market: Market,
    rules: Rules,
    keys: Collection[SlotKey],
    at: datetime,
    as_of_minute: int | None = None,
    *,
    facts: bool = False,
) -> dict[SlotKey, TradedSlot]:
    """Return the trades of some rules by the bars known at a time."""
    first, last = min(keys)[0], max(keys)[0]
    bars = settings.lake().read(market, first_minute(first - _HISTORY), to_minute(at))
    try:
        made = rules_history(
            bars, market, rules, first=first, last=last, as_of_minute=as_of_minute, facts=facts
        )
    except NoBarsError:
        return {}
    slots = slots_of(made, rules, every_break=True)
    return {slot.key: slot for slot in slots if slot.key in keys}
