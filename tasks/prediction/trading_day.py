"""A trading day: each opening range with its prediction, or why there is none, and its bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.decision.entry import Mode
from ml_core.decision.plan_record import StrategyRecord
from ml_core.decision.slot import Slot
from ml_core.learning.datasets.assemble import Assembly, NoBarsError, assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.market import MINUTES_A_DAY, Market
from ml_core.market.schedule import first_minute, to_minute
from ml_core.ranges.label_spec import LabelSpec
from monitoring.explain import why_not
from registry.ledger.entries import Settled
from registry.strategy import strategy_records
from tasks.data.label_keys import labels_by_key
from tasks.prediction.day_outlook import closed_at_in_words, closed_because, expected_ranges
from tasks.prediction.slots import slots_between
from tasks.settings import Settings

State = Literal["answered", "silent", "due", "waiting", "absent", "closed"]
"""Answered: a prediction is recorded. Silent: an abstention with a typed reason. Due: still to
come. Waiting: decision time passed, deadline not. Absent: past its deadline without a row.
Closed: not expected, since the exchange is closed."""

_BEFORE = 14
"""Days of earlier bars, including holidays, from which the day's contract is chosen."""

_LEAD = 30
"""Minutes shown before a range's window."""

_CHAMPION_FIRST = {"champion": 0, "baseline": 2}

_ONLY_ELSEWHERE: dict[Mode, str] = {
    "live": "nobody was asked at the time; a replay has answered it since",
    "replay": "it was not replayed; there is a live answer",
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
    seen
        Range, breakout, entry, stop and target as far as bars closed by now show them, prices as
        traded, in the columns of the slot table. They follow the label of the first of
        ``answers``, or else the default label; None without bars.
    candles
        From half an hour before the window to its session's end; None without bars.
    """

    slot: Slot
    opens: datetime
    state: State
    why: str
    answers: tuple[Settled, ...]
    decided: StrategyRecord | None
    seen: Mapping[str, Any] | None
    candles: Candles | None


def slots_of_day(
    settings: Settings,
    market: Market,
    trading_day: date,
    mode: Mode,
    at: datetime,
    *,
    bars: bool = True,
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
    bars
        Whether bars are read too; otherwise ``seen`` and ``candles`` are None.
    """
    slots = slots_between(market, trading_day, trading_day)
    both = settings.ledger().settled(market.symbol, first=trading_day, last=trading_day)
    answers = tuple(row for row in both if row.prediction.mode == mode)
    elsewhere = {row.prediction.opening_range for row in both if row.prediction.mode != mode}
    decided = {
        strategy_record.opening_range: strategy_record
        for strategy_record in strategy_records(
            settings.database(), market.symbol, mode=mode, first=trading_day, last=trading_day
        )
    }
    by_range = {slot.opening_range: _champion_first(answers, slot) for slot in slots}
    seen = _seen(settings, market, trading_day, at, by_range) if bars else {}
    expected = {
        expected_range.opening_range
        for _, expected_range in expected_ranges(market, trading_day, trading_day)
    }
    closed = closed_because(market, trading_day)
    shown_slots = []
    for slot in slots:
        own = by_range[slot.opening_range]
        shut = closed_at_in_words(closed) if slot.opening_range not in expected else None
        state, why = _state(settings, slot, own, at, shut)
        if state == "absent" and slot.opening_range in elsewhere:
            why = _ONLY_ELSEWHERE[mode]
        row, candles = seen.get(slot.opening_range, (None, None))
        shown_slots.append(
            SlotOfDay(
                slot=slot,
                opens=slot.decision - timedelta(minutes=_length(market, slot)),
                state=state,
                why=why,
                answers=own,
                decided=decided.get(slot.opening_range),
                seen=row,
                candles=candles,
            )
        )
    return tuple(shown_slots)


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
        return "waiting", "its time has come and nobody has answered yet: is `orbcast up` running?"
    return "absent", "nobody was asked"


def _seen(
    settings: Settings,
    market: Market,
    day: date,
    at: datetime,
    answers: Mapping[str, tuple[Settled, ...]],
) -> dict[str, tuple[Mapping[str, Any], Candles]]:
    begins = first_minute(day)
    bars = settings.lake().read(
        market,
        begins - _BEFORE * MINUTES_A_DAY,
        min(to_minute(at), begins + 3 * MINUTES_A_DAY),
    )
    # levels depend on the label; each range uses the label that its prediction is settled by
    keys = {name: own[0].prediction.label for name, own in answers.items() if own}
    labels = labels_by_key(settings, market.symbol, keys.values())
    specs = {name: labels.get(keys.get(name, ""), LabelSpec()) for name in answers}
    by_range: dict[str, tuple[Mapping[str, Any], Candles]] = {}
    for spec in set(specs.values()):
        try:
            made = assemble(bars, market, spec, first=day, last=day, features=())
        except NoBarsError:
            return {}
        by_range |= {
            row["opening_range"]: (row, candles_of(made, int(position), market))
            for row, position in zip(slot_table(made).to_pylist(), made.reported, strict=True)
            if specs[row["opening_range"]] == spec
        }
    return by_range


def candles_of(made: Assembly, position: int, market: Market) -> Candles:
    """Return the bars of one slot of an assembly, from before its window to its session's end."""
    tape, ranges = made.tape, made.ranges
    span = np.array([ranges.start[position] - _LEAD, ranges.session_end[position]])
    first, stop = tape.first_at(span)
    # other days' prices are adjusted for rolls; a chart shows prices as traded
    offset = tape.offset[tape.day[first:stop]]
    prices = {
        name: market.instrument.to_price(getattr(tape, name)[first:stop] + offset)
        for name in ("open", "high", "low", "close")
    }
    return Candles(minute=tape.minute[first:stop], **prices)
