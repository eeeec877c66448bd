"""Trading days as their messages need them: forecasts, plans, breaks and results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from ml_core.backtest.driftless_forecast import DriftlessForecast, driftless_forecast
from ml_core.decision.entry import Mode, PredictionEntry
from ml_core.decision.plan_record import SlotKey, StrategyRecord, first_by_slot
from ml_core.decision.plan_slot import OPEN_DAYS, active_plan
from ml_core.features.all import CATALOGUE
from ml_core.features.history import HISTORY_DAYS
from ml_core.learning.datasets.assemble import Assembly, NoBarsError
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.market.schedule import first_minute, to_minute
from ml_core.market_events import STAGES, Stage
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trade_rule import TradeRule
from ml_core.strategy.trades import PlanResult, TradedSlot, follow_plans
from registry.ledger.entries import OutcomeEntry, Settled
from registry.news import news_of
from registry.strategy import strategy_records
from registry.trades import TradeKey, trades_on_record
from tasks.prediction.outcomes.settled_trades import recorded_rules
from tasks.prediction.trading_day import Candles, candles_of
from tasks.rollout.stage import stage_of
from tasks.settings import Settings

_CONTRACT_DAYS = timedelta(days=14)
"""Days of bars that are needed to choose a day's contract, holidays included."""

_RULE_DAYS = timedelta(days=HISTORY_DAYS + 2)
"""Days of bars that are needed for a stop in ATR and for a rule's driftless price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedSlot:
    """What is known of a slot with an entry in the ledger.

    Attributes
    ----------
    entry, outcome
        The champion's entry, and the recorded outcome by its label; None while it is open.
    rules
        The rules of its plan; the current rules if there is no plan.
    row
        The range, by the columns of the slot table; None without bars.
    plan, stage
        The plan that was active at the decision, None if the rules decided nothing; and the lower
        of the stages then and now.
    traded
        The trade of the first break, or of a later one that the rules enter, as recorded once it
        is settled; None without bars.
    taken
        The result by the rules; None if they decided nothing.
    atr
        14-day ATR known at the decision, ticks; None if it is not known, or no rules need it.
    beside
        The same slot by each of the other strategies that planned it.
    """

    entry: PredictionEntry
    outcome: OutcomeEntry | None
    rules: Rules
    row: Mapping[str, Any] | None
    plan: Plan | None
    stage: Stage
    traded: TradedSlot | None
    taken: PlanResult | None
    atr: float | None = None
    beside: tuple[FollowedSlot, ...] = ()

    @property
    def rule(self) -> TradeRule:
        """The trade rule of its rules for its range."""
        return self.rules.for_range(self.entry.opening_range).trade_rule

    @property
    def key(self) -> SlotKey:
        """Its day and range."""
        return self.entry.trading_day, self.entry.opening_range

    @property
    def is_settled(self) -> bool:
        """Whether its outcome is known, if it was predicted, and any armed trade has ended.

        The rules may stay in a trade for longer than the label that the outcome is by.
        """
        is_open = (
            self.plan is not None
            and self.plan.armed
            and self.traded is not None
            and self.traded.resolved_at is None
        )
        return not is_open and (self.outcome is not None or self.entry.status != "predicted")

    @property
    def name(self) -> str:
        """Its name in the subject of a message."""
        return f"{self.entry.market} {self.entry.opening_range}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedDays:
    """Some trading days of a market, as known at a time.

    Attributes
    ----------
    market, rules, stage
        The market, its current rules, and its current stage.
    slots
        The slots with an entry in the ledger, in order of decision.
    taken
        The result of every recorded plan, including those of the days before.
    rows
        Every range of the days and of those before, by the columns of the slot table; none without
        bars.
    news
        Scheduled news on record; a slot uses only what was known at its decision.
    """

    market: Market
    rules: Rules
    stage: Stage
    slots: tuple[FollowedSlot, ...]
    taken: tuple[PlanResult, ...]
    rows: Mapping[SlotKey, Mapping[str, Any]] = field(default_factory=dict)
    news: tuple[NewsEvent, ...] = ()
    _made: Assembly | None = field(default=None, repr=False)
    _positions: Mapping[SlotKey, int] = field(default_factory=dict, repr=False)

    def driftless(self, slot: FollowedSlot) -> DriftlessForecast | None:
        """Return the forecast of a driftless price for the rules' trade; None if it is not known.

        It is known when the range closes, and uses nothing later.
        """
        position = self._positions.get(slot.key)
        if self._made is None or position is None:
            return None
        if not self._made.ranges.usable[position]:
            return None
        return driftless_forecast(self._made, slot.rules, position, slot.atr)

    def candles(self, key: SlotKey, *, whole_day: bool = False) -> Candles | None:
        """Return a slot's bars to its session's end, or to the day's; None if there are none."""
        position = self._positions.get(key)
        if self._made is None or position is None:
            return None
        candles = candles_of(self._made, position, self.market, whole_day=whole_day)
        return candles if len(candles.minute) else None


