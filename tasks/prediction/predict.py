"""The steps of a slot, each recorded once: the prediction, then the plan of the rules."""

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
from ml_core.strategy.rules import Rules
from monitoring.gate import Gate
from registry.definitions.markets import remember_definition
from registry.strategy import order_intents, record_strategy, strategy_records
from registry.trades import remember_rules
from tasks.notices.events import IntentWritten, PredictionMade, SlotMissed, emit
from tasks.prediction.account_now import account_standing
from tasks.prediction.slot_bars import Arrival, read_bars
from tasks.prediction.slot_context import load_context, next_version
from tasks.prediction.slots import latest_slot
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings, now


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSummary:
    """One role's prediction of a slot: a ledger entry without its features.

    ``why`` holds its reasons in words; ``added`` says whether this run recorded it.
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
    """A slot's context, its ledger entries, and whether this run added them."""

    context: SlotContext
    entries: tuple[PredictionEntry, ...]
    added: bool

    @property
    def summaries(self) -> tuple[PredictionSummary, ...]:
        """Each role's prediction, without the features."""
        return tuple(summary_of(entry, added=self.added) for entry in self.entries)

    @property
    def champion(self) -> PredictionEntry | None:
        """The champion's entry in the ledger."""
        return next((entry for entry in self.entries if entry.role == "champion"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSlot:
    """The recorded decision of a strategy's rules on a slot, and the stage at that time."""

    record: StrategyRecord
    stage: Stage
    rules: str

    @property
    def plan(self) -> ActivePlan:
        """The plan that is active in this stage."""
        plan = rules_plan.active_plan(self.record)
        return ActivePlan(stage=self.stage, rules=self.rules, **field_values(plan))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePlan(Plan):
    """The armed plan, with its rules and the stage."""

    stage: Stage
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotResult:
    """Result of a run of shadow-predict.

    Attributes
    ----------
    slot
        ``MARKET:DAY:RANGE``.
    verdict
        The champion's prediction in one line, or why there is none.
    entries
        Each role's prediction, the champion's first.
    plan
        The plan that the rules armed; None if they made no decision.
    gates
        The conditions of a recommendation, and whether each was met.
    trouble
        The problem with the bars; None if there was none.
    today
        Why the day has no slots; None if it has some.
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
    """Predict and record a slot in one task; the first entry is final, a second run adds none."""
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
    """Apply the rules to the slot, without and with the champion's prediction; record both."""
    settings, context, champion = current_settings(), predicted.context, predicted.champion
    if champion is None:
        return None
    traded, *others = (
        settings.rules(context.market.symbol, name)
        for name in settings.followed(context.market.symbol)
    )
    record = _plan_by(settings, context, champion, traded)
    for rules in others:
        _plan_by(settings, context, champion, rules, beside=True)
    if record is None:
        return None
    return PlannedSlot(record=record, stage=context.stage, rules=traded.name)


def _plan_by(
    settings: Settings,
    context: SlotContext,
    champion: PredictionEntry,
    rules: Rules,
    *,
    beside: bool = False,
) -> StrategyRecord | None:
    """Return the slot's decision by some rules: that on record, or one that is recorded now."""
    record = rules_plan.recorded_plan(context, rules)
    if record is not None:
        return record
    bars = context.bars
    if bars is None:
        bars = read_bars(settings, context.market, context.slot)
    account = None
    if not beside:
        account = account_standing(settings, context.market, context.mode, context.slot.decision)
    plan = rules_plan.plan_slot(context, bars, champion, rules, _made_at(), account, beside=beside)
    if plan is None:
        return None
    remember_rules(settings.database(), rules, plan[0].at)
    return _record_plan(settings, *plan)


def decided_entries(
    settings: Settings, market: Market, slot: Slot, made_at: datetime, mode: Mode
) -> list[PredictionEntry]:
    """Return each version's prediction for a slot, or why there is none; nothing is recorded.

    Raises
    ------
    PrematurePredictionError
        The window of a live slot has not closed.
    """
    return _decided(settings, load_context(settings, market, slot, made_at, mode))


def get_ready(market: str) -> None:
    """Predict the previous slot without recording it, to load what the next prediction needs.

    A scheduled run starts some seconds early; it reads models, bars and code while it waits.
    """
    settings = current_settings()
    definition = settings.market(market)
    decided_entries(settings, definition, latest_slot(definition, now()), now(), "replay")


def announce(decided: Sequence[PredictionEntry], recorded: Sequence[PredictionEntry]) -> None:
    """Emit an event for each live slot whose entry from this process is in the ledger.

    Parameters
    ----------
    decided
        The entries that this process made.
    recorded
        The slots' entries in the ledger now; another process may have recorded first.
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
    if len(added) < len(entries):  # another process recorded first; its entries are final
        recorded = ledger.of_slot(slot.symbol, slot.trading_day, slot.opening_range, context.mode)
    announce(entries, recorded)
    return PredictedSlot(context=context, entries=recorded, added=bool(added))


def _record_plan(
    settings: Settings, record: StrategyRecord, intent: OrderIntent | None
) -> StrategyRecord | None:
    """Record a decision and its intent; if another process was first, return its decision."""
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
    """Emit an event if this intent is in the outbox; an earlier one by other rules is kept."""
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
    """Return an entry's summary, without its features."""
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
