"""Rules applied to an entry: silence it as novel, or hold it back for the breaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ml_core.decision.abstain import NOVEL, WITHOUT_PREDICTION
from ml_core.decision.context import RoleVersion, SlotContext
from ml_core.decision.entry import PredictionEntry
from ml_core.learning.predictions.novelty import may_silence

SKIP = "skip"

MarkRule = Callable[[SlotContext, RoleVersion, PredictionEntry], PredictionEntry]


def novelty(context: SlotContext, version: RoleVersion, entry: PredictionEntry) -> PredictionEntry:
    """Silence a row unlike the training data, and keep the prediction that was withheld.

    If too many recent slots were silenced, the prediction is made and marked. The corridor is
    never silenced: it uses only the range itself, so nothing can be novel to it.
    """
    prediction = entry.outputs.prediction
    if entry.status != "predicted" or version.kind == "baseline" or prediction is None:
        return entry
    score = prediction.novelty
    if score is None or not score.novel:
        return entry
    if not may_silence(context.silenced.get(entry.role, ())):
        marked = replace(prediction, novelty=replace(score, too_many_silenced=True))
        return replace(entry, outputs=replace(entry.outputs, prediction=marked))
    return replace(
        entry,
        status="abstained",
        reason=NOVEL,
        p_up=None,
        baseline_p_up=None,
        recommendation=None,
        expected_net_r=None,
    )


def held_back(
    context: SlotContext, _version: RoleVersion, entry: PredictionEntry
) -> PredictionEntry:
    """Mark an entry made while the breaker is not closed: it recommends no trade."""
    if context.breaker == "closed" or entry.reason in WITHOUT_PREDICTION:
        return entry
    marked = replace(entry.outputs, breaker=context.breaker, breaker_cause=context.breaker_cause)
    recommends = SKIP if entry.status == "predicted" else None
    return replace(entry, recommendation=recommends, outputs=marked)


RULES: tuple[MarkRule, ...] = (novelty, held_back)
"""All rules, in order of application."""
