"""Figures over a moving window of days, each with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ml_core.health.daily_sums import DaySums, PerformanceRecord, TradeSums
from monitoring.performance import interval_of_sums

WINDOW = 20
"""Days with breakouts in each figure; single days have at most six, which is mere noise."""

MOST_POINTS = 150
"""Most points of a line; more could not be told apart."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """A figure over the window ending on each of ``days``, with day-block 95 % bounds."""

    days: tuple[date, ...]
    estimate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def rolling(
    rows: Iterable[PerformanceRecord], part: str, figure: str, *, window: int = WINDOW
) -> Rolling | None:
    """Return a figure over a moving window of days; None with fewer days than a window.

    Parameters
    ----------
    rows
        Daily figures of whole days, of one mode and role; a day's versions are summed.
    part, figure
        Which sum: a forecaster and a metric, or a kind of trade and ``r_net``.
    window
        Number of days with breakouts.
    """
    days: dict[date, tuple[int, float]] = {}
    for row in rows:
        n, total = _sums(row.figures, part, figure)
        if n:
            before = days.get(row.day, (0, 0.0))
            days[row.day] = (before[0] + n, before[1] + total)
    order = sorted(days)
    if len(order) < window:
        return None
    ends = range(window, len(order) + 1)
    step = -(-len(ends) // MOST_POINTS)
    chosen = [end for end in ends if (len(order) - end) % step == 0]
    intervals = []
    for end in chosen:
        within = order[end - window : end]
        counts, sums = zip(*(days[day] for day in within), strict=True)
        intervals.append(interval_of_sums(within, counts, sums))
    return Rolling(
        days=tuple(order[end - 1] for end in chosen),
        estimate=tuple(interval.estimate for interval in intervals),
        low=tuple(interval.low for interval in intervals),
        high=tuple(interval.high for interval in intervals),
    )


def _sums(figures: DaySums, part: str, figure: str) -> tuple[int, float]:
    """Return the number of breakouts or trades in a figure, and its sum."""
    sums = getattr(figures, part)
    n = sums.trades if isinstance(sums, TradeSums) else figures.breaks
    return (n, getattr(sums, figure)) if sums is not None and n else (0, 0.0)
