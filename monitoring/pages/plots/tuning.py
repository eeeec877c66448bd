"""The figures of a hyperparameter search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from monitoring.pages.document import Chart
from monitoring.pages.figure_style import (
    CORRIDOR,
    MODEL,
    QUIET,
    RULE,
    SMALL,
    WIDE,
    frameless_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOGARITHMIC = {"num_leaves", "learning_rate", "min_data_in_leaf", "lambda_l2"}
_COLUMNS = 3


def tuning_charts(
    tried: Sequence[Mapping[str, Any]], base_score: float, baseline_score: float
) -> list[Chart]:
    """Return every chart of a search.

    Parameters
    ----------
    tried
        Finished trials in order: ``score`` (None if pruned) and ``values``.
    base_score, baseline_score
        Scores of the base recipe and the driftless baseline on the same folds.
    """
    scores = [trial["score"] for trial in tried]
    history = history_plot(scores, base_score, baseline_score)
    slices = slices_plot(tried)
    return [
        Chart("history", "Score of each trial, smaller is better", "", history),
        Chart("slices", "Score against each hyperparameter", "", slices),
    ]


def history_plot(
    scores: Sequence[float | None], base_score: float, baseline_score: float
) -> Figure:
    """Draw each trial's score, the best so far, and the scores to compare with."""
    high, left, right, foot = 240.0, 58.0, 84.0, 40.0
    figure = new_figure(high / 72)
    axes = frameless_axes(figure, left, foot, WIDE - left - right, high - foot - 16)
    axes.grid(axis="y", color=RULE.value, linewidth=0.8)
    scored = [(number, score) for number, score in enumerate(scores, 1) if score is not None]
    axes.plot(*zip(*scored, strict=True), "o", color=MODEL.value, markersize=4, alpha=0.6)
    best = list(accumulate((score for _, score in scored), min))
    axes.step([number for number, _ in scored], best, where="post", color=MODEL.value)
    lines = ((base_score, "tuned from", QUIET), (baseline_score, "driftless", CORRIDOR))
    # the upper line is labelled above it, the lower line below it
    for (value, words, ink), place in zip(
        sorted(lines, key=lambda line: line[0]), ("top", "bottom"), strict=True
    ):
        axes.axhline(value, color=ink.value, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.annotate(
            words,
            (1.02, value),
            xycoords=("axes fraction", "data"),
            fontsize=SMALL,
            color=ink.value,
            va=place,
        )
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("trial; those stopped early have no score", fontsize=SMALL, color=QUIET.value)
    return figure


def slices_plot(tried: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the scores against the tried values, one small panel per hyperparameter."""
    scored = [trial for trial in tried if trial["score"] is not None]
    names = list(scored[0]["values"]) if scored else []
    rows = max(-(-len(names) // _COLUMNS), 1)
    each_high, left, gap = 120.0, 44.0, 18.0
    figure = new_figure((rows * each_high + 8) / 72)
    wide = (WIDE - left - gap * _COLUMNS) / _COLUMNS
    for index, name in enumerate(names):
        row, column = divmod(index, _COLUMNS)
        bottom = (rows - 1 - row) * each_high + 40
        axes = frameless_axes(figure, left + column * (wide + gap), bottom, wide, each_high - 48)
        axes.grid(axis="y", color=RULE.value, linewidth=0.8)
        values = [trial["values"][name] for trial in scored]
        axes.plot(
            values, [trial["score"] for trial in scored], "o", color=MODEL.value, markersize=3
        )
        if name in _LOGARITHMIC:
            axes.set_xscale("log")
            axes.minorticks_off()
            ticks = sorted({min(values), max(values)})  # too few powers of ten in between
            axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
            _inward(axes)
        if column:
            axes.tick_params(labelleft=False)
        axes.locator_params(axis="y", nbins=3)
        axes.set_xlabel(name.replace("_", " "), fontsize=SMALL, color=QUIET.value)
    return figure


def _inward(axes: Axes) -> None:
    """Align the outermost tick labels inwards, so that they do not touch the next panel's."""
    labels = axes.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    labels[-1].set_horizontalalignment("right")
