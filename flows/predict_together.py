"""Shadow prediction of the opening ranges of several markets that close in the same minute."""

from __future__ import annotations

from prefect import flow

from flows.shadow_predict import report_slot
from tasks.notices.market_faults import REPORTED_BY_MARKET, fault_of, report_faults
from tasks.prediction.await_bars import report_trouble
from tasks.prediction.predict import SlotResult
from tasks.prediction.predict_together import (
    PredictedTogether,
    publish_together,
    record_slots,
    slots_of,
)
from tasks.runs.periods import own_time
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings


@flow(
    name="predict-together",
    flow_run_name=run_name("{count} markets {day} {time}"),
    timeout_seconds=TIME_LIMITS["predict-together"],
    **REPORTED_BY_MARKET,
)
def predict_together(ranges: dict[str, list[str]]) -> PredictedTogether:
    """Predict several markets' opening ranges that closed last, as shadow-predict does for one.

    The slot with the earliest deadline comes first; one whose bars are not here yet holds up no
    other. Messages, artifacts and events follow when every slot has its row. A market that fails
    costs no other its row; the run then ends as failed and names it.

    Args:
        ranges: Name of a market file -> names of its opening ranges.
    """
    moment = own_time()
    slots, unknown = slots_of(current_settings(), ranges, moment)
    recorded = record_slots(slots)
    faults, results = [*unknown, *recorded.faults], list[SlotResult]()
    for one in recorded.recorded:
        market, slot = one.of_market.market, one.of_market.slot
        try:
            report_trouble(slot, one.arrival)
            results.append(report_slot(market, moment, one.predicted, one.planned, one.arrival))
        except Exception as error:  # noqa: BLE001 - reported as this market's
            faults.append(fault_of(error, market, slot.opening_range))
    verdict = f"{len(recorded.recorded)} of {len(slots) + len(unknown)} ranges are in the ledger"
    result = PredictedTogether(verdict=verdict, slots=tuple(results))
    publish_together(result)
    report_faults("shadow-predict", faults)
    return result
