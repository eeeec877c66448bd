"""Why a slot has the answer it has: the ledger's row, and the rules' decision beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ml_core.decision.entry import Mode, PredictionEntry, Role
from ml_core.decision.plan_record import StrategyRecord
from ml_core.errors import InputError
from ml_core.learning.predictions.prediction import Reason
from monitoring.explain import Explanation, explain, rule_gates
from registry.strategy import strategy_records
from tasks.settings import Settings

_PARTS = 3


class NotASlotError(InputError):
    """Text that names no slot, or one the ledger does not have."""

    text: str
    fault: str
    template = (
        "slot {text!r} {fault}; write MARKET:DAY:RANGE, such as MGC:2025-06-30:0900, of an answer "
        "that `orbcast predictions` shows"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedPrediction(Explanation):
    """A prediction of the ledger taken apart.

    Attributes
    ----------
    role, mode, model, version, made_at
        Whose prediction it is, and when it was made.
    pushes
        What pushed it toward UP or DOWN, as logged.
    """

    role: Role
    mode: Mode
    model: str | None
    version: str | None
    made_at: datetime
    pushes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSlot:
    """What a run of explain returns: a slot, and its predictions taken apart."""

    slot: str
    answers: tuple[ExplainedPrediction, ...]


def explained(
    settings: Settings, slot: str, mode: Mode | None = None
) -> tuple[ExplainedPrediction, ...]:
    """Take every prediction of a slot apart: one for each role and mode.

    Parameters
    ----------
    settings
        Where the ledger is.
    slot
        ``MARKET:DAY:RANGE``.
    mode
        Live or replayed answers; both when left out.

    Raises
    ------
    NotASlotError
        The text is no slot, or the ledger has no answer for it.
    """
    symbol, day, name = _parts(slot)
    rows = settings.ledger().settled(symbol, first=day, last=day, mode=mode)
    entries = [row.prediction for row in rows if row.prediction.opening_range == name]
    if not entries:
        raise NotASlotError(slot, "has no answer in the ledger")
    return tuple(_explained(settings, entry) for entry in entries)


def explanation_of(settings: Settings, entry: PredictionEntry) -> Explanation:
    """Take one prediction apart; the champion's with what the rules decided of the slot."""
    return explain_entry(entry, _decided(settings, entry) if entry.role == "champion" else None)


def explain_entry(entry: PredictionEntry, record: StrategyRecord | None) -> Explanation:
    """Take one prediction apart, with what the rules decided of the slot if they did."""
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
    same = [record for record in records if record.opening_range == entry.opening_range]
    return same[-1] if same else None


def _parts(text: str) -> tuple[str, date, str]:
    parts = text.split(":")
    if len(parts) != _PARTS:
        raise NotASlotError(text, "is no slot")
    try:
        return parts[0].upper(), date.fromisoformat(parts[1]), parts[2]
    except ValueError:
        raise NotASlotError(text, "has no day that can be read") from None


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
