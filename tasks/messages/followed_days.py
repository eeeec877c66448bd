"""Trading days as their messages need them: forecasts, plans, breaks and results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from ml_core.backtest.driftless_forecast import DriftlessForecast, driftless_forecast
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.plan_record import SlotKey, first_of_each_slot
from ml_core.decision.plan_slot import OPEN_DAYS, active_plan
from ml_core.features.all import CATALOGUE
from ml_core.features.history import HISTORY_DAYS
from ml_core.learning.datasets.assemble import Assembly, NoBarsError, assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import Market
from ml_core.market.news import NewsEvent
from ml_core.market.schedule import first_minute, to_minute
from ml_core.market_events import STAGES, Stage
from ml_core.strategy.plan import Plan
from ml_core.strategy.rules import Rules
from ml_core.strategy.slots import slots_of
from ml_core.strategy.trades import Taken, TradedSlot, follow
from registry.ledger.entries import OutcomeEntry
from registry.news import news_of
from registry.strategy import strategy_records
from tasks.prediction.trading_day import Candles, candles_of
from tasks.prediction.value_added import as_recorded
from tasks.rollout.stage import stage_of
from tasks.settings import Settings

_CONTRACT_DAYS = timedelta(days=14)
"""Bars that the choice of a day's contract looks back on, holidays among them."""

_RULE_DAYS = timedelta(days=HISTORY_DAYS + 2)
"""Bars that a stop in ATR and the driftless price of a rule look back on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedSlot:
    """What is known of a slot with a live entry in the ledger.

    Attributes
    ----------
    entry, outcome
        The champion's entry, and the ledger's outcome of it; None while it is open.
    row
        The range, by the columns of the slot table; None without bars.
    plan, stage
        What was active at the decision, None where the rules decided nothing; the lower of the
        stages then and now.
    traded
        The trade of the first break, or of another that the rules enter; None without bars. Where
        the ledger has its outcome, that.
    taken
        What the rules made of it; None where they decided nothing.
    atr
        14-day ATR known at the decision, ticks; None where it is not, or the rules do not ask.
    """

    entry: PredictionEntry
    outcome: OutcomeEntry | None
    row: Mapping[str, Any] | None
    plan: Plan | None
    stage: Stage
    traded: TradedSlot | None
    taken: Taken | None
    atr: float | None = None

    @property
    def key(self) -> SlotKey:
        """Its day and range."""
        return self.entry.trading_day, self.entry.opening_range

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
        Whose, by which rules, and the stage now.
    slots
        Those with a live entry in the ledger, in order of decision.
    taken
        What the rules made of every recorded plan, those of the days before among them.
    news
        Scheduled news on record; what was not known at a slot's decision is none of it.
    """

    market: Market
    rules: Rules
    stage: Stage
    slots: tuple[FollowedSlot, ...]
    taken: tuple[Taken, ...]
    news: tuple[NewsEvent, ...] = ()
    _made: Assembly | None = field(default=None, repr=False)
    _positions: Mapping[SlotKey, int] = field(default_factory=dict, repr=False)

    def driftless(self, slot: FollowedSlot) -> DriftlessForecast | None:
        """Return what a price without drift gives the rules' trade; None where that is not known.

        It is known when the range closes, and rests on nothing later.
        """
        position = self._positions.get(slot.key)
        if self._made is None or position is None:
            return None
        if not self._made.ranges.usable[position]:
            return None
        return driftless_forecast(self._made, self.rules, position, slot.atr)

    def candles(self, slot: FollowedSlot) -> Candles | None:
        """Return the bars of a slot; None without any."""
        position = self._positions.get(slot.key)
        if self._made is None or position is None:
            return None
        candles = candles_of(self._made, position, self.market)
        return candles if len(candles.minute) else None


def followed_days(
    settings: Settings, name: str, first: date, last: date, at: datetime
) -> FollowedDays:
    """Follow the recorded plans of some days, using only what was known at a time.

    Parameters
    ----------
    settings, name
        Of which market file.
    first, last
        Trading days, both included.
    at
        Aware time, now.
    """
    market = settings.market(name)
    rules = settings.rules(market.symbol)
    stage = stage_of(settings, market.symbol, at)[0]
    settled = settings.ledger().settled(market.symbol, first=first, last=last, mode="live")
    champions = [row for row in settled if row.prediction.role == "champion"]
    outcomes = {_key(row.prediction): row.outcome for row in champions}
    records = first_of_each_slot(
        strategy_records(
            settings.database(), market.symbol, mode="live", first=first - OPEN_DAYS, last=last
        )
    )
    plans = {key: active_plan(record) for key, record in records.items()}
    made = _assembled(settings, market, rules, first, last, at)
    table = [] if made is None else slot_table(made).to_pylist()
    keys = [(row["trading_day"], row["opening_range"]) for row in table]
    rows = dict(zip(keys, table, strict=True))
    traded = {
        slot.key: as_recorded(slot, outcomes.get(slot.key), rules)
        for slot in (() if made is None else slots_of(made, rules, every_break=True))
    }
    atr = _atr(made, rules, list(traded))
    planned = [slot for key, slot in traded.items() if key in plans]
    taken = follow(rules, planned, lambda slot, _: plans[slot.key])
    by_key = {trade.slot.key: trade for trade in taken}
    slots = [
        FollowedSlot(
            entry=row.prediction,
            outcome=row.outcome,
            row=rows.get(key),
            plan=plans.get(key),
            stage=_lower(records[key].stage if key in records else stage, stage),
            traded=traded.get(key),
            taken=by_key.get(key),
            atr=atr.get(key),
        )
        for row in champions
        for key in [_key(row.prediction)]
    ]
    slots.sort(key=lambda slot: slot.entry.decision_time)
    return FollowedDays(
        market=market,
        rules=rules,
        stage=stage,
        slots=tuple(slots),
        taken=taken,
        news=news_of(settings.database(), market.symbol),
        _made=made,
        _positions=dict(zip(keys, () if made is None else made.reported.tolist(), strict=True)),
    )


def _key(entry: PredictionEntry) -> SlotKey:
    return entry.trading_day, entry.opening_range


def _assembled(
    settings: Settings, market: Market, rules: Rules, first: date, last: date, at: datetime
) -> Assembly | None:
    weeks = _CONTRACT_DAYS if rules.counted_by_labels else _RULE_DAYS
    begin = first_minute(first - OPEN_DAYS - weeks)
    end = first_minute(last + timedelta(days=3))
    bars = settings.lake().read(market, begin, min(to_minute(at), end))
    try:
        return assemble(bars, market, rules.label, first=first - OPEN_DAYS, last=last, features=())
    except NoBarsError:
        return None


def _atr(made: Assembly | None, rules: Rules, keys: list[SlotKey]) -> dict[SlotKey, float]:
    """Return the ATR of the usable slots, in their order, where the rules count stops in it."""
    if made is None or not rules.need_atr:
        return {}
    column = made.with_features(CATALOGUE.select(("atr14",))).features[:, 0].tolist()
    return {key: value for key, value in zip(keys, column, strict=True) if math.isfinite(value)}


def _lower(one: str, other: Stage) -> Stage:
    return next(stage for stage in STAGES if stage in {one, other})
