"""Predict the slots of several markets that close together, each as soon as its bars are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from prefect import task

from ml_core.errors import TransientError
from tasks.notices.market_faults import MarketFault, fault_of
from tasks.prediction.await_bars import MarketSlot, arrivals
from tasks.prediction.predict import (
    PlannedSlot,
    PredictedSlot,
    SlotResult,
    plan_slot,
    predict_slot,
)
from tasks.prediction.slot_bars import Arrival
from tasks.prediction.slots import latest_slot
from tasks.runs.artifacts import publish, table
from tasks.runs.retrying import RETRIED
from tasks.runs.trying_again import with_patience
from tasks.settings import Settings

_COLUMNS = {"slot": "Slot", "verdict": "Prediction", "trouble": "Trouble with the bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSlot:
    """A slot that is in the ledger, its plan, and the wait for its bars."""

    of_market: MarketSlot
    predicted: PredictedSlot
    planned: PlannedSlot | None
    arrival: Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSlots:
    """The slots that are in the ledger, in the order of their rows, and the faults of others."""

    recorded: tuple[RecordedSlot, ...]
    faults: tuple[MarketFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedTogether:
    """Result of a run of predict-together: a verdict, and each slot's result by market."""

    verdict: str
    slots: tuple[SlotResult, ...]


def slots_of(
    settings: Settings, ranges: Mapping[str, Sequence[str]], moment: datetime
) -> tuple[tuple[MarketSlot, ...], tuple[MarketFault, ...]]:
    """Return the slot of each market's ranges that closed last, and the markets at fault.

    Parameters
    ----------
    settings
        The installation.
    ranges
        Name of a market file -> names of its opening ranges.
    moment
        Aware time, now.
    """
    slots, faults = list[MarketSlot](), list[MarketFault]()
    for market, names in ranges.items():
        for name in names:
            try:
                slot = latest_slot(settings.market(market), moment, name)
            except Exception as error:  # noqa: BLE001 - the other markets' slots are predicted
                faults.append(fault_of(error, market, name))
            else:
                slots.append(MarketSlot(market=market, slot=slot))
    return tuple(slots), tuple(faults)


@task(
    name="predict and log together", task_run_name="predict slots that close together", **RETRIED
)
def record_slots(slots: Sequence[MarketSlot]) -> RecordedSlots:
    """Record each slot's prediction and plan as soon as its bars are here, in one task.

    A slot that fails costs no other its row. One that may succeed later is tried again when all
    others are recorded.
    """
    recorded, again = list[RecordedSlot](), list[tuple[MarketSlot, Arrival]]()
    faults = list[MarketFault]()
    for of_market, arrival in arrivals(slots):
        try:
            recorded.append(_record(of_market, arrival))
        except TransientError:
            again.append((of_market, arrival))
        except Exception as error:  # noqa: BLE001 - reported as this market's
            faults.append(fault_of(error, of_market.market, of_market.slot.opening_range))
    for of_market, arrival in again:
        try:
            recorded.append(with_patience(lambda: _record(of_market, arrival)))  # noqa: B023 - called here
        except Exception as error:  # noqa: BLE001 - reported as this market's
            faults.append(fault_of(error, of_market.market, of_market.slot.opening_range))
    return RecordedSlots(recorded=tuple(recorded), faults=tuple(faults))


def _record(of_market: MarketSlot, arrival: Arrival) -> RecordedSlot:
    predicted = predict_slot.fn(of_market.market, of_market.slot, "live", arrival)
    planned = plan_slot.fn(predicted)
    # without the bars, which would take memory for each market
    return RecordedSlot(
        of_market=of_market,
        predicted=replace(predicted, context=replace(predicted.context, bars=None)),
        planned=planned,
        arrival=replace(arrival, bars=None),
    )


def publish_together(result: PredictedTogether) -> None:
    """Publish the predictions of one run as a table; each slot's own artifact has the details."""
    publish("predictions-together", result.verdict, table(result.slots, _COLUMNS))
