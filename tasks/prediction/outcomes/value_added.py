"""The results of rules over the lake's history, and of the recorded plans."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from ml_core.backtest.backtest_result import BacktestResult, backtest_result
from ml_core.backtest.driftless_rule import OnWalk, driftless_trades
from ml_core.bars.arrays import Bars
from ml_core.decision.entry import Mode
from ml_core.decision.plan_record import first_by_slot
from ml_core.decision.plan_slot import plans_of
from ml_core.learning.datasets.assemble import Assembly
from ml_core.market.market import Market
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import PlanResult, backtest, follow_plans
from registry.news import news_of
from registry.strategy import strategy_records
from tasks.data.datasets import period_of, read_bars_until
from tasks.prediction.outcomes.settled_trades import traded_slots
from tasks.settings import Settings
from tasks.training.questions import record_look

_FEW_DAYS = timedelta(days=4)

STRATEGY = "strategy"
"""Name of the search under which backtests of rules are counted as trials."""


def backtest_rules(
    settings: Settings,
    name: str,
    rules: Rules,
    *,
    first: date | None,
    last: date | None,
    at: datetime,
    on_walk: OnWalk | None = None,
) -> BacktestResult:
    """Backtest the rules without a model on the lake's history, with costs; count it as a look.

    Parameters
    ----------
    settings, name, rules
        The installation, the market file's name, and the rules.
    first, last
        Trading days; None for the first or the last one in the lake.
    at
        Aware time, now.
    on_walk
        Called with (driftless prices done, driftless prices in all).
    """
    market = settings.market(name)
    bars = read_bars_until(settings, name, market, at)
    history = _history(market, bars, rules, (first, last))
    looks = _count_look(settings, market, bars, rules, (first, last), at)
    taken = _followed(settings, history, rules)
    driftless = driftless_trades(history, rules, on_walk=on_walk)
    return backtest_result(rules, taken, driftless, looks=looks)


def trades_beside(
    settings: Settings,
    name: str,
    strategies: Sequence[Rules],
    *,
    first: date | None,
    last: date | None,
    at: datetime,
) -> list[tuple[PlanResult, ...]]:
    """Apply several strategies' rules to the same slots; each counts as a look, like a backtest.

    Parameters
    ----------
    settings, name, strategies
        The installation, the market file's name, and at least one strategy's rules.
    first, last
        Trading days; None for the last five days with bars.
    at
        Aware time, now.

    Returns
    -------
    list of tuple of Taken
        For each slot, in order, the result of each strategy, in the order of ``strategies``.
    """
    market = settings.market(name)
    bars = read_bars_until(settings, name, market, at)
    end = period_of(bars, market, None, last)[1]
    period = (first or end - _FEW_DAYS, end)
    history = _history(market, bars, strategies[0], period)
    for rules in strategies:
        _count_look(settings, market, bars, rules, period, at)
    followed = (_followed(settings, history, rules) for rules in strategies)
    return list(zip(*followed, strict=True))


def _count_look(
    settings: Settings,
    market: Market,
    bars: Bars,
    rules: Rules,
    period: tuple[date | None, date | None],
    at: datetime,
) -> int:
    first, last = (str(day) if day else None for day in period)
    question = {"rules_hash": rules.hash, "first": first, "last": last}
    return record_look(
        settings,
        market,
        bars,
        at,
        study=STRATEGY,
        name=rules.name,
        looked_hash=hashlib.sha256(json.dumps({STRATEGY: question}).encode()).hexdigest(),
        values={"rules": rules.name, **question},
    )


def follow_rules(
    settings: Settings,
    name: str,
    rules: Rules,
    *,
    first: date | None,
    last: date | None,
    at: datetime,
) -> tuple[PlanResult, ...]:
    """Apply the rules to some trading days to find the plans; this is not counted as a look."""
    market = settings.market(name)
    history = _history(market, read_bars_until(settings, name, market, at), rules, (first, last))
    return _followed(settings, history, rules)


def _followed(settings: Settings, history: Assembly, rules: Rules) -> tuple[PlanResult, ...]:
    """Apply the rules without a model; slots carry scheduled news if the rules use it."""
    slots = slots_of(history, rules)
    if rules.blackouts:
        news = news_of(settings.database(), history.market.symbol)
        slots = tuple(replace(slot, facts={**slot.facts, "news": news}) for slot in slots)
    return backtest(rules, slots)


def followed_days(
    settings: Settings, name: str, rules: Rules, mode: Mode, at: datetime
) -> tuple[tuple[PlanResult, ...], tuple[PlanResult, ...]]:
    """Return the trades of the recorded plans, with the model and without it."""
    market = settings.market(name)
    records = first_by_slot(
        strategy_records(settings.database(), market.symbol, mode=mode, rules_hash=rules.hash)
    )
    plans = plans_of(records.values())
    slots = list(traded_slots(settings, market, records, at).values())

    def of(which: str) -> tuple[PlanResult, ...]:
        return follow_plans(rules, slots, {key: both[which] for key, both in plans.items()})

    return of("with"), of("without")


def _history(
    market: Market, bars: Bars, rules: Rules, period: tuple[date | None, date | None]
) -> Assembly:
    begin, end = period_of(bars, market, *period)
    return rules_history(bars, market, rules, first=begin, last=end)
