"""The score figures of reports and Prefect artifacts, from plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_core.evidence.intervals import wilson
from ml_core.evidence.metrics import ReliabilityBin
from monitoring.pages.figure_style import (
    CORRIDOR,
    MAJORITY,
    MODEL,
    QUIET,
    RULE,
    SMALL,
    TEXT,
    WIDE,
    WORDS,
    Ink,
    Mark,
    compare_with,
    frameless_axes,
    new_figure,
    rows_and_axis,
    set_span,
    ticks,
)
from monitoring.pages.formatting import percent, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_VOICES: dict[str, tuple[Ink, str]] = {
    "model": (MODEL, "o"),
    "corridor": (CORRIDOR, "s"),
    "driftless": (CORRIDOR, "s"),
    "majority": (MAJORITY, "D"),
}
_SIDE = 14.0


@dataclass(frozen=True, slots=True)
class Scored:
    """A figure with its 95 % interval, None if unknown; ``name`` decides colour and mark."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    label: str


@dataclass(frozen=True, slots=True)
class RangeScore:
    """Accuracy of model and corridor on one opening range; ``rows`` breakouts, at most daily."""

    name: str
    rows: int
    model: float
    corridor: float


def score_plot(
    rows: Sequence[Scored], axis: str, marks: Sequence[Mark] = (), *, per_cent: bool = False
) -> Figure:
    """Draw scores in rows, each with its interval between its name and its words.

    Parameters
    ----------
    rows
        The rows from top to bottom.
    axis
        What the axis measures, and which direction is better.
    marks
        Reference lines: a coin, zero, the best possible.
    per_cent
        Whether the axis shows shares.
    """
    head = 18.0 if marks else 6.0
    figure, axes = rows_and_axis(len(rows), 72.0, 68.0, head)
    ends = [end for row in rows for end in (row.low, row.high, row.value) if end is not None]
    set_span(axes, [*ends, *(mark.value for mark in marks)])
    for mark in marks:
        compare_with(axes, mark)
    for index, row in enumerate(rows):
        ink, shape = _VOICES.get(row.name, (MODEL, "o"))
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [index] * 2, color=ink.value, linewidth=2.6, alpha=0.5)
        if row.value is not None:
            axes.plot([row.value], [index], shape, color=ink.value, markersize=8)
        _after(axes, index, row.label)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    for row, label in zip(rows, axes.get_yticklabels(), strict=True):
        label.set_color(_VOICES.get(row.name, (WORDS, ""))[0].value)
        label.set_fontsize(TEXT)
    ticks(axes, per_cent=per_cent)
    axes.set_xlabel(axis, fontsize=SMALL, color=QUIET.value)
    return figure


