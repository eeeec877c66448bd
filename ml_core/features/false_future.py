"""Histories with a false future, from which a feature without look-ahead computes the same values.

From the decision on, everything that a feature may read is deleted or falsified: bars and volumes
of every contract, later contracts and ranges, outcomes not settled yet, and the calendar after the
decision's own trading day. Scheduled news is falsified in :mod:`ml_core.features.false_news`. A
decision depends on the ``HISTORY_DAYS`` before it, so one false history serves many decisions if
they lie far enough apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml_core.array_rows import take_rows
from ml_core.bars.arrays import Bars
from ml_core.features.audited_slots import clock_offsets
from ml_core.features.false_news import later_news
from ml_core.features.history import HISTORY_DAYS, History, read_history
from ml_core.market.schedule import Schedule
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import (
    DOWN,
    LOSS,
    NOT_RESOLVED,
    UNKNOWN,
    UP,
    WIN,
    Labels,
)
from ml_core.ranges.opening_range import OpeningRanges

FUTURE_DAYS = 5
"""Days falsified after the decision's own day: enough to include a weekend and a roll."""

CALENDAR_CYCLE_YEARS = 28
"""Years after which every date has the same weekday again, leap days included (until 2100)."""

Trick = Literal["deleted", "scrambled", "moved", "news deleted", "news scrambled"]

_SHIFT_MINUTES = 37
_FLIPPING_VOLUME = 10_000

_Table = TypeVar("_Table", Schedule, OpeningRanges, Labels)


@dataclass(frozen=True, slots=True)
class FalseHistory:
    """A history with a false future, and decisions on it.

    Attributes
    ----------
    history
        The history a feature is computed from.
    rows
        Shape (k,): the decisions' positions in its ranges.
    decisions
        Shape (k,): indices of these decisions among those requested.
    """

    history: History
    rows: NDArray[np.int64]
    decisions: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """k decisions far apart, and the schedule rows that each depends on, in time order.

    ``first``, ``own`` and ``last`` are schedule rows, shape (k,): the oldest day that the decision
    may use, its own trading day, and the last day that is falsified.
    """

    decisions: NDArray[np.int64]
    first: NDArray[np.int64]
    own: NDArray[np.int64]
    last: NDArray[np.int64]
    t0: NDArray[np.int64]


def windows_apart(history: History, rows: NDArray[np.int64]) -> list[Windows]:
    """Split decisions into groups in which no two windows overlap.

    Parameters
    ----------
    history
        The real history.
    rows
        Shape (n,): positions of the decisions in its ranges, ascending.
    """
    days, own = history.tape.schedule.days, history.ranges.day[rows]
    first = np.searchsorted(days, days[own] - np.timedelta64(HISTORY_DAYS, "D"))
    after = days[own] + np.timedelta64(FUTURE_DAYS, "D")
    last = np.searchsorted(days, after, side="right") - 1
    groups: list[list[int]] = []
    for decision in range(len(rows)):
        for group in groups:
            if last[group[-1]] < first[decision]:
                group.append(decision)
                break
        else:
            groups.append([decision])
    return [
        Windows(
            decisions=np.array(group),
            first=first[group],
            own=own[group],
            last=last[group],
            t0=history.ranges.decision[rows[group]],
        )
        for group in groups
    ]


