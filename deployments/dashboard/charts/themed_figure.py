"""The plain style that every plot of the pages shares.

A figure is put together as plain values and checked by Plotly once: its ``add_`` methods check
and copy the whole figure each time, which took most of a page's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import plotly.graph_objects as go

from deployments.dashboard.charts.theme import Theme

HEIGHT = 320


def themed_figure(
    traces: Iterable[Mapping[str, Any]],
    theme: Theme,
    *,
    x: str = "",
    y: str = "",
    height: int = HEIGHT,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """Return a figure of traces; its text follows the page's theme.

    Parameters
    ----------
    traces
        Plotly's traces, each with its ``type``.
    theme
        Colours of the page.
    x, y
        Titles of the axes.
    height
        In pixels.
    xaxis, yaxis, layout
        Further settings, in Plotly's terms.
    """
    return go.Figure(
        data=list(traces),
        layout={
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hovermode": "x unified",
            "xaxis": {
                "title": {"text": x},
                "gridcolor": theme.rule,
                "zeroline": False,
                **(xaxis or {}),
            },
            "yaxis": {
                "title": {"text": y},
                "gridcolor": theme.rule,
                "zerolinecolor": theme.quiet,
                **(yaxis or {}),
            },
            **layout,
        },
    )


def level_line(y: float, line: Mapping[str, Any]) -> go.layout.Shape:
    """Return a line across the whole plot, at a value of the data."""
    across = {"xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y}
    return go.layout.Shape(type="line", **across, line=dict(line))
