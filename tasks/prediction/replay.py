"""Replay: past slots answered by the very code that answers live ones, kept apart from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from prefect import task

from tasks.prediction.predict import plan_slot, predict_slot
from tasks.prediction.slots import slots_between
from tasks.runs.periods import require_period
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

_REPORTS = 30
"""Times that progress is reported; one report is a call to the server."""


@task(name="replay the days", task_run_name="replay {market} {first} to {last}", **RETRIED)
def replay_days(
    market: str, first: date, last: date, on_progress: Callable[[float], None]
) -> dict[str, Any]:
    """Answer every slot of a period as of its decision, and decide it by the rules.

    A slot that was replayed before keeps its first answer.

    Raises
    ------
    ReversedPeriodError
        The period ends before it begins.
    """
    require_period(first, last)
    slots = slots_between(current_settings().market(market), first, last)
    counts: dict[str, int] = {"slots": len(slots), "added": 0, "predicted": 0, "in_training": 0}
    reasons: dict[str, int] = {}
    for done, slot in enumerate(slots, 1):
        predicted = predict_slot.fn(market, slot, "replay")
        plan_slot.fn(predicted)
        champion = predicted.entries[0]
        counts["added"] += predicted.added
        counts["predicted"] += champion.status == "predicted"
        counts["in_training"] += champion.outputs.after_training is False
        if champion.reason:
            reasons[champion.reason] = reasons.get(champion.reason, 0) + 1
        if done % max(len(slots) // _REPORTS, 1) == 0 or done == len(slots):
            on_progress(done / len(slots))
    return {**counts, "reasons": reasons}
