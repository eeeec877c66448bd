"""What the rules would have brought, and what the recorded decisions did."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, datetime

from ml_core.bars.arrays import Bars
from ml_core.decision.plan_slot import plans_of
from ml_core.features.all import CATALOGUE
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.market.market import Market
from ml_core.strategy.backtest_result import BacktestResult, backtest_result
from ml_core.strategy.driftless_rule import OnWalk, driftless_trades
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import RULE_FEATURES, slots_of
from ml_core.strategy.trades import SIDE_OF, Slot, Taken, backtest, follow
from registry.ledger.entries import Mode, OutcomeEntry
from registry.strategy import strategy_records
from tasks.data.datasets import known_bars, period_of
from tasks.settings import Settings
from tasks.training.questions import record_look

STRATEGY = "strategy"
"""Name of the search that rules followed through history belong to."""


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
    """Follow the rules alone through the lake's history, costs included, and count the look.

    Parameters
    ----------
    settings, name, rules
        The market file's name, and the rules.
    first, last
        Trading days; None, from the first or to the last there is.
    at
        Aware time, now.
    on_walk
        Called with (driftless prices done, in all).
    """
    market = settings.market(name)
    bars = known_bars(settings, name, market, at)
    history = _history(market, bars, rules, (first, last))
    values = {
        "rules": rules.name,
        "rules_hash": rules.hash,
        "first": str(first) if first else None,
        "last": str(last) if last else None,
    }
    asked = {key: value for key, value in values.items() if key != "rules"}
    looks = record_look(
        settings,
        market,
        bars,
        at,
        study=STRATEGY,
        name=rules.name,
        looked_hash=hashlib.sha256(json.dumps({STRATEGY: asked}).encode()).hexdigest(),
        values=values,
    )
    taken = backtest(rules, slots_of(history, rules))
    driftless = driftless_trades(history, rules, on_walk=on_walk)
    return backtest_result(rules, taken, driftless, looks=looks)


def follow_rules(
    settings: Settings,
    name: str,
    rules: Rules,
    *,
    first: date | None,
    last: date | None,
    at: datetime,
) -> tuple[Taken, ...]:
    """Follow the rules through some trading days, for what was planned there and no question."""
    market = settings.market(name)
    history = _history(market, known_bars(settings, name, market, at), rules, (first, last))
    return backtest(rules, slots_of(history, rules))


def followed_days(
    settings: Settings, name: str, rules: Rules, mode: Mode, at: datetime
) -> tuple[tuple[Taken, ...], tuple[Taken, ...]]:
    """Follow the recorded plans, with the model and without it, through what then happened.

    Outcomes are the ledger's where it has them under the label that counts the rules' trade; the
    bars tell when each trade was entered.
    """
    market = settings.market(name)
    plans = plans_of(
        strategy_records(settings.database(), market.symbol, mode=mode, rules_hash=rules.hash)
    )
    if not plans:
        return (), ()
    days = sorted(day for day, _ in plans)
    bars = known_bars(settings, name, market, at)
    history = _history(market, bars, rules, (days[0], days[-1]))
    outcomes = {
        (row.outcome.trading_day, row.outcome.opening_range): row.outcome
        for row in settings.ledger().settled(
            market.symbol, first=days[0], last=days[-1], mode=mode
        )
        if row.outcome is not None
    }
    slots = [
        as_recorded(slot, outcomes.get((slot.trading_day, slot.opening_range)), rules)
        for slot in slots_of(history, rules)
        if (slot.trading_day, slot.opening_range) in plans
    ]

    def of(which: str) -> tuple[Taken, ...]:
        return follow(
            rules, slots, lambda slot, _: plans[slot.trading_day, slot.opening_range][which]
        )

    return of("with"), of("without")


def _history(
    market: Market, bars: Bars, rules: Rules, period: tuple[date | None, date | None]
) -> Assembly:
    begin, end = period_of(bars, market, *period)
    return assemble(
        bars,
        market,
        rules.label,
        first=begin,
        last=end,
        features=CATALOGUE.select(RULE_FEATURES),
    )


def as_recorded(slot: Slot, outcome: OutcomeEntry | None, rules: Rules) -> Slot:
    """Put the ledger's outcome in the place of what the bars say today.

    Only where it is of the same side, and of the label that counts the trade of the rules.
    """
    side = SIDE_OF.get(outcome.direction) if outcome else None
    if outcome is None or side is None or side != slot.side:
        return slot
    label = rules.for_range(slot.opening_range).counted_by
    if label is None or outcome.label != label.key:
        return slot
    return replace(
        slot, r_net=outcome.r_net, r_gross=outcome.r_gross, resolved_at=outcome.resolved_at
    )