def followed_days(
    settings: Settings, name: str, first: date, last: date, at: datetime, mode: Mode = "live"
) -> FollowedDays:
    """Follow the recorded plans of some days, using only what was known at a time.

    Parameters
    ----------
    settings, name
        The installation, and the name of a market file.
    first, last
        Trading days, both included.
    at
        Aware time, now.
    mode
        Whether to follow the live plans or the replayed ones.
    """
    market = settings.market(name)
    now = settings.rules(market.symbol)
    stage = stage_of(settings, market.symbol, at)[0]
    settled = settings.ledger().settled(market.symbol, first=first, last=last, mode=mode)
    champions = [row for row in settled if row.prediction.role == "champion"]
    database, begin = settings.database(), first - OPEN_DAYS
    records = strategy_records(database, market.symbol, mode=mode, first=begin, last=last)
    counted = first_by_slot(records)
    recorded = recorded_rules(settings, market)
    rules = {one: recorded.get(one, now) for one in (now.hash, *(r.rules_hash for r in records))}
    made = _assembled(settings, market, tuple(rules.values()), first, last, at)
    table = [] if made is None else slot_table(made).to_pylist()
    rows = {(row["trading_day"], row["opening_range"]): row for row in table}
    trades = trades_on_record(database, market.symbol, first=begin, last=last)
    traded = {
        (*slot.key, one): slot.as_settled(trades.get((*slot.key, one)), at)
        for one, own in rules.items()
        for slot in (() if made is None else slots_of(made, own, every_break=True))
    }
    atr = _atr(made, table, tuple(rules.values()))
    taken = _taken(now, counted, traded)
    aside = [record.rules_hash for record in records if counted[record.key] is not record]
    by_rules = {
        one: {record.key: record for record in records if record.rules_hash == one}
        for one in dict.fromkeys(aside)
    }

    def slot_of(
        row: Settled, record: StrategyRecord | None, own: tuple[PlanResult, ...]
    ) -> FollowedSlot:
        key = _key(row.prediction)
        hash_ = record.rules_hash if record else now.hash
        return FollowedSlot(
            entry=row.prediction,
            outcome=row.outcome,
            rules=rules[hash_],
            row=rows.get(key),
            plan=active_plan(record) if record else None,
            stage=_lower(record.stage if record else stage, stage),
            traded=traded.get((*key, hash_)),
            taken=next((one for one in own if one.slot.key == key), None),
            atr=atr.get(key),
        )

    others = {one: _taken(rules[one], own, traded) for one, own in by_rules.items()}
    slots = [
        replace(
            slot_of(row, counted.get(key), taken),
            beside=tuple(
                slot_of(row, own[key], others[one])
                for one, own in by_rules.items()
                if key in own and own[key] is not counted[key]
            ),
        )
        for row in champions
        for key in [_key(row.prediction)]
    ]
    return FollowedDays(
        market=market,
        rules=now,
        stage=stage,
        slots=tuple(sorted(slots, key=lambda slot: slot.entry.decision_time)),
        taken=taken,
        rows=rows,
        news=news_of(database, market.symbol),
        _made=made,
        _positions=dict(zip(rows, () if made is None else made.reported.tolist(), strict=True)),
    )


def _taken(
    rules: Rules,
    records: Mapping[SlotKey, StrategyRecord],
    traded: Mapping[TradeKey, TradedSlot],
) -> tuple[PlanResult, ...]:
    """Return the results of a strategy's plans, as far as there are bars for them."""
    plans = {key: active_plan(record) for key, record in records.items()}
    keys = [(*key, record.rules_hash) for key, record in records.items()]
    slots = [traded[key] for key in keys if key in traded]
    return follow_plans(rules, slots, plans)


def _key(entry: PredictionEntry) -> SlotKey:
    return entry.trading_day, entry.opening_range


def _assembled(
    settings: Settings,
    market: Market,
    followed: Sequence[Rules],
    first: date,
    last: date,
    at: datetime,
) -> Assembly | None:
    weeks = _CONTRACT_DAYS if all(own.counted_by_labels for own in followed) else _RULE_DAYS
    begin = first_minute(first - OPEN_DAYS - weeks)
    end = first_minute(last + timedelta(days=3))
    bars = settings.lake().read(market, begin, min(to_minute(at), end))
    try:
        return rules_history(
            bars, market, followed[0], first=first - OPEN_DAYS, last=last, facts=False
        )
    except NoBarsError:
        return None


def _atr(
    made: Assembly | None, table: Sequence[Mapping[str, Any]], followed: Sequence[Rules]
) -> dict[SlotKey, float]:
    """Return the ATR of the usable slots of a slot table, if any rules need it."""
    if made is None or not any(own.need_atr for own in followed):
        return {}
    keys = [
        (row["trading_day"], row["opening_range"]) for row in table if row["exclusion"] is None
    ]
    column = made.with_features(CATALOGUE.select(("atr14",))).features[:, 0].tolist()
    return {key: value for key, value in zip(keys, column, strict=True) if math.isfinite(value)}


def _lower(one: str, other: Stage) -> Stage:
    return next(stage for stage in STAGES if stage in {one, other})
