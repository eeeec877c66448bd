"""Shadow prediction: what the versions say when a range has closed, logged before its outcome."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from prefect import flow

from ml_core.decision.slot import Slot
from tasks.data.ingest import announce_bars
from tasks.notices.notify import REPORTED
from tasks.prediction.await_bars import await_bars
from tasks.prediction.day_outlook import day_outlook, outlook_in_words
from tasks.prediction.explanation import explain_entry
from tasks.prediction.explanation_artifact import reasons_plot
from tasks.prediction.predict import plan_slot, predict_slot
from tasks.prediction.slot_bars import Arrival
from tasks.prediction.slots import latest_slot
from tasks.runs.artifacts import bullets, publish, table
from tasks.runs.parameters import MarketName, OpeningRangeName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings

_COLUMNS = {
    "role": "Role",
    "p_up": "P(UP), model",
    "baseline_p_up": "P(UP), corridor",
    "recommendation": "Recommendation",
    "expected_net_r": "E[net R]",
    "reason": "No answer because",
    "late": "Late",
}
_GATES = {"name": "Gate", "passed": "Passed", "words": "Figure", "change": "Would have done"}


@flow(
    name="shadow-predict",
    flow_run_name=run_name("{slot}{replayed}"),
    timeout_seconds=TIME_LIMITS["shadow-predict"],
    **REPORTED,
)
def shadow_predict(
    market: MarketName = "mgc",
    opening_range: OpeningRangeName | None = None,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """Predict the opening range that closed last and append the answer to the ledger, once.

    A live answer waits for the bars of its window until a stated deadline; without them it is
    stale_data, not a guess from some of them.

    Args:
        market: Name of a market file, such as mgc.
        opening_range: Name of a range, such as 0900; left out, whichever closed last.
        as_of: Predict as of this time from bars known by the range's close; the entry is marked
            replay and counts for no gate. Left out, now, and the entry is live.
    """
    definition = current_settings().market(market)
    moment = moment_of(as_of, definition)
    slot = latest_slot(definition, moment, opening_range)
    arrival = None if as_of else await_bars(market, slot)
    predicted = predict_slot(market, slot, "replay" if as_of else "live", arrival)
    planned = plan_slot(predicted)
    announce_bars(market, arrival.brought if arrival else ())
    champion, entries = predicted.entries[0], predicted.to_json()
    explanation = explain_entry(champion, planned.record if planned else None)
    gates = [asdict(gate) for gate in explanation.gates]
    plan = planned.to_json() if planned else None
    outlook = day_outlook(definition, moment)
    today = outlook_in_words(outlook) if outlook.closed else None
    verdict = _verdict(slot, entries[0])
    publish(
        f"prediction-{market}",
        verdict,
        table(entries, _COLUMNS),
        _plan_in_words(plan),
        table(gates, _GATES),
        *(
            f"Why, {entry['role']}:\n\n{bullets(entry['why'])}"
            for entry in entries
            if entry["why"]
        ),
        bullets(_notes(entries, arrival, today)),
        *reasons_plot(champion.outputs.get("reasons", [])),
    )
    return {
        "slot": str(slot),
        "verdict": verdict,
        "entries": entries,
        "plan": plan,
        "gates": gates,
        "trouble": arrival.trouble if arrival else None,
        "today": today,
    }


def _verdict(slot: Slot, champion: dict[str, Any]) -> str:
    if champion["status"] == "abstained":
        return f"{slot}: no prediction, {champion['reason']}"
    return (
        f"{slot}: UP in {champion['p_up']:.1%} of breaks "
        f"(corridor {champion['baseline_p_up']:.1%}), {champion['recommendation']}"
    )


def _plan_in_words(plan: dict[str, Any] | None) -> str:
    if plan is None:
        return ""
    sizes = ", ".join(f"{side} {plan[side]:g}" for side in ("long", "short") if plan[side])
    lines = [f"{plan['stage']}, rules {plan['rules']}: {sizes or 'nothing'} armed"]
    if plan["agreement"]:
        lines.append(f"the model {plan['agreement']}: {'; '.join(plan['words'])}")
    return bullets(lines)


def _notes(entries: list[dict[str, Any]], arrival: Arrival | None, today: str | None) -> list[str]:
    notes = [today] if today else []
    notes += [arrival.trouble] if arrival and arrival.trouble else []
    if arrival and arrival.tries > 1:
        end = "until its bars were here" if arrival.present else "and its bars did not come"
        notes.append(f"the source was read {arrival.tries} times, {end}")
    notes += [
        f"{entry['role']}: {entry['model'] or 'no model'} {entry['version'] or ''}"
        for entry in entries
    ]
    notes += [
        f"answered in its stead: {entry['fallback']}" for entry in entries if entry["fallback"]
    ]
    if any(entry["after_training"] is False for entry in entries):
        notes.append("this day was part of a version's training: no evidence of anything")
    if not any(entry["added"] for entry in entries):
        notes.append("the ledger had this slot already; its first word stands")
    return notes
