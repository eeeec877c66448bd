"""The decisions the look-ahead audit covers: some of every kind of day, at every opening range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.features.history import HISTORY_DAYS, History
from ml_core.market.calendar_days import WEEKDAYS
from ml_core.market.market import Market
from ml_core.market.schedule import from_minute, to_minute

_BUSY_ZONES = ("Europe/London", "America/New_York")


@dataclass(frozen=True, slots=True)
class AuditedKind:
    """A kind of decision, such as half-days, and how many of that kind were audited."""

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
        The kinds of these decisions; a decision may be of several kinds, and a kind may have none.
    """

    rows: NDArray[np.int64]
    kinds: tuple[AuditedKind, ...]


def draw_slots(
    history: History, usable: NDArray[np.int64], count: int, draw: np.random.Generator
) -> AuditedSlots:
    """Draw decisions in turn from every kind of day crossed with every opening range.

    A leak that appears only on Fridays, or only on the first day of a month at one range, is found
    only if such a decision is audited. If there are fewer cells (kind x range) than decisions
    wanted, each cell is drawn from at least once. If there are more, each kind and each range is
    still covered, and other nights draw other cells. Within a cell, decisions with the fewest
    others nearby are preferred: the more evenly they are spread over the period, the more of them
    share one false history.

    Parameters
    ----------
    history
        The market.
    usable
        Shape (m,): positions in ``history.ranges`` to draw from.
    count
        Decisions wanted; all of them if there are fewer.
    draw
        Random number generator; another seed gives other decisions.
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
    """Return a mask per kind of decision, shape (m,) each; every decision belongs to a weekday."""
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
    news = np.sort([to_minute(event.time) for event in history.news or ()]).astype(np.int64)
    coming = np.searchsorted(news, decision + 1440, side="right")
    near = coming > np.searchsorted(news, decision - 1440)
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
        **({} if history.news is None else {"news within a day": near}),
    }


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows differ from the row before, shape (n,)."""
    table = values.reshape(len(values), -1)
    return np.append(False, (table[1:] != table[:-1]).any(axis=1))


def clock_offsets(market: Market, minute: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the UTC offsets of the relevant clocks, minutes, shape (n, zones).

    These are the market's own zones, and those of London and New York, whose openings move prices.

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
