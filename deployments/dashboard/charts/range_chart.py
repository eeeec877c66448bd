"""An opening range as candles: the range as a band, the prices of its trades as lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from deployments.dashboard.charts.theme import Theme, faint
from deployments.dashboard.charts.themed_figure import level_line, themed_figure
from monitoring.pages.figure_style import apart
from monitoring.pages.plots.opening_range import RangePicture

HEIGHT = 340
_FOR_WORDS = 0.25
"""Room for the labels of the price levels, as a share of the time that is shown."""

_LINE = 18 / 270
"""Height of a level's label, as a share of the plot's height."""

_SHAPES = {"long": "triangle-up", "short": "triangle-down", "exit": "x"}
_DASHES = {"entry": "dot", "stop": "dash", "part": "dot", "target": "dash"}


def range_chart(picture: RangePicture, colours: Theme) -> go.Figure:
    """Draw :func:`monitoring.pages.plots.opening_range.range_plot` as an interactive chart.

    Minutes without a trade have no candle and stay empty: the axis is clock time.
    """
    local = _local(picture.minute, picture.zone)
    low, high = picture.price_span
    traces: list[Any] = [
        {
            "type": "candlestick",
            "x": local,
            "open": picture.open,
            "high": picture.high,
            "low": picture.low,
            "close": picture.close,
            "increasing": {"line": {"color": colours.good, "width": 1}},
            "decreasing": {"line": {"color": colours.bad, "width": 1}},
            "showlegend": False,
            "name": "",
        },
        *(
            {
                "type": "scatter",
                "x": _local(np.array([mark.minute]), picture.zone),
                "y": [mark.price],
                "mode": "markers",
                "marker": {"symbol": _SHAPES[mark.kind], "size": 12, "color": colours.model},
                "showlegend": False,
                "hovertemplate": f"{mark.words}<extra></extra>",
            }
            for mark in picture.marks
        ),
    ]
    looks = {
        "entry": colours.model,
        "stop": colours.bad,
        "part": colours.good,
        "target": colours.good,
    }
    lines = [
        level_line(
            level.price,
            {"color": looks[level.kind], "dash": _DASHES[level.kind], "width": 1.5},
        )
        for level in picture.levels
    ]
    names = [
        *((level.price, level.words) for level in picture.levels),
        ((picture.range_low + picture.range_high) / 2, "opening range"),
    ]
    line = _LINE * (high - low)
    places = apart([price for price, _ in names], line, high - line / 2)
    return themed_figure(
        traces,
        colours,
        y="price",
        x=picture.zone,
        height=HEIGHT,
        hovermode="x",
        xaxis={
            "rangeslider": {"visible": False},
            "range": [local[0], local[-1] + _FOR_WORDS * (local[-1] - local[0])],
        },
        yaxis={"range": [low, high]},
        shapes=[
            _band(picture.range_low, picture.range_high, faint(colours.model, 0.14)),
            _window(picture, faint(colours.quiet)),
            *lines,
        ],
        annotations=[_note(words, at) for (_, words), at in zip(names, places, strict=True)],
    )


def _band(low: float, high: float, fill: str) -> go.layout.Shape:
    """Return a band across the whole plot between two prices."""
    across = {"xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": low, "y1": high}
    return go.layout.Shape(type="rect", **across, fillcolor=fill, line={"width": 0})


def _window(picture: RangePicture, fill: str) -> go.layout.Shape:
    """Return a band from bottom to top over the range's window."""
    opens, closes = (
        pd.Timestamp(moment).tz_convert(picture.zone).tz_localize(None).to_pydatetime()
        for moment in (picture.opens, picture.closed)
    )
    upright = {"xref": "x", "x0": opens, "x1": closes, "yref": "y domain", "y0": 0, "y1": 1}
    return go.layout.Shape(type="rect", **upright, fillcolor=fill, line={"width": 0})


def _note(words: str, price: float) -> go.layout.Annotation:
    """Return a label at a price, in the margin on the right that is kept free of candles."""
    at = {"xref": "x domain", "x": 1, "xanchor": "right", "yref": "y", "y": price}
    return go.layout.Annotation(text=words, **at, yanchor="bottom", showarrow=False)


def _local(minutes: np.ndarray[Any, Any], zone: str) -> pd.DatetimeIndex:
    """Return UTC minutes as the wall clock of a zone, which is how Plotly writes an axis."""
    times = pd.to_datetime(minutes.astype(np.int64) * 60, unit="s", utc=True)
    return times.tz_convert(zone).tz_localize(None)
