"""Labels: the breakout of each range, the trade it leads to and that trade's outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.continuous import Tape
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.opening_range import OpeningRanges

UNKNOWN = -128
"""Direction or outcome that is not known (yet), or an outcome without a trade."""

UP, DOWN, NONE = 1, -1, 0
WIN, LOSS, TIMEOUT = 1, -1, 0
NOT_RESOLVED = np.iinfo(np.int64).max
"""A minute later than any decision, for events that have not happened yet."""

_ROUNDING = 1e-9  # of a tick: tolerance for a target such as 1.5 R being a whole tick


_Hits = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""Takes rows (k,) and bar positions (k, w); returns whether each bar is a hit, shape (k, w)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of the n slots of an :class:`OpeningRanges`.

    Prices are adjusted ticks and are valid only where ``direction`` is UP or DOWN. Minutes are UTC
    minutes since the epoch.

    Attributes
    ----------
    direction
        UP, DOWN, NONE (no breakout by the scan end) or UNKNOWN (no range, or not known yet).
    break_minute
        When the breakout became known: the close of the breakout bar; ``NOT_RESOLVED`` without
        one.
    entry, stop, target
        Entry (the close that broke the range), stop and target.
    outcome
        WIN (target first), LOSS (stop first, or both within one bar), TIMEOUT, or UNKNOWN.
    exit
        Target, stop, or the last close before the scan end.
    r_gross, r_net
        R-multiple before and after the round-trip cost; NaN while there is no outcome.
    resolved_minute
        When the outcome became known: the close of the exit bar, or the scan end for NONE and
        TIMEOUT; ``NOT_RESOLVED`` before that.
    """

    direction: NDArray[np.int16]
    break_minute: NDArray[np.int64]
    entry: NDArray[np.int64]
    stop: NDArray[np.int64]
    target: NDArray[np.int64]
    outcome: NDArray[np.int16]
    exit: NDArray[np.int64]
    r_gross: NDArray[np.float64]
    r_net: NDArray[np.float64]
    resolved_minute: NDArray[np.int64]

    @property
    def risk(self) -> NDArray[np.int64]:
        """Distance from entry to stop, ticks, shape (n,); positive where there is a trade."""
        distance: NDArray[np.int64] = np.abs(self.entry - self.stop)
        return distance


def label(tape: Tape, ranges: OpeningRanges, spec: LabelSpec, cost_ticks: float) -> Labels:
    """Label every slot from the tape's bars, up to the tape's horizon.

    Parameters
    ----------
    tape, ranges
        The bars, and the opening ranges measured from them.
    spec
        The definition of the labels.
    cost_ticks
        Round-trip cost, ticks.
    """
    labels = _unknown(len(ranges))
    scan_end = ranges.session_end if spec.scan_end == "session_end" else ranges.day_end
    rows = np.flatnonzero(ranges.formed)
    _find_breaks(tape, ranges, scan_end, rows, labels)
    trades = np.flatnonzero(np.abs(labels.direction) == UP)
    _set_levels(ranges, spec, trades, labels)
    _find_exits(tape, spec, scan_end, trades, labels)
    _count_r(labels, cost_ticks)
    return labels


def _unknown(count: int) -> Labels:
    def zeros() -> NDArray[np.int64]:
        return np.zeros(count, np.int64)

    return Labels(
        direction=np.full(count, UNKNOWN, np.int16),
        break_minute=np.full(count, NOT_RESOLVED, np.int64),
        entry=zeros(),
        stop=zeros(),
        target=zeros(),
        outcome=np.full(count, UNKNOWN, np.int16),
        exit=zeros(),
        r_gross=np.full(count, np.nan),
        r_net=np.full(count, np.nan),
        resolved_minute=np.full(count, NOT_RESOLVED, np.int64),
    )


def _first_true(
    tape: Tape, first: NDArray[np.int64], stop: NDArray[np.int64], hits: _Hits
) -> NDArray[np.int64]:
    """Return the position of the first bar in [first, stop) that ``hits``, or -1.

    Searches stretches that double in length. Most breakouts happen in the first minutes, so the
    usual case costs a few columns instead of the whole session's.
    """
    bar = np.full(len(first), -1, np.int64)
    open_rows = np.flatnonzero(first < stop)
    offset, width = 0, 16
    last = len(tape) - 1
    while len(open_rows):
        bars = first[open_rows, None] + np.arange(offset, offset + width)
        inside = bars < stop[open_rows, None]
        hit = hits(open_rows, np.minimum(bars, last)) & inside
        offset_of_hit = hit.argmax(axis=1)
        any_hit = hit[np.arange(len(open_rows)), offset_of_hit]
        bar[open_rows[any_hit]] = bars[any_hit, offset_of_hit[any_hit]]
        offset, width = offset + width, width * 2
        open_rows = open_rows[~any_hit & (first[open_rows] + offset < stop[open_rows])]
    return bar


