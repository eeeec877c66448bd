"""The Prefect artifacts of a slot's prediction and of a replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.strategy.rules import SIDES
from monitoring.performance import Period
from tasks.health.performance_artifact import last_days, plots_of_record, scores_of
from tasks.prediction.explanation.artifact import reasons_plot
from tasks.prediction.predict import ActivePlan, PredictionSummary, SlotResult
from tasks.prediction.replay import Replay
from tasks.prediction.slot_bars import Arrival
from tasks.runs.artifacts import bullets, publish, table

_COLUMNS = {
    "role": "Role",
    "p_up": "P(UP), model",
    "baseline_p_up": "P(UP), corridor",
    "recommendation": "Recommendation",
    "expected_net_r": "E[net R]",
    "reason": "Reason for no prediction",
    "late": "Late",
}
_GATES = {"name": "Gate", "passed": "Passed", "words": "Figure", "change": "Would have sufficed"}
_COUNTS = {
    "slots": "Slots",
    "added": "Predicted in this run",
    "predicted": "With a prediction",
    "in_training": "Of training days",
}


def publish_prediction(
    market: str, result: SlotResult, champion: PredictionEntry, arrival: Arrival | None
) -> None:
    """Publish a slot's predictions, plan and gates, and what pushed the champion's prediction.

    Parameters
    ----------
    market
        Name of a market file.
    result
        The flow's result.
    champion, arrival
        The champion's entry in the ledger, and the result of the wait for its bars.
    """
    publish(
        f"prediction-{market}",
        result.verdict,
        table(result.entries, _COLUMNS),
        _plan_in_words(result.plan),
        table(result.gates, _GATES),
        *(
            (f"Reasons, {entry.role}:\n\n{bullets(entry.why)}")
            for entry in result.entries
            if entry.why
        ),
        bullets(_notes(result.entries, arrival, result.today)),
        *reasons_plot(champion.outputs.reasons),
    )


def publish_replay(market: str, replay: Replay, period: Period, figures: Sequence[Any]) -> None:
    """Publish a replay's counts and the performance of its predictions."""
    reasons = sorted(replay.reasons.items(), key=lambda reason: -reason[1])
    notes = [f"{count} without one: {why.replace('_', ' ')}" for why, count in reasons]
    if replay.in_training:
        notes.append(
            f"{replay.in_training} predictions are for days that the version was trained on"
        )
    publish(
        f"replay-{market}",
        period.verdict,
        *scores_of(period),
        table([replay], _COUNTS),
        bullets(notes),
        *plots_of_record(figures),
        last_days(figures),
    )


def verdict_of(slot: Slot, champion: PredictionEntry) -> str:
    """Return the champion's prediction of a slot in one line, or why there is none."""
    if champion.status == "abstained":
        return f"{slot}: no prediction, {champion.reason}"
    return (
        f"{slot}: UP in {champion.p_up:.1%} of breaks "
        f"(corridor {champion.baseline_p_up:.1%}), {champion.recommendation}"
    )


def _plan_in_words(plan: ActivePlan | None) -> str:
    if plan is None:
        return ""
    sizes = ", ".join(f"{side} {plan.size(side):g}" for side in SIDES if plan.size(side))
    lines = [f"{plan.stage}, rules {plan.rules}: {sizes or 'nothing'} armed"]
    if plan.agreement:
        lines.append(f"the model {plan.agreement}: {'; '.join(plan.words)}")
    return bullets(lines)


def _notes(
    entries: Sequence[PredictionSummary], arrival: Arrival | None, today: str | None
) -> list[str]:
    notes = [today] if today else []
    notes += [arrival.trouble] if arrival and arrival.trouble else []
    if arrival and arrival.tries > 1:
        end = "until its bars had arrived" if arrival.present else "and its bars did not arrive"
        notes.append(f"the source was read {arrival.tries} times, {end}")
    notes += [
        f"{entry.role}: {entry.model or 'no model'} {entry.version or ''}" for entry in entries
    ]
    notes += [f"fallback: {entry.fallback}" for entry in entries if entry.fallback]
    if any(entry.after_training is False for entry in entries):
        notes.append("this day is in a version's training data: its predictions are not evidence")
    if not any(entry.added for entry in entries):
        notes.append("the slot was already recorded; the first record is final")
    return notes
