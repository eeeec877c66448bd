"""The plain style that every chart of the pages shares, in Vega-Lite's terms.

A chart is a plain value. Each layer carries its own rows: Streamlit would send rows of the whole
chart apart, and shift their times into the browser's zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from deployments.dashboard.charts.theme import Theme

Spec = Mapping[str, object]
"""A chart, or a part of one, as Vega-Lite reads it."""

HEIGHT = 320
SOLID, DASH, DOT = (1, 0), (6, 4), (2, 3)


def themed_chart(
    layers: Sequence[Spec], theme: Theme, *, x: Spec, y: Spec, height: int = HEIGHT
) -> Spec:
    """Return a chart of layers; its text follows the page's theme.

    Parameters
    ----------
    layers
        The lowest first.
    theme
        Colours of the page.
    x, y
        Encodings that the layers share, without a field.
    height
        In pixels, with axes and legends.
    """
    at_zero = {"test": "datum.value === 0", "value": theme.quiet}
    return {
        "layer": layers,
        "encoding": {"x": x, "y": y},
        "height": height,
        "config": {
            "background": "transparent",
            "axis": {"gridColor": {"condition": at_zero, "value": theme.rule}},
            "axisY": {"labelFlush": False},  # a label stays beside its line
            "legend": {
                "title": None,
                "orient": "top",
                "direction": "horizontal",
                # side by side, two legends are too wide for a phone
                "layout": {"top": {"direction": "vertical", "margin": 4}},
                "padding": 0,
                "labelFontSize": 12,
                "labelLimit": 300,
                "symbolSize": 150,
                "symbolStrokeWidth": 2,
            },
            "mark": {"tooltip": None},  # only where a layer has one
            "text": {"color": theme.words, "fontSize": 12},
        },
    }


def layer(rows: Sequence[Spec], mark: Spec, **encoding: object) -> Spec:
    """Return a layer that draws a mark for each row, or a line through all of them."""
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding}


def looks_in(field: str) -> Spec:
    """Return an encoding by a field that has the colours, dashes or shapes themselves."""
    return {"field": field, "type": "nominal", "scale": None}


def nearest_rule(rows: Sequence[Spec], field: str, tooltip: Sequence[Spec], theme: Theme) -> Spec:
    """Return an upright rule at the row nearest to the pointer, with a row's values as tooltip."""
    select = {"type": "point", "nearest": True, "encodings": ["x"], "on": "pointerover"}
    near = {"param": "near", "empty": False, "value": 1}
    rule = layer(
        rows,
        {"type": "rule", "color": theme.quiet},
        x={"field": field},
        opacity={"condition": near, "value": 0},
        tooltip=tooltip,
    )
    return {**rule, "params": [{"name": "near", "select": {**select, "clear": "pointerout"}}]}


def words_above(rows: Sequence[Spec]) -> Spec:
    """Return the words of bars, above them: there they have the whole width, even on a phone."""
    return layer(
        rows,
        {"type": "text", "align": "left", "dx": 3, "yOffset": -10, "limit": {"expr": "width"}},
        x={"value": 0},
        y={"field": "place"},
        text={"field": "words", "type": "nominal"},
    )


def wall_clock(title: str | None = None, **axis: object) -> Spec:
    """Return an encoding of times that are written as the market's clock shows them.

    They pass as UTC, which no browser shifts into its own zone.
    """
    return {
        "type": "temporal",
        "scale": {"type": "utc", "nice": False},
        "title": title,
        "axis": axis,
    }


def show_chart(chart: Spec, key: str) -> None:
    """Show a chart as wide as its place on the page."""
    st.vega_lite_chart(spec=dict(chart), width="stretch", key=key)
