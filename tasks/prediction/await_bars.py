"""Bars awaited: the source read again and again until a slot's bars are in, or too late."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import sleep

from prefect import task

from ml_core.decision.slot import Slot
from ml_core.errors import OrbcastError
from tasks.data.freshness import is_awaited
from tasks.data.ingest import read_source
from tasks.data.standing_sources import standing_source
from tasks.notices.delivery import run_log
from tasks.notices.notify import notify
from tasks.prediction.slot_bars import Arrival, read_bars
from tasks.rollout.stage import stage_of
from tasks.runs.retrying import RETRIED
from tasks.runs.time_limits import within
from tasks.settings import Settings, current_settings, now

LEAST_SECONDS = 30.0
"""Given to each reading of the source, however near the deadline is."""

LONGEST_PAUSE = 10.0
"""Seconds between two tries at most: an answer comes that long after its bars, or sooner."""


def pauses(seconds: float) -> tuple[float, ...]:
    """Return the pauses between tries that fill a time: doubled from 1 s, then ``LONGEST_PAUSE``.

    >>> pauses(30)
    (1.0, 2.0, 4.0, 8.0, 10.0, 5.0)
    >>> pauses(-3)
    ()
    """
    steps, left, pause = list[float](), float(seconds), 1.0
    while left > 0:
        steps.append(min(pause, left))
        left -= pause
        pause = min(2.0 * pause, LONGEST_PAUSE)
    return tuple(steps)


@task(name="bring the bars in", task_run_name="bars of {slot.title}", **RETRIED)
def await_bars(market: str, slot: Slot) -> Arrival:
    """Read the standing source until the slot's bars are here, or the deadline has passed.

    A source that is locked, or that cannot be read for another reason, is tried again like one
    that has not got there yet; one that hangs is given up at the deadline, so that the slot gets
    its row. The tries are counted out beforehand, so that they end on any clock. A slot that was
    answered, or that the market's stage asks nothing of, is not waited for.
    """
    settings = current_settings()
    arrival = _try(settings, market, slot, Arrival(present=False, tries=0))
    waits = not arrival.present and _is_worth_waiting(settings, slot)
    deadline = _deadline(settings, slot)
    for pause in pauses((deadline - now()).total_seconds() if waits else 0.0):
        _log_wait(slot, arrival, pause, deadline)
        sleep(pause)
        arrival = _try(settings, market, slot, arrival)
        if arrival.present or now() >= deadline:
            break
    if arrival.trouble:
        _notify(settings, slot, arrival)
    return arrival


def _try(settings: Settings, market: str, slot: Slot, before: Arrival) -> Arrival:
    definition, trouble, brought = settings.market(market), None, before.brought
    try:
        # without a standing source somebody else fills the lake
        if standing_source(settings.sources_file, market) is not None:
            with within(_seconds_for_reading(settings, slot)):
                brought = (*brought, read_source(market, None, now(), full=False))
    except (OrbcastError, TimeoutError) as error:
        trouble = f"the bars could not be refreshed: {error}"
    bars = read_bars(settings, definition, slot)
    return Arrival(
        present=not is_awaited(settings, definition, slot, bars),
        tries=before.tries + 1,
        trouble=trouble,
        bars=bars,
        brought=brought,
    )


def _seconds_for_reading(settings: Settings, slot: Slot) -> float:
    """Return how long the source may be read: to the deadline, or a little in any case."""
    left = (_deadline(settings, slot) - now()).total_seconds()
    return max(min(left, settings.wait_for_bars_seconds), LEAST_SECONDS)


def _deadline(settings: Settings, slot: Slot) -> datetime:
    return slot.decision + timedelta(seconds=settings.wait_for_bars_seconds)


def _is_worth_waiting(settings: Settings, slot: Slot) -> bool:
    recorded = settings.ledger().of_slot(slot.symbol, slot.trading_day, slot.opening_range, "live")
    return not recorded and stage_of(settings, slot.symbol, now())[0] != "off"


def _notify(settings: Settings, slot: Slot, arrival: Arrival) -> None:
    """Notify a person once a day; the slot is recorded, if only that nothing came."""
    notify(
        settings,
        "run",
        slot.symbol,
        f"source {slot.symbol} {slot.trading_day}",
        f"{slot.symbol}: the source could not be read for {slot.opening_range}",
        f"{slot}: {arrival.trouble}. It was read {arrival.tries} times. Once it can be read: "
        f"orbcast refresh --market {slot.symbol.lower()}",
    )


def _log_wait(slot: Slot, arrival: Arrival, pause: float, deadline: datetime) -> None:
    run_log().info(
        "%s: its bars are not here yet%s; looking again in %g s, until %s UTC",
        slot,
        f" ({arrival.trouble})" if arrival.trouble else "",
        pause,
        f"{deadline:%H:%M:%S}",
    )