def with_false_future(
    bars: Bars,
    history: History,
    spec: LabelSpec,
    rows: NDArray[np.int64],
    windows: Windows,
    draw: np.random.Generator | None,
) -> FalseHistory:
    """Return a history in which the future of some decisions is falsified or deleted.

    Parameters
    ----------
    bars
        The real bars of every contract.
    history, spec
        The real history and the specification of its labels; its schedule reaches ``FUTURE_DAYS``
        beyond the last decision.
    rows
        Shape (n,): positions of all requested decisions.
    windows
        The decisions whose future is falsified, with their windows.
    draw
        Random number generator for false values; None deletes the future instead.
    """
    schedule = history.tape.schedule
    deleted = draw is None
    stop = 1 + (windows.own if deleted else windows.last)
    kept = _spans(windows.first, stop)
    window_of_day = np.repeat(np.arange(len(stop)), stop - windows.first)
    days = _rows_of(schedule, kept)
    begin = np.searchsorted(bars.minute, schedule.day_start[windows.first])
    if draw is None:
        near = take_rows(bars, _spans(begin, np.searchsorted(bars.minute, windows.t0)))
        horizon = int(windows.t0[-1])
    else:
        end = np.searchsorted(bars.minute, schedule.day_end[windows.last])
        near = take_rows(bars, _spans(begin, end))
        window = np.repeat(np.arange(len(stop)), end - begin)
        future = np.where(near.minute >= windows.t0[window], window, -1)
        near = scrambled(near, future, draw)
        days = _with_false_days(days, kept > windows.own[window_of_day])
        horizon = int(schedule.day_end[windows.last[-1]])
    false = read_history(near, history.market, spec, days, horizon, history.news)
    ranges = len(history.market.ranges)
    slots = (kept[:, None] * ranges + np.arange(ranges)).ravel()
    t0 = np.repeat(windows.t0[window_of_day], ranges)
    labels = _false_outcomes(false.labels, _rows_of(history.labels, slots), t0, deleted=deleted)
    return FalseHistory(
        replace(false, labels=labels),
        np.searchsorted(slots, rows[windows.decisions]),
        windows.decisions,
    )


