"""Replay: past slots answered by the very code that answers live ones, kept apart from them."""

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
"""Times that progress is reported; one report is a call to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How many slots of a period were replayed, and what came of it.

    Attributes
    ----------
    slots
        Of the period.
    added
        Answered by this run; the others had an answer.
    predicted
        With a prediction.
    in_training
        Of days that the version had learned from.
    reasons
        How many were not predicted, by reason.
    verdict
        How the predictions did; empty until they are settled.
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
    """Answer every slot of a period as of its decision, and decide it by the rules.

    A slot that was replayed before keeps its first answer.

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
