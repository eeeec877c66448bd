"""Replay: past slots predicted by the same code as live ones, and recorded separately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from prefect import task

from tasks.prediction.predict import plan_slot, predict_slot
from tasks.prediction.slots import slots_between
from tasks.runs.periods import require_period
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

_REPORTS = 30
"""How many times progress is reported; each report is a call to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Counts of a replay, and its verdict.

    Attributes
    ----------
    slots
        Number of slots in the period.
    added
        Number of slots recorded by this run; the others were recorded before.
    predicted
        Number of slots with a prediction.
    in_training
        Number of slots on days in the version's training data.
    reasons
        Number of slots without a prediction, by reason.
    verdict
        Performance of the predictions; empty until they are settled.
    """

    slots: int
    added: int
    predicted: int
    in_training: int
    reasons: Mapping[str, int]
    verdict: str = ""


@task(name="replay the days", task_run_name="replay {market} {first} to {last}", **RETRIED)
def replay_days(
    market: str, first: date, last: date, on_progress: Callable[[float], None]
) -> Replay:
    """Predict every slot of a period as of its decision time, and apply the rules to it.

    A slot that was replayed before keeps its first entry.

    Raises
    ------
    ReversedPeriodError
        The period ends before it begins.
    """
    require_period(first, last)
    slots = slots_between(current_settings().market(market), first, last)
    added = predictions = in_training = 0
    reasons: Counter[str] = Counter()
    for done, slot in enumerate(slots, 1):
        predicted = predict_slot.fn(market, slot, "replay")
        plan_slot.fn(predicted)
        champion = predicted.entries[0]
        added += predicted.added
        predictions += champion.status == "predicted"
        in_training += champion.outputs.after_training is False
        if champion.reason:
            reasons[champion.reason] += 1
        if done % max(len(slots) // _REPORTS, 1) == 0 or done == len(slots):
            on_progress(done / len(slots))
    return Replay(
        slots=len(slots),
        added=added,
        predicted=predictions,
        in_training=in_training,
        reasons=reasons,
    )