def shifted_in_time(history: History, rows: NDArray[np.int64]) -> FalseHistory:
    """Return the same history 28 years later, where every date and clock matches except the year.

    A table made in advance has no entries for those dates. Decisions at which a clock shows
    another time then, because its rules change, are left out.
    """
    days = CALENDAR_CYCLE_YEARS * 1461 // 4
    minutes = days * 1440
    decision = history.ranges.decision[rows]
    same = np.ones(len(rows), bool)
    for near in (decision - 1440, decision, decision + 1440):
        now, then = (clock_offsets(history.market, at) for at in (near, near + minutes))
        same &= (now == then).all(axis=1)
    tape, ranges, labels = history.tape, history.ranges, history.labels

    def later(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(values == NOT_RESOLVED, NOT_RESOLVED, values + minutes)

    schedule = _with_times(
        replace(tape.schedule, days=tape.schedule.days + np.timedelta64(days, "D")),
        ("day_start", "day_end", *_HOURS),
        later,
    )
    there = History(
        market=history.market,
        tape=replace(
            tape,
            schedule=schedule,
            minute=later(tape.minute),
            horizon=tape.horizon + minutes,
        ),
        ranges=_with_times(ranges, ("start", "decision", "session_end", "day_end"), later),
        labels=_with_times(labels, ("break_minute", "resolved_minute"), later),
        news=None if history.news is None else later_news(history.news, days),
    )
    return FalseHistory(there, rows[same], np.flatnonzero(same))


_HOURS = (
    "exchange_open",
    "exchange_close",
    "session_start",
    "session_end",
    "range_start",
    "range_end",
    "session_scan_end",
)


def _with_times(
    table: _Table, names: tuple[str, ...], by: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> _Table:
    """Return a dataclass of arrays in which ``by`` is applied to the named ones, UTC minutes."""
    changed: dict[str, Any] = {name: by(getattr(table, name)) for name in names}
    return replace(table, **changed)


def scrambled(bars: Bars, future: NDArray[np.int64], draw: np.random.Generator) -> Bars:
    """Falsify the prices and volumes of bars that lie in a decision's future.

    Prices become a random walk of ten times the usual size. Volumes are shuffled among the bars.
    The volumes of every contract except a future's busiest are multiplied by ten thousand, so that
    a contract choice based on them comes out differently.

    Parameters
    ----------
    bars
        Shape (n,).
    future
        Shape (n,): index of the future that each bar lies in, from 0; -1 leaves the bar unchanged.
    draw
        Random number generator.
    """
    at = np.flatnonzero(future >= 0)
    count = len(at)
    walk = np.cumsum(draw.normal(0.0, 50.0, count)).astype(np.int32)
    spread = draw.integers(1, 60, (2, count), dtype=np.int32)

    def replaced(values: NDArray[np.int32], by: NDArray[np.int32]) -> NDArray[np.int32]:
        result = values.copy()
        result[at] = by
        return result

    middle = bars.close[at] + walk
    place = future[at] * len(bars.contracts) + bars.contract[at]
    size = (int(future.max(initial=0)) + 1, len(bars.contracts))
    traded = np.bincount(place, bars.volume[at], minlength=size[0] * size[1]).reshape(size)
    busiest = traded.argmax(axis=1)[future[at]]
    factor = np.where(bars.contract[at] == busiest, 1, _FLIPPING_VOLUME)
    volume = bars.volume.copy()
    volume[at] = draw.permutation(volume[at]) * factor + 1
    return Bars(
        symbol=bars.symbol,
        contracts=bars.contracts,
        minute=bars.minute,
        contract=bars.contract,
        open=replaced(bars.open, middle),
        high=replaced(bars.high, middle + spread[0]),
        low=replaced(bars.low, middle - spread[1]),
        close=replaced(bars.close, middle + (spread[0] - spread[1]) // 2),
        volume=volume,
    )


def _spans(first: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of the spans [first, stop), concatenated."""
    return np.concatenate([np.arange(a, b) for a, b in zip(first, stop, strict=True)])


def _rows_of(table: _Table, rows: NDArray[np.int64]) -> _Table:
    """Return the given rows of a dataclass of arrays."""
    chosen: dict[str, Any] = {part.name: getattr(table, part.name)[rows] for part in fields(table)}
    return replace(table, **chosen)


def _with_false_days(schedule: Schedule, future: NDArray[np.bool_]) -> Schedule:
    """Swap half-days and full days among the marked days, and shift their hours."""

    def shifted(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return values + _SHIFT_MINUTES * future.reshape(-1, *[1] * (values.ndim - 1))

    # day_start and day_end stay: they assign bars to days
    return _with_times(
        replace(schedule, early_close=schedule.early_close ^ future), _HOURS, shifted
    )


def _false_outcomes(
    false: Labels, real: Labels, t0: NDArray[np.int64], *, deleted: bool
) -> Labels:
    """Return labels in which everything not known by t0 is deleted or falsified.

    Parameters
    ----------
    false, real
        n slots with the false future and with the real one.
    t0
        Shape (n,), UTC minutes: the decision from which each slot is seen.
    deleted
        Whether it is deleted instead of falsified.
    """
    open_trade = false.resolved_minute > t0
    no_break = open_trade & (false.break_minute > t0)

    def hide(
        name: str, hidden: NDArray[np.bool_], blank: float, other: NDArray[Any]
    ) -> NDArray[Any]:
        values = getattr(false, name)
        return np.where(hidden, blank if deleted else other, values).astype(values.dtype)

    later = np.where(real.resolved_minute == NOT_RESOLVED, t0, real.resolved_minute) + 1
    return Labels(
        direction=hide("direction", no_break, UNKNOWN, np.where(real.direction == UP, DOWN, UP)),
        break_minute=hide("break_minute", no_break, NOT_RESOLVED, later),
        entry=hide("entry", no_break, 0, real.entry + _SHIFT_MINUTES),
        stop=hide("stop", no_break, 0, real.stop - _SHIFT_MINUTES),
        target=hide("target", no_break, 0, real.target + 3 * _SHIFT_MINUTES),
        outcome=hide("outcome", open_trade, UNKNOWN, np.where(real.outcome == WIN, LOSS, WIN)),
        exit=hide("exit", open_trade, 0, real.exit - _SHIFT_MINUTES),
        r_gross=hide("r_gross", open_trade, np.nan, 7.0 + np.nan_to_num(real.r_gross)),
        r_net=hide("r_net", open_trade, np.nan, 7.0 + np.nan_to_num(real.r_net)),
        resolved_minute=hide("resolved_minute", open_trade, NOT_RESOLVED, later),
    )
