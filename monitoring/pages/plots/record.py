"""The figures of a record: predictions beside the corridor, and the trading results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING

from ml_core.health.daily_sums import DaySums, PerformanceRecord
from monitoring.pages.document import Chart
from monitoring.pages.figure_style import CORRIDOR, MODEL, Mark
from monitoring.pages.plots.days import Running, days_plot, equity_plot
from monitoring.performance import grouped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WINDOW = 20
"""Days with breakouts in each accuracy: single days have at most six, which is mere noise."""

_COIN = 0.5


def record_charts(rows: Iterable[PerformanceRecord]) -> list[Chart]:
    """Return every chart of a record; none if no breakout was scored.

    Parameters
    ----------
    rows
        Daily figures of whole days, of one mode and role; a day's versions are summed.
    """
    days = [
        (day, [row.figures for row in same])
        for day, same in sorted(grouped(list(rows), lambda row: str(row.day)).items())
    ]
    scored = [(day, same) for day, same in days if _sum(same, "breaks")]
    if not scored:
        return []
    accuracy = f"Accuracy of the last {WINDOW} days with breaks, model and corridor"
    gain = "Log loss gained over the corridor"
    return [
        Chart("recentaccuracy", accuracy, "", accuracy_plot(scored)),
        Chart("gain", gain, "Any skill shows here: rising is better.", gain_plot(scored)),
        Chart("equity", "Result of trading it, in R", "", _equity(scored)),
    ]


def accuracy_plot(days: Sequence[tuple[str, Sequence[DaySums]]]) -> Figure:
    """Draw the accuracy over a moving window of days, model beside corridor.

    The lines start where the window is full; a shorter record is drawn from its beginning.
    """
    first = WINDOW - 1 if len(days) >= 2 * WINDOW else 0
    breaks = [_sum(same, "breaks") for _, same in days]
    lines = []
    for forecaster, ink in (("corridor", CORRIDOR), ("model", MODEL)):
        right = [_sum(same, f"{forecaster}.accuracy") for _, same in days]
        shares = [s / n for s, n in zip(_last(right), _last(breaks), strict=True)]
        lines.append(Running(forecaster, shares[first:], ink))
    drawn_days = [day for day, _ in days[first:]]
    return days_plot(drawn_days, lines, "accuracy", Mark(_COIN, "coin"), per_cent=True)


def gain_plot(days: Sequence[tuple[str, Sequence[DaySums]]]) -> Figure:
    """Draw the cumulative sum over breakouts of the corridor's log loss minus the model's."""
    gained = accumulate(
        _sum(same, "corridor.log_loss") - _sum(same, "model.log_loss") for _, same in days
    )
    line = Running("model on the\ncorridor", list(gained), MODEL)
    axis = "log loss gained so far: rising is better"
    return days_plot([day for day, _ in days], [line], axis, Mark(0, ""))


def _equity(days: Sequence[tuple[str, Sequence[DaySums]]]) -> Figure:
    def running(figure: str) -> list[float]:
        return list(accumulate(_sum(same, figure) for _, same in days))

    return equity_plot(
        [day for day, _ in days],
        [
            Running(
                "every break,\nbefore costs",
                running("every_break.r_gross"),
                CORRIDOR,
                dashed=True,
            ),
            Running("every break,\nafter costs", running("every_break.r_net"), CORRIDOR),
            Running("recommended,\nafter costs", running("taken.r_net"), MODEL),
        ],
    )


def _last(values: Sequence[float]) -> list[float]:
    """Return the moving sums over the window."""
    return [sum(values[max(0, end - WINDOW) : end]) for end in range(1, len(values) + 1)]


def _sum(same: Iterable[DaySums], figure: str) -> float:
    return float(sum(map(attrgetter(figure), same)))
