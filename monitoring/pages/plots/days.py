"""Lines over trading days: cumulative R, recent accuracy, log loss gained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_core.on_demand import library
from monitoring.pages.figure_style import (
    QUIET,
    RULE,
    SMALL,
    WIDE,
    Ink,
    Mark,
    apart,
    frameless_axes,
    new_figure,
)
from monitoring.pages.formatting import percent, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

dates = library("matplotlib.dates")
ticker = library("matplotlib.ticker")


@dataclass(frozen=True, slots=True)
class Running:
    """A line over the days, drawn in an ink; ``dashed`` means before costs."""

    words: str
    values: Sequence[float]
    ink: Ink
    dashed: bool = False


def equity_plot(days: Sequence[str], lines: Sequence[Running]) -> Figure:
    """Draw cumulative R over the days, each line named at its end."""
    return days_plot(days, lines, "running sum, R", Mark(0, ""), unit=" R")


def days_plot(
    days: Sequence[str],
    lines: Sequence[Running],
    axis: str,
    level: Mark,
    *,
    unit: str = "",
    per_cent: bool = False,
) -> Figure:
    """Draw lines over the days, each named at its end with its last value.

    Parameters
    ----------
    days
        ISO dates, in order.
    lines
        The lines, all as long as ``days``.
    axis
        What the axis measures.
    level
        Reference line, drawn across, with its words, if any, at the left.
    unit
        Written after a value.
    per_cent
        Whether the axis shows shares.
    """
    high, left, foot, right = 300.0, 40.0, 30.0, 112.0
    figure = new_figure(high / 72)
    axes = frameless_axes(figure, left, foot, WIDE - left - right, high - foot - 22)
    when = [float(dates.datestr2num(day)) for day in days]
    axes.grid(axis="y", color=RULE.value, linewidth=0.8)
    axes.axhline(level.value, color=QUIET.value, linewidth=1)
    for line in lines:
        axes.plot(
            when,
            line.values,
            color=line.ink.value,
            linewidth=1.8,
            linestyle=(0, (2, 1.2)) if line.dashed else "-",
        )
    axes.set_xlim(when[0], max(when[-1], when[0] + 1))
    # nearly three years have six half-years: with a lower limit no tick spacing would fit
    most = {dates.YEARLY: 5, dates.MONTHLY: 7, dates.DAILY: 5}
    locator = dates.AutoDateLocator(minticks=3, maxticks=most)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
    axes.text(0, 1.02, axis, transform=axes.transAxes, fontsize=SMALL, color=QUIET.value)
    axes.annotate(
        level.words,
        (0, level.value),
        xycoords=axes.get_yaxis_transform(),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=SMALL,
        color=QUIET.value,
    )
    if per_cent:
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda share, _: percent(share, 0)))
    low, upper = axes.get_ylim()
    height = 40 * (upper - low) / (high - foot - 22)
    places = apart([line.values[-1] for line in lines], height, upper)
    for line, place in zip(lines, places, strict=True):
        end = line.values[-1]
        axes.annotate(
            f"{line.words}\n{percent(end) if per_cent else signed(end) + unit}",
            (when[-1], place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=line.ink.value,
            annotation_clip=False,
            linespacing=1.15,
        )
    return figure
