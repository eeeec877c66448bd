"""Plotly figures of a record: model beside corridor, intervals as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

import numpy as np
import plotly.graph_objects as go

from deployments.dashboard.charts.theme import Theme, faint
from deployments.dashboard.charts.themed_figure import level_line, themed_figure
from ml_core.evidence.intervals import wilson
from ml_core.evidence.metrics import max_drawdown
from ml_core.health.daily_sums import PerformanceRecord
from monitoring.rolling import Rolling

_DASH = {"model": "solid", "corridor": "dash", "majority": "dot"}
_MARKS = {"model": "circle", "corridor": "square"}


def lines_over_time(
    lines: Mapping[str, Rolling], theme: Theme, *, y: str, per_cent: bool
) -> go.Figure:
    """Draw rolling figures; the model's interval is a band, so that noise looks like noise.

    Parameters
    ----------
    lines
        By forecaster; the first is drawn with its band.
    """
    traces: list[dict[str, Any]] = []
    for index, (forecaster, line) in enumerate(lines.items()):
        colour = getattr(theme, forecaster, theme.model)
        if index == 0:
            traces.append(
                {
                    "type": "scatter",
                    "x": [*line.days, *reversed(line.days)],
                    "y": [*line.high, *reversed(line.low)],
                    "fill": "toself",
                    "fillcolor": faint(colour),
                    "line": {"width": 0},
                    "name": f"{forecaster}, 95 % interval",
                    "hoverinfo": "skip",
                }
            )
        traces.append(
            {
                "type": "scatter",
                "x": line.days,
                "y": line.estimate,
                "name": forecaster,
                "mode": "lines",
                "line": {"color": colour, "dash": _DASH.get(forecaster, "solid"), "width": 2},
            }
        )
    return themed_figure(traces, theme, y=y, yaxis={"tickformat": ".0%" if per_cent else None})


def reliability(
    bins_by_forecaster: Mapping[str, Sequence[tuple[float, float, int]]], theme: Theme
) -> go.Figure:
    """Draw predicted p(UP) against the share that broke UP; calibration is the diagonal.

    Parameters
    ----------
    bins_by_forecaster
        For each forecaster its bins: mean predicted p(UP), share of UP among the breaks, breaks.
    """
    diagonal = {
        "type": "scatter",
        "x": [0, 1],
        "y": [0, 1],
        "mode": "lines",
        "name": "perfect calibration",
        "line": {"color": theme.quiet, "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
    }
    return themed_figure(
        [
            diagonal,
            *(
                _calibration_trace(forecaster, bins, theme)
                for forecaster, bins in bins_by_forecaster.items()
            ),
        ],
        theme,
        x="predicted p(UP)",
        y="share that broke UP",
        height=360,
        hovermode="closest",
        xaxis={"range": [0, 1], "tickformat": ".0%"},
        yaxis={"range": [0, 1], "tickformat": ".0%"},
    )


def _calibration_trace(
    forecaster: str, bins: Sequence[tuple[float, float, int]], theme: Theme
) -> go.Scatter:
    spans = [wilson(happened, rows) for _, happened, rows in bins]
    return go.Scatter(
        x=[predicted for predicted, _, _ in bins],
        y=[happened for _, happened, _ in bins],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [high - point[1] for (_, high), point in zip(spans, bins, strict=True)],
            "arrayminus": [point[1] - low for (low, _), point in zip(spans, bins, strict=True)],
            "thickness": 1,
            "width": 0,
        },
        mode="markers",
        name=forecaster,
        marker={
            "color": getattr(theme, forecaster, theme.model),
            "symbol": _MARKS.get(forecaster, "diamond"),
            "size": 9,
        },
        customdata=[rows for _, _, rows in bins],
        hovertemplate="predicted %{x:.0%}, actual %{y:.0%}, %{customdata} breaks",
    )


def equity(rows: Sequence[PerformanceRecord], kind: str, theme: Theme) -> go.Figure:
    """Draw R summed over the days: net of costs, and gross as a dashed line beside it."""
    days = sorted({row.day for row in rows})
    looks = (
        ("r_net", "net of costs", theme.model, "solid"),
        ("r_gross", "gross", theme.quiet, "dash"),
    )
    traces = [
        {
            "type": "scatter",
            "x": days,
            "y": running(rows, days, kind, part),
            "name": words,
            "mode": "lines",
            "line": {"color": colour, "dash": dash, "width": 2, "shape": "hv"},
        }
        for part, words, colour, dash in looks
    ]
    nothing = level_line(0.0, {"color": theme.quiet, "width": 1})
    return themed_figure(traces, theme, y="R so far", shapes=[nothing])


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
