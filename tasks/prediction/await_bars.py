"""Wait for bars: read the source repeatedly until a slot's bars arrive or it is too late.

Several slots that close together wait together: a slot is given out as soon as its own bars are
here, and a source that hangs or fails delays its own slot only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep

from prefect import task

from ml_core.decision.slot import Slot
from ml_core.errors import OrbcastError
from tasks.data.freshness import is_awaited
from tasks.data.ingest import read_source
from tasks.data.intake import RefreshResult
from tasks.data.standing_sources import standing_source
from tasks.notices.delivery import run_log
from tasks.notices.error_words import error_without_urls
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

READERS = 2
"""Sources that are read at once; one that takes longer than ``SHORT_SECONDS`` does not count."""

SHORT_SECONDS = 2.0

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSlot:
    """A slot, and the name of its market's file."""

    market: str
    slot: Slot


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


@task(name="wait for the bars", task_run_name="bars of {slot.title}", **RETRIED)
def await_bars(market: str, slot: Slot) -> Arrival:
    """Read the standing source until the slot's bars arrive or the deadline has passed.

    A source that is locked, or cannot be read for another reason, is tried again, like a source
    that does not have the bars yet. A source that hangs is given up at the deadline, so that the
    slot still gets its row. The number of tries is fixed in advance, so that they end whatever
    the clock does. There is no wait for a slot that is already recorded, or in stage ``off``.
    """
    settings = current_settings()
    arrival = _try(settings, market, slot, _NOTHING)
    waits = not arrival.present and _needs_prediction(settings, slot)
    deadline = _deadline(settings, slot)
    for pause in pauses((deadline - now()).total_seconds() if waits else 0.0):
        _log_wait(slot, arrival, pause, deadline)
        sleep(pause)
        arrival = _try(settings, market, slot, arrival)
        if arrival.present or now() >= deadline:
            break
    report_trouble(slot, arrival)
    return arrival


def arrivals(slots: Sequence[MarketSlot]) -> Iterator[tuple[MarketSlot, Arrival]]:
    """Yield each slot when its bars have arrived, or at its deadline without them.

    Sources are read in threads, in the order of the slots' deadlines. Each is tried again after
    the pauses of :func:`await_bars`. A reading that hangs holds a thread up and nothing else.

    Parameters
    ----------
    slots
        Slots whose windows have closed, at most one of a market and range.
    """
    settings, finished = current_settings(), SimpleQueue[_Reading]()
    waiting = sorted((_Wait.of(settings, of) for of in slots), key=lambda wait: wait.deadline)
    while waiting:
        for wait in _next_to_read(waiting, monotonic()):
            wait.begun = monotonic()
            Thread(target=_read, args=(settings, wait, finished), daemon=True).start()
        with suppress(Empty):
            reading = finished.get(timeout=_LOOK_SECONDS)
            _take(settings, reading)
            if reading.wait.is_over(settings, monotonic()) and reading.wait in waiting:
                waiting.remove(reading.wait)
                yield reading.wait.of_market, reading.wait.arrival
        for wait in [wait for wait in waiting if wait.is_given_up(monotonic())]:
            waiting.remove(wait)
            yield wait.of_market, _timed_out(settings, wait)


