"""Shadow prediction: what the versions say when a range has closed, logged before its outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow

from registry.ledger import Mode
from tasks.data.ingest import announce_bars
from tasks.notices.notify import REPORTED
from tasks.prediction.await_bars import Arrival, bring_bars
from tasks.prediction.day_outlook import day_outlook, outlook_in_words
from tasks.prediction.explanation import explained
from tasks.prediction.explanation_artifact import reasons_plot
from tasks.prediction.predict import decide, predict_slot
from tasks.prediction.slots import Slot, latest_slot
from tasks.runs.artifacts import bullets, publish, table
from tasks.runs.parameters import MarketName, OpeningRangeName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings

_SHOWN = {
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
    known = current_settings().market(market)
    moment = moment_of(as_of, known)
    slot, outlook = latest_slot(known, moment, opening_range), day_outlook(known, moment)
    today = outlook_in_words(outlook) if outlook.closed else None
    mode: Mode = "replay" if as_of else "live"
    arrival = bring_bars(market, slot) if mode == "live" else None
    trouble = arrival.trouble if arrival else None
    said = predict_slot(market, slot, mode)
    plan = decide(market, slot, mode)
    announce_bars(market, arrival.brought if arrival else ())
    told = explained(current_settings(), str(slot), mode)[0]
    verdict = _verdict(slot, said[0])
    publish(
        f"prediction-{market}",
        verdict,
        table(said, _SHOWN),
        _planned(plan),
        table(told["gates"], _GATES),
        *(f"Why, {each['role']}:\n\n{bullets(each['why'])}" for each in said if each["why"]),
        bullets(_notes(said, arrival, today)),
        *reasons_plot(told["pushes"]),
    )
    return {
        "slot": str(slot),
        "verdict": verdict,
        "entries": said,
        "plan": plan,
        "gates": told["gates"],
        "trouble": trouble,
        "today": today,
    }


def _verdict(slot: Slot, said: dict[str, Any]) -> str:
    if said["status"] == "abstained":
        return f"{slot}: no prediction, {said['reason']}"
    return (
        f"{slot}: UP in {said['p_up']:.1%} of breaks (corridor {said['baseline_p_up']:.1%}), "
        f"{said['recommendation']}"
    )


def _planned(plan: dict[str, Any] | None) -> str:
    if plan is None:
        return ""
    sizes = ", ".join(f"{side} {plan[side]:g}" for side in ("long", "short") if plan[side])
    told = [f"{plan['stage']}, rules {plan['rules']}: {sizes or 'nothing'} armed"]
    if plan["agreement"]:
        told.append(f"the model {plan['agreement']}: {'; '.join(plan['words'])}")
    return bullets(told)


def _notes(said: list[dict[str, Any]], arrival: Arrival | None, today: str | None) -> list[str]:
    notes = [today] if today else []
    notes += [arrival.trouble] if arrival and arrival.trouble else []
    if arrival and arrival.tries > 1:
        end = "until its bars were here" if arrival.present else "and its bars did not come"
        notes.append(f"the source was read {arrival.tries} times, {end}")
    notes += [
        f"{each['role']}: {each['model'] or 'no model'} {each['version'] or ''}" for each in said
    ]
    notes += [f"answered in its stead: {each['fallback']}" for each in said if each["fallback"]]
    if any(each["after_training"] is False for each in said):
        notes.append("this day was part of a version's training: no evidence of anything")
    if not any(each["added"] for each in said):
        notes.append("the ledger had this slot already; its first word stands")
    return notes
