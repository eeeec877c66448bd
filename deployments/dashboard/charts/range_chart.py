"""An opening range as candles: the range as a band, the break, entry, stop and target as lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from deployments.dashboard.charts.plain_figure import level_line, plain_figure
from deployments.dashboard.charts.theme import Theme, faint
from ml_core.array_rows import take_rows
from ml_core.market.schedule import to_minute
from tasks.prediction.trading_day import Candles, SlotOfDay

HEIGHT = 340
_AFTER = 30
"""Minutes shown at least after a trade was settled."""

_FOR_WORDS = 0.25
"""Room for the words of the levels, against the stretch of time shown."""

_LEVELS = (("entry", "dot"), ("stop", "dash"), ("target", "dash"))


def range_chart(slot: SlotOfDay, zone: str, colours: Theme) -> go.Figure | None:
    """Draw what was seen of a range up to now; None where no bar was.

    Minutes without a trade have no candle and stay empty: the axis is the clock.
    """
    seen = slot.seen
    if slot.candles is None or seen is None or not len(slot.candles.minute):
        return None
    candles = _until_settled(slot.candles, seen)
    times = pd.to_datetime(candles.minute.astype(np.int64) * 60, unit="s", utc=True)
    local = times.tz_convert(zone).tz_localize(None)
    traces: list[Any] = [
        {
            "type": "candlestick",
            "x": local,
            "open": candles.open,
            "high": candles.high,
            "low": candles.low,
            "close": candles.close,
            "increasing": {"line": {"color": colours.good, "width": 1}},
            "decreasing": {"line": {"color": colours.bad, "width": 1}},
            "showlegend": False,
            "name": str(seen["contract"] or ""),
        }
    ]
    shapes: list[go.layout.Shape] = []
    notes: list[go.layout.Annotation] = []
    if seen["high"] is not None:
        opens, closes = (_local(moment, zone) for moment in (slot.opens, slot.slot.decision))
        shapes += [
            _band(seen["low"], seen["high"], faint(colours.model, 0.14)),
            _stretch(opens, closes, faint(colours.quiet)),
        ]
        middle = (seen["low"] + seen["high"]) / 2
        notes.append(_note("opening range", middle, yanchor="middle"))
    if seen["entry"] is not None:
        lines, words = _levels(seen, colours)
        shapes += lines
        notes += words
        traces.append(_break(seen, zone, colours))
    return plain_figure(
        traces,
        colours,
        y="price",
        x=zone,
        height=HEIGHT,
        hovermode="x",
        xaxis={
            "rangeslider": {"visible": False},
            "range": [local[0], local[-1] + _FOR_WORDS * (local[-1] - local[0])],
        },
        shapes=shapes,
        annotations=notes,
    )


def _until_settled(candles: Candles, seen: Mapping[str, Any]) -> Candles:
    """Leave out what came long after stop or target: beside it the range would be a thin line."""
    if seen["resolved_at"] is None:
        return candles
    settled = to_minute(seen["resolved_at"])
    spent = settled - int(candles.minute[0])
    drawn = candles.minute < settled + max(_AFTER, spent // 4)
    return take_rows(candles, drawn)


def _band(low: float, high: float, fill: str) -> go.layout.Shape:
    """Return a band across the whole plot between two prices."""
    across = {"xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": low, "y1": high}
    return go.layout.Shape(type="rect", **across, fillcolor=fill, line={"width": 0})


def _stretch(opens: datetime, closes: datetime, fill: str) -> go.layout.Shape:
    """Return a band from bottom to top between two times."""
    upright = {"xref": "x", "x0": opens, "x1": closes, "yref": "y domain", "y0": 0, "y1": 1}
    return go.layout.Shape(type="rect", **upright, fillcolor=fill, line={"width": 0})


def _note(words: str, price: float, *, yanchor: str) -> go.layout.Annotation:
    """Return words at a price, in the margin kept free of candles on the right."""
    at = {"xref": "x domain", "x": 1, "xanchor": "right", "yref": "y", "y": price}
    return go.layout.Annotation(text=words, **at, yanchor=yanchor, showarrow=False)


def _levels(
    seen: Mapping[str, Any], colours: Theme
) -> tuple[list[go.layout.Shape], list[go.layout.Annotation]]:
    looks = {"entry": colours.model, "stop": colours.bad, "target": colours.good}
    lines = [
        level_line(seen[name], {"color": looks[name], "dash": dash, "width": 1.5})
        for name, dash in _LEVELS
    ]
    # each level's words stand on the side of the trade, the stop's on the other: none meet
    ahead, behind = ("bottom", "top") if seen["target"] > seen["entry"] else ("top", "bottom")
    words = [
        _note(
            f"{name} {seen[name]:g}",
            seen[name],
            yanchor=behind if name == "stop" else ahead,
        )
        for name, _ in _LEVELS
    ]
    return lines, words


def _break(seen: Mapping[str, Any], zone: str, colours: Theme) -> go.Scatter:
    up = seen["break_direction"] == "UP"
    return go.Scatter(
        x=[_local(seen["break_time"], zone)],
        y=[seen["entry"]],
        mode="markers",
        marker={
            "symbol": "triangle-up" if up else "triangle-down",
            "size": 14,
            "color": colours.model,
        },
        name=f"broke {seen['break_direction']}",
        showlegend=False,
        hovertemplate=f"broke {seen['break_direction']} at %{{y}}<extra></extra>",
    )


def _local(moment: datetime, zone: str) -> datetime:
    return pd.Timestamp(moment).tz_convert(zone).tz_localize(None).to_pydatetime()
