"""The step that answers for a slot and writes the answer down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import task

from ml_core.market.definition import MarketDefinition
from monitoring.rollout import SHADOW, Position
from registry.definitions import remember_definition
from registry.ledger import Mode, PredictionEntry
from tasks.notices.events import PredictionMade, SlotMissed, emit
from tasks.prediction.decision import MISSED, answers
from tasks.prediction.slots import Slot, latest_slot
from tasks.prediction.strategy import decide_slot, holding
from tasks.rollout.stage import stage_of
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings, now


@task(name="decide by the rules", task_run_name="rules on {slot.title}", **RETRIED)
def decide(market: str, slot: Slot, mode: Mode) -> dict[str, Any] | None:
    """Have the rules decide the slot, without the champion's answer and with it; keep both."""
    settings = current_settings()
    rows = recorded(settings, slot, mode)
    champion = next((each for each in rows if each.role == "champion"), None)
    if champion is None:
        return None
    at = _made_at()
    stage, stands = stage_of(settings, slot.symbol, at) if mode == "live" else (SHADOW, Position())
    record = decide_slot(
        settings,
        settings.market(market),
        slot,
        champion,
        stage=stage,
        approval=stands.bound_to,
        at=at,
    )
    if record is None:
        return None
    plan = holding(record)
    return {"stage": stage, "rules": settings.rules().name, **plan.to_json()}


@task(name="predict and log", task_run_name="predict {slot.title}", **RETRIED)
def predict_slot(market: str, slot: Slot, mode: Mode) -> list[dict[str, Any]]:
    """Answer for a slot in one unit of work; the first word stands, a second run adds nothing."""
    settings = current_settings()
    entries, added = recorded(settings, slot, mode), 0
    if not entries:
        known, at = settings.market(market), _made_at()
        answered = answers(settings, known, slot, at, mode)
        remember_definition(settings.database(), MarketDefinition.of(known), at)
        added = settings.ledger().record(answered)
        entries = recorded(settings, slot, mode)
        announce(answered, entries)
    return [shown(entry, added=added > 0) for entry in entries]


def announce(answered: Sequence[PredictionEntry], recorded: Sequence[PredictionEntry]) -> None:
    """Emit what became of live slots, of those whose answers the ledger took.

    Parameters
    ----------
    answered
        What was to be recorded.
    recorded
        What the ledger has of these slots now: another process's answers may have been first.
    """
    ours = {(each.trading_day, each.opening_range, each.made_at) for each in answered}
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
            said = ("version", "made_at", "late", "p_up", "baseline_p_up", "recommendation")
            values = {name: getattr(entry, name) for name in (*said, "expected_net_r")}
            emit(PredictionMade(**slot, **values))


def get_ready(market: str) -> None:
    """Answer for the slot before and keep nothing: what an answer needs is loaded by then.

    A scheduled run is there some seconds before its time; models, bars and code are read while it
    waits.
    """
    settings = current_settings()
    known = settings.market(market)
    answers(settings, known, latest_slot(known, now()), now(), "replay")


def _made_at() -> datetime:
    return now()


def recorded(settings: Settings, slot: Slot, mode: Mode) -> list[PredictionEntry]:
    """Return what the ledger has of a slot in a mode."""
    day = slot.trading_day
    rows = settings.ledger().settled(slot.symbol, first=day, last=day, mode=mode)
    return [
        each.prediction for each in rows if each.prediction.opening_range == slot.opening_range
    ]


def shown(entry: PredictionEntry, *, added: bool) -> dict[str, Any]:
    """Return an entry's figures as plain values, without the features."""
    return {
        "role": entry.role,
        "model": entry.model,
        "version": entry.version,
        "status": entry.status,
        "reason": entry.reason,
        "late": entry.late,
        "p_up": entry.p_up,
        "baseline_p_up": entry.baseline_p_up,
        "recommendation": entry.recommendation,
        "expected_net_r": entry.expected_net_r,
        "why": [each["words"] for each in entry.outputs.get("reasons", [])],
        "fallback": entry.outputs.get("fallback"),
        "after_training": entry.outputs.get("after_training"),
        "added": added,
    }
