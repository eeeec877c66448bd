"""Explain a slot's predictions from the ledger's rows and the rules' decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ml_core.decision.entry import Mode, PredictionEntry, Role
from ml_core.decision.plan_record import StrategyRecord, first_by_slot
from ml_core.errors import InputError
from ml_core.learning.predictions.prediction import Reason
from monitoring.explain import Explanation, explain, rule_gates
from registry.strategy import strategy_records
from tasks.settings import Settings

_PARTS = 3


class NotASlotError(InputError):
    """Error for text that names no slot, or a slot that is not in the ledger."""

    text: str
    fault: str
    template = (
        "slot {text!r} {fault}; write MARKET:DAY:RANGE, such as MGC:2025-06-30:0900, of a "
        "prediction that `orbcast predictions` lists"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedPrediction(Explanation):
    """An explained prediction of the ledger.

    Attributes
    ----------
    role, mode, model, version, made_at
        Role, mode and model of the prediction, and when it was made.
    pushes
        What pushed the prediction toward UP or DOWN, as logged.
    """

    role: Role
    mode: Mode
    model: str | None
    version: str | None
    made_at: datetime
    pushes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSlot:
    """Result of a run of explain: a slot and its explained predictions."""

    slot: str
    answers: tuple[ExplainedPrediction, ...]


def explained(
    settings: Settings, slot: str, mode: Mode | None = None
) -> tuple[ExplainedPrediction, ...]:
    """Explain every prediction of a slot: one for each role and mode.

    Parameters
    ----------
    settings
        Where the ledger is.
    slot
        ``MARKET:DAY:RANGE``.
    mode
        Live or replayed predictions; both by default.

    Raises
    ------
    NotASlotError
        The text names no slot, or the ledger has no entry for it.
    """
    symbol, day, name = _parts(slot)
    rows = settings.ledger().settled(symbol, first=day, last=day, mode=mode)
    entries = [row.prediction for row in rows if row.prediction.opening_range == name]
    if not entries:
        raise NotASlotError(slot, "has no prediction in the ledger")
    return tuple(_explained(settings, entry) for entry in entries)


def explanation_of(settings: Settings, entry: PredictionEntry) -> Explanation:
    """Explain one prediction; the champion's includes the rules' decision on the slot."""
    return explain_entry(entry, _decided(settings, entry) if entry.role == "champion" else None)


def explain_entry(entry: PredictionEntry, record: StrategyRecord | None) -> Explanation:
    """Explain one prediction, with the rules' decision on the slot if there is one."""
    return explain(
        status=entry.status,
        reason=entry.reason,
        recommendation=entry.recommendation,
        late=entry.late,
        outputs=entry.outputs,
        rules=() if record is None else rule_gates(record.without_model["checks"]),
    )


def _decided(settings: Settings, entry: PredictionEntry) -> StrategyRecord | None:
    records = strategy_records(
        settings.database(),
        entry.market,
        mode=entry.mode,
        first=entry.trading_day,
        last=entry.trading_day,
    )
    return first_by_slot(records).get((entry.trading_day, entry.opening_range))


def _parts(text: str) -> tuple[str, date, str]:
    parts = text.split(":")
    if len(parts) != _PARTS:
        raise NotASlotError(text, "is not a slot")
    try:
        return parts[0].upper(), date.fromisoformat(parts[1]), parts[2]
    except ValueError:
        raise NotASlotError(text, "has no readable day") from None


def _explained(settings: Settings, entry: PredictionEntry) -> ExplainedPrediction:
    explanation = explanation_of(settings, entry)
    return ExplainedPrediction(
        verdict=explanation.verdict,
        gates=explanation.gates,
        reasons=explanation.reasons,
        role=entry.role,
        mode=entry.mode,
        model=entry.model,
        version=entry.version,
        made_at=entry.made_at,
        pushes=entry.outputs.reasons,
    )
