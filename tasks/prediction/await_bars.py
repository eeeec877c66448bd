"""Wait for bars: read the source repeatedly until a slot's bars arrive or it is too late."""

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
"""Minimum time for each reading of the source, even close to the deadline."""

LONGEST_PAUSE = 10.0
"""Longest pause between two tries, in seconds: at most this much delay after bars arrive."""


def pauses(seconds: float) -> tuple[float, ...]:
    """Return pauses that fill a number of seconds: doubled from 1 s, up to ``LONGEST_PAUSE``.

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
    """Read the standing source until the slot's bars arrive or the deadline has passed.

    A source that is locked, or cannot be read for another reason, is tried again, like a source
    that does not have the bars yet. A source that hangs is given up at the deadline, so that the
    slot still gets its row. The number of tries is fixed in advance, so that they end whatever
    the clock does. There is no wait for a slot that is already recorded, or in stage ``off``.
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
        # without a standing source, another program fills the lake
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
    """Return how long a reading may take: until the deadline, but at least ``LEAST_SECONDS``."""
    left = (_deadline(settings, slot) - now()).total_seconds()
    return max(min(left, settings.wait_for_bars_seconds), LEAST_SECONDS)


def _deadline(settings: Settings, slot: Slot) -> datetime:
    return slot.decision + timedelta(seconds=settings.wait_for_bars_seconds)


def _is_worth_waiting(settings: Settings, slot: Slot) -> bool:
    recorded = settings.ledger().of_slot(slot.symbol, slot.trading_day, slot.opening_range, "live")
    return not recorded and stage_of(settings, slot.symbol, now())[0] != "off"


def _notify(settings: Settings, slot: Slot, arrival: Arrival) -> None:
    """Send a notice once a day; the slot itself is recorded in any case."""
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
