"""An opening range as candles: the range as a band, the break, entry, stop and target as lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from deployments.dashboard.inks import Inks, faint
from deployments.dashboard.record_figures import plain
from tasks.day import SlotOfDay

HEIGHT = 340
_LEVELS = (("entry", "dot"), ("stop", "dash"), ("target", "dash"))


def range_chart(shown: SlotOfDay, zone: str, colours: Inks) -> go.Figure | None:
    """Draw what was seen of a range up to now; None where no bar was.

    Minutes without a trade have no candle and stay empty: the axis is the clock.
    """
    candles, seen = shown.candles, shown.seen
    if candles is None or seen is None or not len(candles.minute):
        return None
    times = pd.to_datetime(candles.minute.astype(np.int64) * 60, unit="s", utc=True)
    local = times.tz_convert(zone).tz_localize(None)
    figure = go.Figure()
    figure.add_candlestick(
        x=local,
        open=candles.open,
        high=candles.high,
        low=candles.low,
        close=candles.close,
        increasing={"line": {"color": colours.good, "width": 1}},
        decreasing={"line": {"color": colours.bad, "width": 1}},
        showlegend=False,
        name=str(seen["contract"] or ""),
    )
    plain(figure, colours, y="price", x=zone, height=HEIGHT)
    figure.update_layout(xaxis_rangeslider_visible=False, hovermode="x")
    if seen["high"] is not None:
        opens, closes = (_local(each, zone) for each in (shown.opens, shown.slot.decision))
        figure.add_hrect(
            y0=seen["low"],
            y1=seen["high"],
            fillcolor=faint(colours.model, 0.14),
            line_width=0,
            annotation_text="opening range",
            annotation_position="top left",
        )
        figure.add_vrect(x0=opens, x1=closes, fillcolor=faint(colours.quiet), line_width=0)
    _mark_break(figure, seen, zone, colours)
    return figure


def _mark_break(figure: go.Figure, seen: Mapping[str, Any], zone: str, colours: Inks) -> None:
    if seen["entry"] is None:
        return
    looks = {"entry": colours.model, "stop": colours.bad, "target": colours.good}
    for name, dash in _LEVELS:
        figure.add_hline(
            y=seen[name],
            line={"color": looks[name], "dash": dash, "width": 1.5},
            annotation_text=f"{name} {seen[name]:g}",
            annotation_position="bottom right" if name == "entry" else "top right",
        )
    up = seen["break_direction"] == "UP"
    figure.add_scatter(
        x=[_local(seen["break_time"], zone)],
        y=[seen["entry"]],
        mode="markers",
        marker={
            "symbol": "triangle-up" if up else "triangle-down",
            "size": 14,
            "color": looks["entry"],
        },
        name=f"broke {seen['break_direction']}",
        showlegend=False,
        hovertemplate=f"broke {seen['break_direction']} at %{{y}}<extra></extra>",
    )


def _local(moment: datetime, zone: str) -> datetime:
    return pd.Timestamp(moment).tz_convert(zone).tz_localize(None).to_pydatetime()
