"""A trading day: each opening range with its prediction, or why there is none, and its bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.decision.entry import Mode
from ml_core.decision.plan_record import StrategyRecord, first_by_slot
from ml_core.decision.slot import Slot
from ml_core.learning.datasets.assemble import Assembly
from ml_core.market.market import Market
from monitoring.explain import why_not
from registry.ledger.entries import Settled
from registry.strategy import strategy_records
from tasks.prediction.day_outlook import closed_at_in_words, closed_because, expected_ranges
from tasks.prediction.slots import slots_between
from tasks.settings import Settings

State = Literal["answered", "silent", "due", "waiting", "absent", "closed"]
"""Answered: a prediction is recorded. Silent: an abstention with a typed reason. Due: still to
come. Waiting: decision time passed, deadline not. Absent: past its deadline without a row.
Closed: not expected, since the exchange is closed."""

_LEAD = 30
"""Minutes shown before a range's window."""

_CHAMPION_FIRST = {"champion": 0, "baseline": 2}

_ONLY_ELSEWHERE: dict[Mode, str] = {
    "live": "not predicted at the time; a replay has predicted it since",
    "replay": "not replayed; there is a live prediction",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """One-minute bars of one contract, prices as traded, ``minute`` in UTC minutes of the open."""

    minute: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOfDay:
    """One opening range of the day.

    Attributes
    ----------
    slot, opens
        The slot, and when its window opens (aware UTC); the window closes at ``slot.decision``.
    state, why
        See :data:`State`; the explanation of a state other than ``answered``.
    answers
        The ledger's entries, the champion's first, each with its outcome.
    decided
        The rules' decision, without the model and with it.
    """

    slot: Slot
    opens: datetime
    state: State
    why: str
    answers: tuple[Settled, ...]
    decided: StrategyRecord | None


def slots_of_day(
    settings: Settings,
    market: Market,
    trading_day: date,
    mode: Mode,
    at: datetime,
) -> tuple[SlotOfDay, ...]:
    """Return each opening range of a day, using only what was known at ``at``.

    Parameters
    ----------
    settings, market
        The installation and the market.
    trading_day
        The trading day.
    mode
        Live or replayed predictions.
    at
        Aware time, now.
    """
    slots = slots_between(market, trading_day, trading_day)
    both = settings.ledger().settled(market.symbol, first=trading_day, last=trading_day)
    answers = tuple(row for row in both if row.prediction.mode == mode)
    elsewhere = {row.prediction.opening_range for row in both if row.prediction.mode != mode}
    decided = first_by_slot(
        strategy_records(
            settings.database(), market.symbol, mode=mode, first=trading_day, last=trading_day
        )
    )
    by_range = {slot.opening_range: _champion_first(answers, slot) for slot in slots}
    expected = {
        expected_range.opening_range
        for _, expected_range in expected_ranges(market, trading_day, trading_day)
    }
    closed = closed_because(market, trading_day)
    described = []
    for slot in slots:
        own = by_range[slot.opening_range]
        shut = closed_at_in_words(closed) if slot.opening_range not in expected else None
        state, why = _state(settings, slot, own, at, shut)
        if state == "absent" and slot.opening_range in elsewhere:
            why = _ONLY_ELSEWHERE[mode]
        described.append(
            SlotOfDay(
                slot=slot,
                opens=slot.decision - timedelta(minutes=_length(market, slot)),
                state=state,
                why=why,
                answers=own,
                decided=decided.get((trading_day, slot.opening_range)),
            )
        )
    return tuple(described)


def _champion_first(answers: Iterable[Settled], slot: Slot) -> tuple[Settled, ...]:
    own = (answer for answer in answers if answer.prediction.opening_range == slot.opening_range)
    return tuple(sorted(own, key=lambda settled: _CHAMPION_FIRST.get(settled.prediction.role, 1)))


def _length(market: Market, slot: Slot) -> int:
    return next(range_.minutes for range_ in market.ranges if range_.name == slot.opening_range)


def _state(
    settings: Settings, slot: Slot, own: tuple[Settled, ...], at: datetime, shut: str | None
) -> tuple[State, str]:
    if own and own[0].prediction.status == "predicted":
        return "answered", ""
    if own:
        return "silent", why_not(own[0].prediction.reason)
    if shut is not None:
        return "closed", shut
    if slot.decision > at:
        return "due", ""
    if at < slot.decision + timedelta(minutes=settings.missed_after_minutes):
        return "waiting", "it is due and has no prediction yet: is `orbcast up` running?"
    return "absent", "not predicted"


def candles_of(
    made: Assembly, position: int, market: Market, *, whole_day: bool = False
) -> Candles:
    """Return the bars of one slot of an assembly, from before its window to its session's end.

    With ``whole_day``, they reach to the trading day's end.
    """
    tape, ranges = made.tape, made.ranges
    end = ranges.day_end if whole_day else ranges.session_end
    span = np.array([ranges.start[position] - _LEAD, end[position]])
    first, stop = tape.first_at(span)
    # other days' prices are adjusted for rolls; a chart shows prices as traded
    offset = tape.offset[tape.day[first:stop]]
    prices = {
        name: market.instrument.to_price(getattr(tape, name)[first:stop] + offset)
        for name in ("open", "high", "low", "close")
    }
    return Candles(minute=tape.minute[first:stop], **prices)
