"""The heat map of a setup study: R per trade of every plain setup, one cell each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ml_core.on_demand import library
from ml_core.setups.setup_study import SetupResult
from monitoring.pages.figure_style import (
    CORRIDOR,
    MODEL,
    QUIET,
    SMALL,
    TEXT,
    WIDE,
    WORDS,
    frameless_axes,
    new_figure,
)
from monitoring.pages.formatting import signed_or_dash

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

patches = library("matplotlib.patches")

_STEP, _HEAD, _FOOT, _LEFT, _RIGHT = 24.0, 40.0, 30.0, 66.0, 4.0
_DEEPEST, _PALEST = 0.75, 0.06


Period = Literal["search", "confirmation"]


def heat_map(results: Sequence[SetupResult], period: Period, side: str) -> Figure:
    """Draw net R per trade by opening range and stop (rows) and target (columns) of one side.

    Blue made money after costs, orange lost it. Every cell shows its number with a sign, so that
    no reader depends on colours. The depth of colour is relative to the largest figure of all
    sides and periods, so that maps of one study are comparable, but to at least half an R, so
    that small differences do not look large.

    Parameters
    ----------
    results
        ``SetupStudy.heat``.
    period
        Which of the two periods is drawn.
    side
        ``long``, ``short`` or ``both``.
    """
    chosen = [result for result in results if result.setup.side == side]
    rows = list(
        dict.fromkeys((result.setup.opening_range, result.setup.stop) for result in chosen)
    )
    rrs = sorted({result.setup.rr for result in chosen})
    figure = new_figure((_HEAD + _STEP * len(rows) + _FOOT) / 72)
    axes = frameless_axes(figure, _LEFT, _FOOT, WIDE - _LEFT - _RIGHT, _STEP * len(rows))
    axes.set_xlim(-0.5, len(rrs) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    values = [
        figures.net_r for result in results for figures in (result.search, result.confirmation)
    ]
    most = max([0.5, *(abs(value) for value in values if value is not None)])
    for result in chosen:
        setup = result.setup
        place = (rrs.index(setup.rr), rows.index((setup.opening_range, setup.stop)))
        figures = result.search if period == "search" else result.confirmation
        _cell(axes, place, figures.net_r, most)
    axes.set_xticks(range(len(rrs)), [f"RR {rr:g}" for rr in rrs])
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", labeltop=True, labelbottom=False)
    axes.set_yticks(range(len(rows)), [f"{name} {stop}" for name, stop in rows])
    axes.tick_params(axis="y", labelcolor=WORDS.value)
    high = figure.get_figheight() * 72
    sides = "long and short" if side == "both" else side
    figure.text(
        _LEFT / WIDE,
        (high - 12) / high,
        f"{sides}: R a trade after costs",
        fontsize=TEXT,
        color=WORDS.value,
        va="center",
    )
    figure.text(
        _LEFT / WIDE,
        14 / high,
        "blue made money, orange lost it; rows: range and stop",
        fontsize=SMALL,
        color=QUIET.value,
        va="center",
    )
    return figure


def _cell(axes: Axes, place: tuple[int, int], value: float | None, most: float) -> None:
    column, row = place
    if value is not None:
        ink = MODEL if value > 0 else CORRIDOR
        depth = _PALEST + (_DEEPEST - _PALEST) * min(abs(value) / most, 1.0)
        corner = (column - 0.47, row - 0.45)
        axes.add_patch(
            patches.Rectangle(corner, 0.94, 0.9, facecolor=ink.value, alpha=depth, linewidth=0)
        )
    axes.text(
        column,
        row,
        signed_or_dash(value),
        ha="center",
        va="center",
        fontsize=SMALL,
        color=WORDS.value,
    )
