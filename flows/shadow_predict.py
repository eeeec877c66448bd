"""Shadow prediction: the versions' predictions for a closed range, logged before its outcome."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.data.ingest import announce_bars
from tasks.messages.send_slot import send_forecast
from tasks.notices.notify import REPORTED
from tasks.paper.update import update_outbox
from tasks.prediction.await_bars import await_bars
from tasks.prediction.day_outlook import day_outlook, outlook_in_words
from tasks.prediction.explanation.explain import explain_entry
from tasks.prediction.predict import (
    PlannedSlot,
    PredictedSlot,
    SlotResult,
    plan_slot,
    predict_slot,
)
from tasks.prediction.prediction_artifact import publish_prediction, verdict_of
from tasks.prediction.slot_bars import Arrival
from tasks.prediction.slots import latest_slot
from tasks.runs.parameters import MarketName, OpeningRangeName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings


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
) -> SlotResult:
    """Predict the opening range that closed last and append the prediction to the ledger, once.

    A live prediction waits for the bars of its window until a stated deadline. Without them the
    row says stale_data; the flow does not guess from some of them.

    Args:
        market: Name of a market file, such as mgc.
        opening_range: Name of a range, such as 0900; default: the one that closed last.
        as_of: Predict as of this time from bars known by the range's close; the entry is marked
            replay and counts for no gate. Default: now, and the entry is live.
    """
    definition = current_settings().market(market)
    moment = moment_of(as_of, definition)
    slot = latest_slot(definition, moment, opening_range)
    arrival = None if as_of else await_bars(market, slot)
    predicted = predict_slot(market, slot, "replay" if as_of else "live", arrival)
    return report_slot(market, moment, predicted, plan_slot(predicted), arrival)


def report_slot(
    market: str,
    moment: datetime,
    predicted: PredictedSlot,
    planned: PlannedSlot | None,
    arrival: Arrival | None,
) -> SlotResult:
    """Announce, send and publish a slot that is in the ledger; return its result.

    Parameters
    ----------
    market
        Name of a market file.
    moment
        Aware time at which the run began.
    predicted, planned
        The slot's entries in the ledger, and the rules' decision.
    arrival
        The result of the wait for its bars; None for a replay.
    """
    context, champion = predicted.context, predicted.entries[0]
    announce_bars(market, arrival.brought if arrival else ())
    outlook = day_outlook(context.market, moment)
    result = SlotResult(
        slot=str(context.slot),
        verdict=verdict_of(context.slot, champion),
        entries=predicted.summaries,
        plan=planned.plan if planned else None,
        gates=explain_entry(champion, planned.record if planned else None).gates,
        trouble=arrival.trouble if arrival else None,
        today=outlook_in_words(outlook) if outlook.closed else None,
    )
    if context.mode == "live":
        send_forecast(market, context.slot)
        update_outbox(market, moment)
    publish_prediction(market, result, champion, arrival)
    return result
