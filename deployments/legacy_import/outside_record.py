"""Comparison of an outside record of opening ranges with Orbcast's result from the same bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_core.features.history import History

Slot = tuple[str, str]
"""Trading day (ISO) and the opening range's name."""

TOLERANCE = 1e-6
"""Prices and sizes closer than this are equal: a record has floats, not ticks."""

FIELDS = ("high", "low", "direction", "outcome")
"""Fields that are compared, in this order."""

_OPEN = "?"
_LATER = ("direction", "outcome")
_DIRECTIONS = {1: "UP", -1: "DOWN", 0: "NONE"}
_OUTCOMES = {1: "WIN", -1: "LOSS"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One opening range as an outside record has it.

    Attributes
    ----------
    high, low
        Traded prices.
    direction
        UP, DOWN, NONE, or ``?`` if it is not known.
    outcome
        WIN, LOSS or NO_TRADE (no break, or neither target nor stop by the scan end).
    """

    high: float
    low: float
    direction: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a slot in which record and bars differ, and the reason if that is known."""

    slot: Slot
    field: str
    theirs: str
    ours: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement of a record with the bars for one opening range.

    Attributes
    ----------
    compared
        Number of slots that both have.
    agree
        Field -> number of these slots that agree; a field that the record lacks is absent.
    only_theirs, only_ours
        Number of slots that only one of the two has, within the days that both cover.
    """

    compared: int
    agree: Mapping[str, int]
    only_theirs: int
    only_ours: int


def measured(history: History) -> dict[Slot, Recorded]:
    """Return every slot of a history that has a range, in the form of an outside record."""
    ranges, labels, tape = history.ranges, history.labels, history.tape
    to_price = history.market.instrument.to_price
    offset = tape.offset[ranges.day]
    high, low = to_price(ranges.high + offset), to_price(ranges.low + offset)
    return {
        _slot(history, row): Recorded(
            float(high[row]),
            float(low[row]),
            _DIRECTIONS.get(int(labels.direction[row]), _OPEN),
            _OUTCOMES.get(int(labels.outcome[row]), "NO_TRADE"),
        )
        for row in np.flatnonzero(ranges.formed).tolist()
    }


def exact_touches(history: History) -> set[Slot]:
    """Return the wins whose target was touched exactly; float arithmetic may miss them."""
    ranges, labels, tape = history.ranges, history.labels, history.tape
    won = np.flatnonzero(labels.outcome == 1)
    bar = tape.first_at(labels.resolved_minute[won] - 1)
    extreme = np.where(labels.direction[won] > 0, tape.high[bar], tape.low[bar])
    return {_slot(history, row) for row in won[extreme == labels.target[won]].tolist()} & {
        _slot(history, row) for row in np.flatnonzero(ranges.formed).tolist()
    }


def roll_days(first: History, second: History) -> set[str]:
    """Return the days on which two ways of choosing the contract choose differently."""
    names = [
        [
            history.tape.contracts[code] if code >= 0 else ""
            for code in history.tape.contract.tolist()
        ]
        for history in (first, second)
    ]
    days = first.tape.schedule.days
    return {
        str(day) for day, one, other in zip(days, names[0], names[1], strict=True) if one != other
    }


def compare(
    theirs: Mapping[Slot, Mapping[str, object]],
    ours: Mapping[Slot, Recorded],
    *,
    touches: set[Slot] | None = None,
    rolls: set[str] | None = None,
) -> tuple[dict[str, Agreement], list[Difference]]:
    """Compare a record with the bars, opening range by opening range.

    Parameters
    ----------
    theirs
        The record: those of ``FIELDS`` that it has; None for a missing value, which is not
        compared.
    ours
        Result of :func:`measured`.
    touches, rolls
        Slots and days that explain a difference.

    Returns
    -------
    Agreement by range name, and every difference in order of slots.
    """
    differences: list[Difference] = []
    agreements = {}
    days = {day for day, _ in theirs} & {day for day, _ in ours}
    for name in sorted({range_name for _, range_name in theirs}):
        mine = {slot for slot in ours if slot[1] == name and slot[0] in days}
        other = {slot for slot in theirs if slot[1] == name}
        agree: dict[str, int] = {}
        both = sorted(mine & other)
        for slot in both:
            for field in FIELDS:
                value = theirs[slot].get(field)
                if value is None or (field in _LATER and ours[slot].direction == _OPEN):
                    continue  # not recorded, or not yet decided when the bars end
                same = _same(value, getattr(ours[slot], field))
                agree[field] = agree.get(field, 0) + same
                if not same:
                    reason = _reason(slot, field, ours[slot], touches or set(), rolls or set())
                    words = _value_in_words(getattr(ours[slot], field))
                    differences.append(
                        Difference(slot, field, _value_in_words(value), words, reason)
                    )
        agreements[name] = Agreement(
            compared=len(both),
            agree=agree,
            only_theirs=sum(slot[0] in days for slot in other - mine),
            only_ours=len(mine - other),
        )
    return agreements, sorted(
        differences, key=lambda difference: (difference.slot, FIELDS.index(difference.field))
    )


def _slot(history: History, row: int) -> Slot:
    ranges = history.ranges
    day = history.tape.schedule.days[ranges.day[row]]
    return str(day), history.market.ranges[int(ranges.spec[row])].name


def _same(theirs: object, ours: object) -> bool:
    if isinstance(theirs, float) and isinstance(ours, float):
        return abs(theirs - ours) < TOLERANCE
    return theirs == ours


def _value_in_words(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _reason(slot: Slot, field: str, ours: Recorded, touches: set[Slot], rolls: set[str]) -> str:
    if slot[0] in rolls:
        return "contract roll: another contract was traded that day"
    if field == "outcome" and ours.outcome == "WIN" and slot in touches:
        return "target touched to the tick: float arithmetic misses it"
    return ""
