"""Charts of a record: model beside corridor, intervals as bands and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

import numpy as np

from deployments.dashboard.charts.theme import Theme, faint
from deployments.dashboard.charts.themed_chart import (
    DASH,
    DOT,
    SOLID,
    Spec,
    layer,
    nearest_rule,
    themed_chart,
    wall_clock,
)
from ml_core.evidence.intervals import wilson
from ml_core.evidence.metrics import max_drawdown
from ml_core.health.daily_sums import PerformanceRecord
from monitoring.rolling import MOST_POINTS, Rolling

_DASH = {"model": SOLID, "corridor": DASH, "majority": DOT}
_MARKS = {"model": "circle", "corridor": "square"}
_DAYS = wall_clock(format="%d %b %Y", tickCount=6, tickMinStep=86_400_000)
"""No two ticks are on one day, of so many milliseconds."""

_SHARE = {"type": "quantitative", "axis": {"format": ".0%"}, "scale": {"domain": [0, 1]}}


def lines_over_time(lines: Mapping[str, Rolling], theme: Theme, *, y: str, per_cent: bool) -> Spec:
    """Draw rolling figures; the model's interval is a band, so that noise looks like noise.

    Parameters
    ----------
    lines
        By forecaster; the first is drawn with its band.
    """
    form = ".0%" if per_cent else ""
    first, of_band = next(iter(lines.items()))
    bounds = zip(of_band.days, of_band.low, of_band.high, strict=True)
    band = layer(
        [{"day": day.isoformat(), "low": low, "high": high} for day, low, high in bounds],
        {"type": "area"},
        x={"field": "day"},
        y={"field": "low"},
        y2={"field": "high"},
        fill={
            "datum": f"{first}, 95 % interval",
            "scale": {"range": [faint(getattr(theme, first, theme.model))]},
        },
    )
    looks = {name: (getattr(theme, name, theme.model), _DASH.get(name, SOLID)) for name in lines}
    values = {
        name: dict(zip(line.days, line.estimate, strict=True)) for name, line in lines.items()
    }
    return themed_chart(
        [band, *_day_lines(values, looks, theme, form=".1%" if per_cent else ".4f")],
        theme,
        x=_DAYS,
        y={
            "type": "quantitative",
            "title": y,
            "axis": {"format": form},
            "scale": {"zero": False},
        },
    )


def _day_lines(
    values: Mapping[str, Mapping[date, float]],
    looks: Mapping[str, tuple[str, Sequence[int]]],
    theme: Theme,
    *,
    form: str,
    interpolate: str = "linear",
) -> tuple[Spec, Spec]:
    """Return lines over days, and a rule that shows all their values on the day at the pointer.

    Parameters
    ----------
    values
        By line, by day.
    looks
        Colour and dash of each line.
    form
        Format of the values that the rule shows.
    """
    days = sorted({day for line in values.values() for day in line})
    rows = [
        {"day": day.isoformat(), **{name: line.get(day) for name, line in values.items()}}
        for day in days
    ]
    names = list(looks)
    colours, dashes = (list(column) for column in zip(*looks.values(), strict=True))
    lines = layer(
        rows,
        {"type": "line", "interpolate": interpolate},
        x={"field": "day"},
        y={"field": "value"},
        stroke={"field": "line", "scale": {"domain": names, "range": colours}},
        strokeDash={"field": "line", "scale": {"domain": names, "range": dashes}},
    )
    # each of its rows is an element of the page, unlike those of a line
    sparse = rows[:: len(rows) // -MOST_POINTS]  # the newest first
    tooltip = [
        {"field": "day", "timeUnit": "utcyearmonthdate", "title": "day"},
        *({"field": name, "type": "quantitative", "format": form} for name in names),
    ]
    return (
        {**lines, "transform": [{"fold": names, "as": ["line", "value"]}]},
        nearest_rule(sparse, "day", tooltip, theme),
    )


def reliability(
    bins_by_forecaster: Mapping[str, Sequence[tuple[float, float, int]]], theme: Theme
) -> Spec:
    """Draw predicted p(UP) against the share that broke UP; calibration is the diagonal.

    Parameters
    ----------
    bins_by_forecaster
        For each forecaster its bins: mean predicted p(UP), share of UP among the breaks, breaks.
    """
    rows = [
        {
            "forecaster": forecaster,
            "predicted": predicted,
            "actual": actual,
            "low": low,
            "high": high,
            "breaks": breaks,
        }
        for forecaster, bins in bins_by_forecaster.items()
        for predicted, actual, breaks in bins
        for low, high in (wilson(actual, breaks),)
    ]
    names = list(bins_by_forecaster)
    colours = [getattr(theme, name, theme.model) for name in names]
    colour = {"field": "forecaster", "scale": {"domain": names, "range": colours}}
    shapes = [_MARKS.get(name, "diamond") for name in names]
    diagonal = layer(
        [{"p": 0}, {"p": 1}],
        {"type": "line", "stroke": theme.quiet, "strokeWidth": 1},
        x={"field": "p"},
        y={"field": "p"},
        strokeDash={
            "datum": "perfect calibration",
            "scale": {"range": [DOT]},
            "legend": {"symbolStrokeColor": theme.quiet},
        },
    )
    errors = layer(
        rows,
        {"type": "rule"},
        x={"field": "predicted"},
        y={"field": "low"},
        y2={"field": "high"},
        color=colour,
    )
    points = layer(
        rows,
        {"type": "point", "filled": True, "opacity": 1, "size": 64},
        x={"field": "predicted"},
        y={"field": "actual"},
        color=colour,
        shape={"field": "forecaster", "scale": {"domain": names, "range": shapes}},
        tooltip=[
            {"field": "forecaster"},
            {"field": "predicted", "type": "quantitative", "format": ".0%"},
            {"field": "actual", "type": "quantitative", "format": ".0%"},
            {"field": "breaks", "type": "quantitative", "format": ","},
        ],
    )
    return themed_chart(
        [diagonal, errors, points],
        theme,
        x={**_SHARE, "title": "predicted p(UP)"},
        y={**_SHARE, "title": "share that broke UP"},
        height=360,
    )


def equity(rows: Sequence[PerformanceRecord], kind: str, theme: Theme) -> Spec:
    """Draw R summed over the days: net of costs, and gross as a dashed line beside it."""
    days = sorted({row.day for row in rows})
    values = {
        words: dict(zip(days, running(rows, days, kind, part), strict=True))
        for words, part in (("net of costs", "r_net"), ("gross", "r_gross"))
    }
    looks = {"net of costs": (theme.model, SOLID), "gross": (theme.quiet, DASH)}
    return themed_chart(
        _day_lines(values, looks, theme, form="+,.1f", interpolate="step-after"),
        theme,
        x=_DAYS,
        y={"type": "quantitative", "title": "R so far", "scale": {"zero": True}},
    )


def running(
    rows: Sequence[PerformanceRecord], days: Sequence[date], kind: str, part: str
) -> list[float]:
    """Return R so far at the end of each day, for a kind of trade and ``r_net`` or ``r_gross``."""
    sums: dict[Any, float] = {}
    for row in rows:
        sums[row.day] = sums.get(row.day, 0.0) + getattr(getattr(row.figures, kind), part)
    return list(accumulate(sums.get(day, 0.0) for day in days))


def drawdown(so_far: Sequence[float]) -> float:
    """Return the deepest fall from an earlier high, in R; 0 or less.

    >>> drawdown([1.0, 3.0, 0.5, 2.0])
    -2.5
    """
    return 0.0 - max_drawdown(np.diff(so_far, prepend=0.0))