def reliability_plot(
    model: Sequence[ReliabilityBin], corridor: Sequence[ReliabilityBin]
) -> Figure:
    """Draw predicted against observed shares, and below, how often each was predicted.

    Bars on the model's points are the 95 % intervals of the shares: a point off the diagonal
    whose bar crosses it may be chance.
    """
    high, left, right, foot = 392.0, 44.0, 20.0, 106.0
    figure = new_figure(high / 72)
    wide = WIDE - left - right
    axes = frameless_axes(figure, left, foot, wide, high - foot - 22)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    quarters = [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(quarters, [])
    axes.set_yticks(quarters, [percent(tick, 0) for tick in quarters])
    axes.grid(color=RULE.value, linewidth=0.8)
    axes.plot([0, 1], [0, 1], color=QUIET.value, linewidth=1, linestyle=(0, (4, 2)))
    axes.text(
        0.98,
        0.03,
        "dashed: happens as often as predicted",
        color=QUIET.value,
        fontsize=SMALL,
        ha="right",
    )
    for one in model:
        low, upper = wilson(one.happened, one.rows)
        axes.plot([one.predicted] * 2, [low, upper], color=MODEL.value, linewidth=2.6, alpha=0.45)
    for name, bins in (("corridor", corridor), ("model", model)):
        for one in bins:
            _point(axes, name, one.predicted, one.happened)
    for y, name, words in ((0.95, "model", "●  model"), (0.885, "corridor", "□  corridor")):
        axes.text(0.02, y, words, color=_VOICES[name][0].value, fontsize=TEXT, va="center")
    axes.text(-0.13, 1.035, "broke UP", fontsize=SMALL, color=QUIET.value)
    below = frameless_axes(figure, left, 40, wide, foot - 40 - 16)
    below.set_xlim(0, 1)
    most = max((one.rows for one in model), default=1)
    below.set_ylim(0, most * 1.5)
    for one in model:
        place = min(int(one.predicted * 10), 9) / 10 + 0.05
        below.bar([place], [one.rows], width=0.085, color=MODEL.value, alpha=0.45)
        below.text(
            place,
            one.rows,
            f"{one.rows:,}",
            fontsize=SMALL,
            color=QUIET.value,
            ha="center",
            va="bottom",
        )
    below.set_yticks([])
    below.set_xticks(quarters, [percent(tick, 0) for tick in quarters])
    below.set_xlabel(
        "predicted probability of UP; bars count how often", fontsize=SMALL, color=QUIET.value
    )
    return figure


def range_plot(rows: Sequence[RangeScore]) -> Figure:
    """Draw the accuracy on each opening range, the model with its 95 % interval.

    A range occurs once a day, so its rows are days and Wilson's interval applies.
    """
    figure, axes = rows_and_axis(len(rows), 52.0, 62.0, 18.0)
    spans = [wilson(row.model, row.rows) for row in rows]
    set_span(
        axes, [0.5, *(end for span in spans for end in span), *(row.corridor for row in rows)]
    )
    compare_with(axes, Mark(0.5, "coin"))
    for index, (row, span) in enumerate(zip(rows, spans, strict=True)):
        axes.plot([*span], [index] * 2, color=MODEL.value, linewidth=2.6, alpha=0.5)
        _point(axes, "corridor", row.corridor, index)
        _point(axes, "model", row.model, index)
        _after(axes, index, percent(row.model))
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.tick_params(axis="y", labelsize=TEXT, labelcolor=WORDS.value)
    ticks(axes, per_cent=True)
    axes.set_xlabel("accuracy, higher is better", fontsize=SMALL, color=QUIET.value)
    return figure


def importance_plot(shares: Mapping[str, float], axis: str, most: int = 10) -> Figure:
    """Draw the most important features as bars from zero; a negative one points left.

    Parameters
    ----------
    shares
        Words for a feature, and its weight: a share of the gain, or a signed mean of SHAP values.
    axis
        What a bar's length measures.
    most
        Maximum number of bars.
    """
    chosen = sorted(shares.items(), key=lambda pair: (-abs(pair[1]), pair[0]))[:most]
    step, foot = 33.0, 22.0
    high = foot + step * len(chosen) + 4
    figure = new_figure(high / 72)
    axes = frameless_axes(figure, _SIDE, foot, WIDE - 2 * _SIDE, high - foot - 4)
    axes.set_ylim(len(chosen), 0)
    ends = [0.0, *(value for _, value in chosen)]
    left, right = min(ends) * 1.02, max(ends) * 1.02
    axes.set_xlim(left, right if left < right else 1.0)  # if all are 0: an axis without bars
    transform = axes.get_yaxis_transform()
    whole = min(ends) == 0
    for index, (words, value) in enumerate(chosen):
        axes.barh([index + 0.72], [value], height=0.26, color=MODEL.value)
        label = percent(value, 0) if whole else signed(value, 3)
        y = index + 0.42
        axes.text(0, y, words, transform=transform, fontsize=SMALL, color=WORDS.value)
        axes.text(1, y, label, transform=transform, fontsize=SMALL, color=QUIET.value, ha="right")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(axis, fontsize=SMALL, color=QUIET.value)
    return figure


def _point(axes: Axes, name: str, x: float, y: float) -> None:
    """Draw a marker; the corridor's is hollow and larger, so that both remain visible."""
    ink, shape = _VOICES[name]
    hollow = name == "corridor"
    axes.plot(
        [x],
        [y],
        shape,
        color=ink.value,
        markerfacecolor="none" if hollow else ink.value,
        markeredgewidth=1.6,
        markersize=10 if hollow else 6.5,
        clip_on=False,
    )


def _after(axes: Axes, row: float, words: str) -> None:
    axes.text(
        1.03,
        row,
        words,
        transform=axes.get_yaxis_transform(),
        fontsize=TEXT,
        color=WORDS.value,
        va="center",
    )
