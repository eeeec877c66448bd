"""The figures of a walk-forward study: whether skill lasted, and where it occurred."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_core.evidence.evaluation import Evaluation, GroupScores
from ml_core.evidence.intervals import Z95
from ml_core.json_values import finite_or_none
from ml_core.on_demand import library
from monitoring.pages.document import Chart
from monitoring.pages.figure_style import (
    MODEL,
    PAPER,
    QUIET,
    RULE,
    SMALL,
    TEXT,
    WIDE,
    Mark,
    frameless_axes,
    new_figure,
)
from monitoring.pages.findings import FEW_TRADES
from monitoring.pages.formatting import NOT_KNOWN, signed
from monitoring.pages.plots.scores import Scored, score_plot
from monitoring.pages.plots.version import equity_chart, range_chart, reliability_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ticker = library("matplotlib.ticker")

_MOST_NAMES = 6
_MOST_LARGE = 24
"""Number of folds from which marks are drawn small."""

_YEAR_WIDTH = 30.0
_FLAT = 0.01
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Log loss of the model minus the corridor's on a part of the rows; below 0 is better.

    Attributes
    ----------
    name
        Name of the fold or the opening range.
    rows
        Number of breakouts.
    estimate, low, high, error
        Mean difference per row, its 95 % interval and standard error; None if unknown.
    """

    name: str
    rows: int
    estimate: float | None
    low: float | None
    high: float | None
    error: float | None = None

    @property
    def few(self) -> bool:
        """Whether it has too few rows to judge."""
        return self.rows < FEW_TRADES


def differences(groups: Iterable[GroupScores]) -> list[Difference]:
    """Return the differences of an evaluation's groups, in order."""
    rows = []
    for group in groups:
        change = group.difference["corridor"].log_loss
        figures = (change.estimate, change.low, change.high, change.error)
        rows.append(Difference(group.name, group.rows, *map(finite_or_none, figures)))
    return rows


def running_gain(folds: Sequence[Difference]) -> tuple[list[float], list[float]]:
    """Return cumulative sums over folds of the log loss gained on the corridor, and their errors.

    Folds share no day, so their errors add as squares. An unknown fold adds nothing.

    >>> running_gain([Difference("a", 100, -0.02, None, None, 0.003)])
    ([2.0], [0.3])
    """
    total, square = 0.0, 0.0
    gains, errors = [], []
    for fold in folds:
        total -= fold.rows * (fold.estimate or 0.0)
        square += (fold.rows * (fold.error or 0.0)) ** 2
        gains.append(total)
        errors.append(math.sqrt(square))
    return gains, errors


def skill_plot(folds: Sequence[Difference]) -> Figure:
    """Draw each fold's difference with its 95 % interval, and below, the cumulative gain.

    A fold with few rows is hollow and without interval; an unknown one is a question mark.

    Parameters
    ----------
    folds
        At least one fold, in order of time.
    """
    high, left, right, foot = 330.0, 50.0, 14.0, 30.0
    lower, gap, head = 96.0, 34.0, 22.0
    figure = new_figure(high / 72)
    wide, upper = WIDE - left - right, high - foot - lower - gap - head
    above = frameless_axes(figure, left, foot + lower + gap, wide, upper)
    below = frameless_axes(figure, left, foot, wide, lower)
    for axes in (above, below):
        axes.grid(axis="y", color=RULE.value, linewidth=0.8)
        axes.axhline(0, color=QUIET.value, linewidth=1.2)
        axes.set_xlim(-0.7, len(folds) - 0.3)
    _folds(above, folds)
    gains, errors = running_gain(folds)
    _gains(below, gains, errors)
    above.set_xticks([])
    places = _labelled_folds(folds, wide / (len(folds) + 0.4))
    below.set_xticks([place for place, _ in places], [name for _, name in places])
    for axes, words in (
        (above, "log loss less the corridor's: below 0 is better"),
        (below, f"gained on the corridor so far: {signed(gains[-1])}, rising is better"),
    ):
        axes.annotate(
            words,
            (0, 1),
            xycoords="axes fraction",
            xytext=(8 - left, 7),
            textcoords="offset points",
            fontsize=SMALL,
            color=QUIET.value,
        )
    return figure


def difference_plot(rows: Sequence[Difference]) -> Figure:
    """Draw differences in rows, each with its 95 % interval, against the corridor's 0.

    A difference that is unknown, or has too few rows, is described in words and not drawn.

    Parameters
    ----------
    rows
        At least one row, from top to bottom.
    """
    return score_plot(
        [_scored(row) for row in rows],
        "log loss less the corridor's, below 0 is better",
        [Mark(0.0, "corridor")],
    )


def study_charts(evaluation: Evaluation) -> tuple[Chart, ...]:
    """Return every figure of a study, in reading order."""
    return (
        _skill(evaluation),
        reliability_chart(evaluation),
        _years(evaluation),
        _ranges(evaluation),
        range_chart(evaluation),
        equity_chart(evaluation),
    )