def _find_breaks(
    tape: Tape,
    ranges: OpeningRanges,
    scan_end: NDArray[np.int64],
    rows: NDArray[np.int64],
    labels: Labels,
) -> None:
    high, low = ranges.high[rows], ranges.low[rows]

    def outside(at: NDArray[np.int64], bars: NDArray[np.int64]) -> NDArray[np.bool_]:
        close = tape.close[bars]
        return (close > high[at, None]) | (close < low[at, None])

    first_outside = _first_true(
        tape, ranges.stop_bar[rows], tape.first_at(scan_end[rows]), outside
    )
    broke, bar = rows[first_outside >= 0], first_outside[first_outside >= 0]
    labels.direction[broke] = np.where(tape.close[bar] > ranges.high[broke], UP, DOWN)
    labels.break_minute[broke] = tape.minute[bar] + 1
    labels.entry[broke] = tape.close[bar]
    quiet = rows[(first_outside < 0) & (scan_end[rows] <= tape.horizon)]
    labels.direction[quiet] = NONE
    labels.resolved_minute[quiet] = scan_end[quiet]


def _set_levels(
    ranges: OpeningRanges, spec: LabelSpec, trades: NDArray[np.int64], labels: Labels
) -> None:
    """Set stop and target in whole ticks, rounded away from the entry: never in its favour."""
    side = labels.direction[trades].astype(np.int64)
    broken = np.where(side == UP, ranges.high[trades], ranges.low[trades])
    opposite = np.where(side == UP, ranges.low[trades], ranges.high[trades])
    if spec.stop == "full":
        stop = opposite
    else:
        half = ranges.size[trades] // 2 + ranges.size[trades] % 2
        stop = broken - side * half
    anchor = labels.entry[trades] if spec.anchor == "entry" else broken
    reward = np.ceil(spec.rr * np.abs(anchor - stop) - _ROUNDING).astype(np.int64)
    labels.stop[trades] = stop
    labels.target[trades] = anchor + side * reward


def _find_exits(
    tape: Tape,
    spec: LabelSpec,
    scan_end: NDArray[np.int64],
    trades: NDArray[np.int64],
    labels: Labels,
) -> None:
    side = labels.direction[trades].astype(np.int64)
    beyond = 1 if spec.target == "through" else 0  # ticks past the target that must be traded
    stop, filled_at = labels.stop[trades], labels.target[trades] + side * beyond

    def stopped(at: NDArray[np.int64], bars: NDArray[np.int64]) -> NDArray[np.bool_]:
        long = side[at, None] == UP
        return np.where(long, tape.low[bars] <= stop[at, None], tape.high[bars] >= stop[at, None])

    def touched(at: NDArray[np.int64], bars: NDArray[np.int64]) -> NDArray[np.bool_]:
        long = side[at, None] == UP
        level = filled_at[at, None]
        reached = np.where(long, tape.high[bars] >= level, tape.low[bars] <= level)
        return reached | stopped(at, bars)

    first = tape.first_at(labels.break_minute[trades])
    last = tape.first_at(scan_end[trades])
    first_touch = _first_true(tape, first, last, touched)
    settled = first_touch >= 0
    rows, bar = trades[settled], first_touch[settled]
    # if one bar touches both, it counts as the stop: the order inside a minute is not known
    lost = stopped(np.flatnonzero(settled), bar[:, None])[:, 0]
    labels.outcome[rows] = np.where(lost, LOSS, WIN)
    labels.exit[rows] = np.where(lost, labels.stop[rows], labels.target[rows])
    labels.resolved_minute[rows] = tape.minute[bar] + 1
    timed_out = trades[~settled & (scan_end[trades] <= tape.horizon)]
    labels.outcome[timed_out] = TIMEOUT
    labels.exit[timed_out] = tape.close[tape.first_at(scan_end[timed_out]) - 1]
    labels.resolved_minute[timed_out] = scan_end[timed_out]


def _count_r(labels: Labels, cost_ticks: float) -> None:
    done = np.flatnonzero(labels.outcome != UNKNOWN)
    risk = labels.risk[done]
    gain = labels.direction[done] * (labels.exit[done] - labels.entry[done])
    # with the edge anchor the stop cannot lie beyond the entry: a breakout is outside the range
    labels.r_gross[done] = gain / risk
    labels.r_net[done] = (gain - cost_ticks) / risk