@dataclass(slots=True, eq=False)
class _Wait:
    """A slot that waits: its deadline and next try, on the monotonic clock, and what it has."""

    of_market: MarketSlot
    deadline: float
    arrival: Arrival
    next_try: float = 0.0
    pause: float = 1.0
    begun: float | None = None

    @classmethod
    def of(cls, settings: Settings, slot: MarketSlot) -> _Wait:
        left = (_deadline(settings, slot.slot) - now()).total_seconds()
        return cls(of_market=slot, deadline=monotonic() + max(left, 0.0), arrival=_NOTHING)

    def is_over(self, settings: Settings, at: float) -> bool:
        """Return whether a reading that has just ended is the last one."""
        if self.arrival.present or at >= self.deadline:
            return True
        return self.arrival.tries == 1 and not _needs_prediction(settings, self.of_market.slot)

    def is_given_up(self, at: float) -> bool:
        """Return whether the deadline has passed while nothing was read or a reading hangs."""
        hangs = self.begun is not None and at - self.begun >= SHORT_SECONDS
        return at >= self.deadline and (hangs or (self.begun is None and self.arrival.tries > 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    wait: _Wait
    brought: RefreshResult | None = None
    trouble: str | None = None


_NOTHING = Arrival(present=False, tries=0)


def _next_to_read(waiting: Sequence[_Wait], at: float) -> list[_Wait]:
    """Return the slots whose source is read now, those with the earliest deadline first."""
    busy = sum(wait.begun is not None and at - wait.begun < SHORT_SECONDS for wait in waiting)
    due = [wait for wait in waiting if wait.begun is None and wait.next_try <= at]
    return due[: max(READERS - busy, 0)]


def _read(settings: Settings, wait: _Wait, finished: SimpleQueue[_Reading]) -> None:
    """Read a slot's source, in a thread of its own."""
    try:
        reading = _Reading(wait=wait, brought=_refreshed(settings, wait.of_market.market))
    except OrbcastError as error:
        reading = _Reading(wait=wait, trouble=f"the bars could not be refreshed: {error}")
    except Exception as error:  # noqa: BLE001 - the slot has its row even if the reader is at fault
        words = f"the bars could not be refreshed: {error_without_urls(error)}"
        reading = _Reading(wait=wait, trouble=words)
    finished.put(reading)


def _take(settings: Settings, reading: _Reading) -> None:
    """Look for a slot's bars after a reading; set when its source is read again."""
    wait = reading.wait
    wait.arrival = _arrival_or_trouble(settings, wait, reading.brought, reading.trouble)
    wait.begun, wait.next_try = None, monotonic() + wait.pause
    wait.pause = min(2.0 * wait.pause, LONGEST_PAUSE)


def _timed_out(settings: Settings, wait: _Wait) -> Arrival:
    trouble = wait.arrival.trouble
    if wait.begun is not None:
        trouble = (
            f"the bars could not be refreshed: no answer within {monotonic() - wait.begun:.0f} s"
        )
    return _arrival_or_trouble(settings, wait, None, trouble)


def _arrival_or_trouble(
    settings: Settings, wait: _Wait, brought: RefreshResult | None, trouble: str | None
) -> Arrival:
    """Do the same as :func:`_arrival_after`; a lake that cannot be read ends the wait.

    The prediction reads it again and fails as its own market; the others' slots wait on.
    """
    try:
        return _arrival_after(settings, wait.of_market, wait.arrival, brought, trouble)
    except Exception as error:  # noqa: BLE001 - raised again when the slot is predicted
        words = f"the bars could not be read: {error_without_urls(error)}"
        return Arrival(present=True, tries=wait.arrival.tries + 1, trouble=words)


def _try(settings: Settings, market: str, slot: Slot, before: Arrival) -> Arrival:
    trouble, brought = None, None
    try:
        with within(_seconds_for_reading(settings, slot)):
            brought = _refreshed(settings, market)
    except (OrbcastError, TimeoutError) as error:
        trouble = f"the bars could not be refreshed: {error}"
    return _arrival_after(settings, MarketSlot(market=market, slot=slot), before, brought, trouble)


def _refreshed(settings: Settings, market: str) -> RefreshResult | None:
    """Read the standing source; without one, another program fills the lake."""
    if standing_source(settings.sources_file, market) is None:
        return None
    return read_source(market, None, now(), full=False)


def _arrival_after(
    settings: Settings,
    of: MarketSlot,
    before: Arrival,
    brought: RefreshResult | None,
    trouble: str | None,
) -> Arrival:
    """Return whether a slot's bars are in the lake after one more reading of its source."""
    definition = settings.market(of.market)
    bars = read_bars(settings, definition, of.slot)
    return Arrival(
        present=not is_awaited(settings, definition, of.slot, bars),
        tries=before.tries + 1,
        trouble=trouble,
        bars=bars,
        brought=before.brought if brought is None else (*before.brought, brought),
    )


def _seconds_for_reading(settings: Settings, slot: Slot) -> float:
    """Return how long a reading may take: until the deadline, but at least ``LEAST_SECONDS``."""
    left = (_deadline(settings, slot) - now()).total_seconds()
    return max(min(left, settings.wait_for_bars_seconds), LEAST_SECONDS)


def _deadline(settings: Settings, slot: Slot) -> datetime:
    return slot.decision + timedelta(seconds=settings.wait_for_bars_seconds)


def _needs_prediction(settings: Settings, slot: Slot) -> bool:
    recorded = settings.ledger().of_slot(slot.symbol, slot.trading_day, slot.opening_range, "live")
    return not recorded and stage_of(settings, slot.symbol, now())[0] != "off"


def report_trouble(slot: Slot, arrival: Arrival) -> None:
    """Send a notice of a source's error once a day; the slot itself is recorded in any case."""
    if not arrival.trouble:
        return
    notify(
        current_settings(),
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