def _skill(evaluation: Evaluation) -> Chart:
    title = "Skill over time"
    folds = differences(evaluation.by_fold)
    if not folds:
        words = "The study has one fold: there is no course over time to show."
        return Chart("skill", title, words, None)
    judged = [fold for fold in folds if fold.estimate is not None and not fold.few]
    better = sum(fold.high is not None and fold.high < 0 for fold in judged)
    worse = sum(fold.low is not None and fold.low > 0 for fold in judged)
    words = (
        f"A point a fold, with its 95 % interval. Of {len(judged):,} that can be judged, "
        f"{better:,} lie wholly below 0 and {worse:,} wholly above; without any skill one in "
        "forty would on either side, and a fold alone is too short to show a little skill. "
        "Below: the sum over all breaks so far, its 95 % interval shaded."
    )
    few = sum(fold.estimate is not None and fold.few for fold in folds)
    unknown = sum(fold.estimate is None for fold in folds)
    if few:
        words += f" Hollow: {few:,} with under {FEW_TRADES} breaks, too few to judge."
    if unknown:
        words += f" A question mark: {unknown:,} not known, which add nothing to the sum."
    return Chart("skill", title, words, skill_plot(folds))


def _years(evaluation: Evaluation) -> Chart:
    rows = differences(evaluation.by_year)
    words = (
        "The difference that decides the verdict, with 95 % intervals. Real skill should not "
        "be limited to one year."
    )
    title = "Skill, year by year"
    return Chart("years", title, words, difference_plot(rows) if rows else None)


def _ranges(evaluation: Evaluation) -> Chart:
    title = "Skill, opening range by opening range"
    rows = differences(evaluation.by_range)
    words = (
        f"The same by range. Among {len(rows):,} of them one may exclude 0 by chance: that is a "
        "question for the next study, not a result."
    )
    return Chart("rangeskill", title, words, difference_plot(rows) if rows else None)


def _scored(row: Difference) -> Scored:
    if row.estimate is None:
        return Scored(row.name, None, None, None, NOT_KNOWN)
    if row.few:
        return Scored(row.name, None, None, None, "too few")
    return Scored(row.name, row.estimate, row.low, row.high, signed(row.estimate, 4))


def _folds(axes: Axes, folds: Sequence[Difference]) -> None:
    size, line = (6.5, 2.6) if len(folds) <= _MOST_LARGE else (3.6, 1.6)
    ends = [0.0]
    for place, fold in enumerate(folds):
        if fold.estimate is None:
            axes.text(
                place,
                0,
                "?",
                color=QUIET.value,
                fontsize=TEXT,
                ha="center",
                va="center_baseline",
                bbox={"facecolor": PAPER.value, "edgecolor": "none", "pad": 0.5},
            )
            continue
        ends.append(fold.estimate)
        if not fold.few and fold.low is not None and fold.high is not None:
            axes.plot([place] * 2, [fold.low, fold.high], color=MODEL.value, lw=line, alpha=0.5)
            ends += [fold.low, fold.high]
        axes.plot(
            [place],
            [fold.estimate],
            "o",
            color=MODEL.value,
            markerfacecolor="none" if fold.few else MODEL.value,
            markersize=size,
            clip_on=False,
        )
    _set_height(axes, ends)


def _gains(axes: Axes, gains: Sequence[float], errors: Sequence[float]) -> None:
    positions = range(-1, len(gains))
    middle = [0.0, *gains]
    spread = [0.0, *(Z95 * error for error in errors)]
    low = [gain - error for gain, error in zip(middle, spread, strict=True)]
    high = [gain + error for gain, error in zip(middle, spread, strict=True)]
    axes.fill_between(positions, low, high, color=MODEL.value, alpha=0.16, linewidth=0)
    axes.plot(positions, middle, color=MODEL.value, linewidth=1.8)
    _set_height(axes, [*low, *high])


def _set_height(axes: Axes, ends: Sequence[float]) -> None:
    """Extend the axis a little beyond these values, with few round ticks and true minuses."""
    low, high = min(ends), max(ends)
    room = 0.08 * (high - low) or _FLAT
    axes.set_ylim(low - room, high + room)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(
        ticker.FuncFormatter(lambda value, _: f"{value:g}".replace("-", _MINUS))
    )


def _labelled_folds(folds: Sequence[Difference], step: float) -> list[tuple[int, str]]:
    """Choose the folds to name below the axis: if there are many, those that begin a year."""
    names = [fold.name for fold in folds]
    years = list({name[:4]: index for index, name in reversed(list(enumerate(names)))}.values())
    if len(names) <= _MOST_NAMES:
        return list(enumerate(names))
    if len(years) < 3:  # noqa: PLR2004 - only two labels would say too little
        every = math.ceil(len(names) / _MOST_NAMES)
        return list(enumerate(names))[::every]
    chosen: list[tuple[int, str]] = []
    for index in sorted(years, reverse=True):
        if not chosen or (chosen[-1][0] - index) * step >= _YEAR_WIDTH:
            chosen.append((index, names[index][:4]))
    return chosen[::-1]
