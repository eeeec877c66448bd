"""Which decisions the look-ahead audit looks at: some of every kind of day, at every range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.features.history import HISTORY_DAYS, History
from ml_core.market.calendar_days import WEEKDAYS
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute

_BUSY_ZONES = ("Europe/London", "America/New_York")


@dataclass(frozen=True, slots=True)
class AuditedKind:
    """A kind of decision, such as those of half-days, and how many of it were looked at."""

    name: str
    decisions: int


@dataclass(frozen=True, slots=True)
class AuditedSlots:
    """The decisions drawn.

    Attributes
    ----------
    rows
        Shape (n,): positions in the history's ranges, ascending.
    kinds
        What they are of; a decision may be of several kinds, and a kind may have none.
    """

    rows: NDArray[np.int64]
    kinds: tuple[AuditedKind, ...]


def draw_slots(
    history: History, usable: NDArray[np.int64], count: int, draw: np.random.Generator
) -> AuditedSlots:
    """Draw decisions in turn from every kind of day crossed with every opening range.

    A leak that shows on Fridays only, or on a month's first day at one range only, is seen only
    by who looks there. With fewer cells than decisions wanted each cell is drawn from at least
    once; with more, each kind and each range still is, and other nights draw other cells. Within a
    cell the draw is from where the fewest others lie near: spread over the period, more decisions
    share one false history.

    Parameters
    ----------
    history
        The market.
    usable
        Shape (m,): positions in ``history.ranges`` to draw from.
    count
        Decisions wanted; all there are, if those are fewer.
    draw
        Random numbers: other ones, other decisions.
    """
    kinds = _kinds_of(history, usable)
    there = [member for member in kinds.values() if member.any()]
    spec = history.ranges.spec[usable]
    names, turns = np.unique(spec), len(np.unique(spec))
    day = history.tape.schedule.days[history.ranges.day[usable]]
    start, drawn = int(draw.integers(turns)), np.zeros(len(usable), bool)
    near = np.zeros(len(usable), np.int64)
    wanted = min(count, len(usable))
    while drawn.sum() < wanted:
        for cell in range(turns * len(there)):
            turn, kind = divmod(cell, len(there))
            at_range = spec == names[(start + turn + kind) % turns]
            left = np.flatnonzero(there[kind] & at_range & ~drawn)
            if len(left) and drawn.sum() < wanted:
                chosen = draw.choice(left[near[left] == near[left].min()])
                drawn[chosen] = True
                near += np.abs(day - day[chosen]) <= np.timedelta64(HISTORY_DAYS, "D")
    counts = (AuditedKind(name, int((member & drawn).sum())) for name, member in kinds.items())
    return AuditedSlots(rows=usable[drawn], kinds=tuple(counts))


def _kinds_of(history: History, rows: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Return which decisions are of which kind, shape (m,) each; every one has a weekday."""
    schedule, labels = history.tape.schedule, history.labels
    day, decision = history.ranges.day[rows], history.ranges.decision[rows]
    weekday = (schedule.days.astype(np.int64) + 3) % 7
    clocks = clock_offsets(history.market, schedule.exchange_open)
    rolled = history.tape.rolled()
    kinds = {
        name: (weekday == number)[day]
        for number, name in enumerate(WEEKDAYS)
        if (weekday == number)[day].any()
    }
    before = np.maximum(rows - 1, 0)
    broken = labels.break_minute[before] <= decision
    return {
        **kinds,
        "first of a month": _changes(schedule.days.astype("datetime64[M]").astype(int))[day],
        "roll": rolled[day],
        "eve of a roll": np.append(rolled[1:], False)[day],
        "clock change": _changes(clocks)[day],
        "half-day": schedule.early_close[day],
        "earlier trade still open": broken & (labels.resolved_minute[before] > decision),
    }


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows differ from the row before, shape (n,)."""
    table = values.reshape(len(values), -1)
    return np.append(False, (table[1:] != table[:-1]).any(axis=1))


def clock_offsets(market: Market, minute: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how far the clocks that matter are from UTC, minutes, shape (n, zones).

    The market's own zones, and those of London and New York, whose openings move prices.

    Parameters
    ----------
    minute
        Shape (n,), UTC minutes.
    """
    own = {market.zone, *_BUSY_ZONES}
    own |= {session.zone for session in market.sessions if session.zone is not None}
    own |= {spec.zone for spec in market.ranges if spec.zone is not None}
    zones = [ZoneInfo(name) for name in sorted(own)]
    times = [from_minute(int(at)) for at in minute]
    return np.array([[_offset(at, zone) for zone in zones] for at in times], np.int64)


def _offset(at: datetime, zone: ZoneInfo) -> int:
    return int((at.astimezone(zone).utcoffset() or timedelta()) / timedelta(minutes=1))
