"""The figure of a drift check: how far the columns of each group moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_core.health.drift import ColumnShift
from monitoring.drift.shifts import LEAST_SHIFT
from monitoring.pages.document import Chart
from monitoring.pages.figure_style import (
    CORRIDOR,
    MAJORITY,
    QUIET,
    SMALL,
    TEXT,
    WORDS,
    Mark,
    compare_with,
    rows_and_axis,
    set_span,
    ticks,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drift_chart(columns: Sequence[ColumnShift]) -> Chart:
    """Return the chart of a drift check."""
    title = "How far each column moved, by group"
    return Chart("drift", title, "", drift_plot(columns))


def drift_plot(columns: Sequence[ColumnShift]) -> Figure:
    """Draw every column's shift, in a row for its group; drifted ones are filled.

    Parameters
    ----------
    columns
        Every checked column, at least one, in the order of their groups.
    """
    groups = list(dict.fromkeys(column.group for column in columns))
    figure, axes = rows_and_axis(len(groups), 112.0, 62.0, 18.0, step=22.0)
    set_span(axes, [-LEAST_SHIFT, LEAST_SHIFT, *(column.shift for column in columns)])
    compare_with(axes, Mark(0.0, "as learned"))
    for row, group in enumerate(groups):
        inside = [column for column in columns if column.group == group]
        # drifted columns are drawn last, so that nothing hides them
        for column in sorted(inside, key=lambda column: column.drifted):
            axes.plot(
                [column.shift],
                [row],
                "o",
                color=CORRIDOR.value if column.drifted else MAJORITY.value,
                markerfacecolor=CORRIDOR.value if column.drifted else "none",
                markersize=7 if column.drifted else 5,
            )
        drifted = sum(column.drifted for column in inside)
        axes.text(
            1.03,
            row,
            f"{drifted} of {len(inside)}",
            transform=axes.get_yaxis_transform(),
            fontsize=SMALL,
            color=CORRIDOR.value if drifted else QUIET.value,
            va="center",
        )
    axes.set_yticks(range(len(groups)), [group.replace("_", " ") for group in groups])
    axes.tick_params(axis="y", labelsize=TEXT, labelcolor=WORDS.value)
    ticks(axes, per_cent=False)
    axes.set_xlabel(
        "shift in standard deviations; filled (and counted): drifted",
        fontsize=SMALL,
        color=QUIET.value,
    )
    return figure
