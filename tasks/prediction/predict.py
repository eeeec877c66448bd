"""The steps of a slot: predicted and written down, planned by the rules and written down, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prefect import task

from ml_core.decision import plan_slot as rules_plan
from ml_core.decision.abstain import MISSED
from ml_core.decision.context import SlotContext
from ml_core.decision.decide import decide
from ml_core.decision.entry import Mode, PredictionEntry, Role, Status
from ml_core.decision.plan_record import OrderIntent, StrategyRecord
from ml_core.decision.slot import Slot
from ml_core.json_values import field_values
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market
from ml_core.market_events import Stage
from ml_core.strategy.plan import Plan
from monitoring.gate import Gate
from registry.definitions.markets import remember_definition
from registry.strategy import order_intents, record_strategy, strategy_records
from tasks.notices.events import IntentWritten, PredictionMade, SlotMissed, emit
from tasks.prediction.account_now import account_standing
from tasks.prediction.slot_bars import Arrival, read_bars
from tasks.prediction.slot_context import load_context, next_version
from tasks.prediction.slots import latest_slot
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings, now


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSummary:
    """What one role's version predicted of a slot: an entry of the ledger without its features.

    ``why`` are its reasons in words, ``added`` says whether this run recorded it.
    """

    role: Role
    model: str | None
    version: str | None
    status: Status
    reason: str | None
    late: bool
    p_up: float | None
    baseline_p_up: float | None
    recommendation: str | None
    expected_net_r: float | None
    why: tuple[str, ...]
    fallback: str | None
    after_training: bool | None
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSlot:
    """What was known of a slot, what the ledger holds of it now, and whether this run added it."""

    context: SlotContext
    entries: tuple[PredictionEntry, ...]
    added: bool

    @property
    def summaries(self) -> tuple[PredictionSummary, ...]:
        """What each role predicted, without the features."""
        return tuple(summary_of(entry, added=self.added) for entry in self.entries)

    @property
    def champion(self) -> PredictionEntry | None:
        """The champion's entry."""
        return next((entry for entry in self.entries if entry.role == "champion"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSlot:
    """What the rules of a name decided of a slot, as recorded, and the stage when they did."""

    record: StrategyRecord
    stage: Stage
    rules: str

    @property
    def plan(self) -> ActivePlan:
        """The plan that is active at the stage."""
        plan = rules_plan.active_plan(self.record)
        return ActivePlan(stage=self.stage, rules=self.rules, **field_values(plan))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePlan(Plan):
    """What is armed, by which rules and at which stage."""

    stage: Stage
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotResult:
    """What a run of shadow-predict returns.

    Attributes
    ----------
    slot
        ``MARKET:DAY:RANGE``.
    verdict
        The champion's prediction in one line, or why there is none.
    entries
        What each role predicted, the champion first.
    plan
        What the rules armed; None where they decided nothing.
    gates
        What had to be so for a recommendation, and whether it was.
    trouble
        What went wrong with the bars; None where nothing did.
    today
        Why the day has no slots; None where it has.
    """

    slot: str
    verdict: str
    entries: tuple[PredictionSummary, ...]
    plan: ActivePlan | None
    gates: tuple[Gate, ...]
    trouble: str | None
    today: str | None


@task(name="predict and log", task_run_name="predict {slot.title}", **RETRIED)
def predict_slot(
    market: str, slot: Slot, mode: Mode, arrival: Arrival | None = None
) -> PredictedSlot:
    """Predict a slot in one unit of work; the first word stands, a second run adds nothing."""
    settings = current_settings()
    definition = settings.market(market)
    context = load_context(settings, definition, slot, _made_at(), mode, arrival)
    if context.recorded:
        return PredictedSlot(context=context, entries=context.recorded, added=False)
    return _record(settings, context, _decided(settings, context))


@task(
    name="decide by the rules",
    task_run_name="rules on {predicted.context.slot.title}",
    **RETRIED,
)
def plan_slot(predicted: PredictedSlot) -> PlannedSlot | None:
    """Have the rules decide the slot, without the champion's prediction and with it; keep both."""
    settings, context, champion = current_settings(), predicted.context, predicted.champion
    if champion is None:
        return None
    rules = settings.rules(context.market.symbol)
    record = rules_plan.recorded_plan(context, rules)
    if record is None:
        bars = context.bars
        if bars is None:
            bars = read_bars(settings, context.market, context.slot)
        account = account_standing(settings, context.market, context.mode, context.slot.decision)
        plan = rules_plan.plan_slot(context, bars, champion, rules, _made_at(), account)
        record = _record_plan(settings, *plan) if plan else None
    if record is None:
        return None
    return PlannedSlot(record=record, stage=context.stage, rules=rules.name)


def decided_entries(
    settings: Settings, market: Market, slot: Slot, made_at: datetime, mode: Mode
) -> list[PredictionEntry]:
    """Return each version's prediction for a slot, or why there is none; nothing is kept.

    Raises
    ------
    PrematureAnswerError
        The window of a live slot has not closed.
    """
    return _decided(settings, load_context(settings, market, slot, made_at, mode))


def get_ready(market: str) -> None:
    """Predict the slot before and keep nothing: what a prediction needs is loaded by then.

    A scheduled run is there some seconds before its time; models, bars and code are read while it
    waits.
    """
    settings = current_settings()
    definition = settings.market(market)
    decided_entries(settings, definition, latest_slot(definition, now()), now(), "replay")


def announce(decided: Sequence[PredictionEntry], recorded: Sequence[PredictionEntry]) -> None:
    """Emit what became of live slots, of those whose entries the ledger took.

    Parameters
    ----------
    decided
        What was to be recorded.
    recorded
        What the ledger has of these slots now: another process's entries may have been first.
    """
    ours = {(entry.trading_day, entry.opening_range, entry.made_at) for entry in decided}
    for entry in recorded:
        if entry.mode != "live" or entry.role != "champion":
            continue
        if (entry.trading_day, entry.opening_range, entry.made_at) not in ours:
            continue
        slot: dict[str, Any] = {
            "market": entry.market,
            "trading_day": entry.trading_day,
            "opening_range": entry.opening_range,
        }
        if entry.reason == MISSED:
            emit(SlotMissed(**slot, decision_time=entry.decision_time))
        elif entry.status == "predicted":
            names = ("version", "made_at", "late", "p_up", "baseline_p_up", "recommendation")
            values = {name: getattr(entry, name) for name in (*names, "expected_net_r")}
            emit(PredictionMade(**slot, **values))


def _made_at() -> datetime:
    return now()


def _decided(settings: Settings, context: SlotContext) -> list[PredictionEntry]:
    return list(decide(context, lambda without: next_version(settings, context, without)))


def _record(
    settings: Settings, context: SlotContext, entries: list[PredictionEntry]
) -> PredictedSlot:
    definition, slot = MarketDefinition.of(context.market), context.slot
    remember_definition(settings.database(), definition, context.made_at)
    ledger = settings.ledger()
    recorded = added = ledger.append(entries)
    if len(added) < len(entries):  # another process's entries were first, and stand
        recorded = ledger.of_slot(slot.symbol, slot.trading_day, slot.opening_range, context.mode)
    announce(entries, recorded)
    return PredictedSlot(context=context, entries=recorded, added=bool(added))


def _record_plan(
    settings: Settings, record: StrategyRecord, intent: OrderIntent | None
) -> StrategyRecord | None:
    """Keep a decision and its intent; where another process was first, return its decision."""
    database = settings.database()
    if record_strategy(database, record, intent):
        if intent is not None:
            _emit_intent(settings, intent)
        return record
    recorded = strategy_records(
        database,
        record.market,
        mode=record.mode,
        rules_hash=record.rules_hash,
        first=record.trading_day,
        last=record.trading_day,
    )
    return next((one for one in recorded if one.opening_range == record.opening_range), None)


def _emit_intent(settings: Settings, intent: OrderIntent) -> None:
    """Emit that an intent is in the outbox; one by other rules that was there before stays."""
    if intent not in order_intents(settings.database(), intent.market, since=intent.at):
        return
    emit(
        IntentWritten(
            market=intent.market,
            trading_day=intent.trading_day,
            opening_range=intent.opening_range,
            version=intent.version,
            rules_hash=intent.rules_hash,
            expires_at=intent.expires_at,
        )
    )


def summary_of(entry: PredictionEntry, *, added: bool) -> PredictionSummary:
    """Return an entry without its features."""
    return PredictionSummary(
        role=entry.role,
        model=entry.model,
        version=entry.version,
        status=entry.status,
        reason=entry.reason,
        late=entry.late,
        p_up=entry.p_up,
        baseline_p_up=entry.baseline_p_up,
        recommendation=entry.recommendation,
        expected_net_r=entry.expected_net_r,
        why=tuple(reason.words for reason in entry.outputs.reasons),
        fallback=entry.outputs.fallback,
        after_training=entry.outputs.after_training,
        added=added,
    )
