"""Plotly figures of a record: model beside corridor, intervals as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go

from deployments.dashboard.inks import Inks, faint
from monitoring.performance import DailyRow
from monitoring.plots import wilson
from monitoring.rolling import Rolling

HEIGHT = 320
_DASH = {"model": "solid", "corridor": "dash", "majority": "dot"}


def plain(
    figure: go.Figure, inks: Inks, *, y: str, x: str = "", height: int = HEIGHT
) -> go.Figure:
    """Give a figure the quiet looks of every plot here; text follows the page's theme."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
    )
    figure.update_xaxes(title=x, gridcolor=inks.rule, zeroline=False)
    figure.update_yaxes(title=y, gridcolor=inks.rule, zerolinecolor=inks.quiet)
    return figure


def lines_over_time(
    lines: Mapping[str, Rolling], inks: Inks, *, y: str, per_cent: bool
) -> go.Figure:
    """Draw rolling figures; the model's interval as a band, so that a wobble looks like one.

    Parameters
    ----------
    lines
        By voice; the first is drawn with its band.
    """
    figure = go.Figure()
    for index, (voice, line) in enumerate(lines.items()):
        colour = getattr(inks, voice, inks.model)
        if index == 0:
            figure.add_scatter(
                x=[*line.days, *reversed(line.days)],
                y=[*line.high, *reversed(line.low)],
                fill="toself",
                fillcolor=faint(colour),
                line={"width": 0},
                name=f"{voice}, 95 % interval",
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=line.days,
            y=line.estimate,
            name=voice,
            mode="lines",
            line={"color": colour, "dash": _DASH.get(voice, "solid"), "width": 2},
        )
    plain(figure, inks, y=y)
    figure.update_yaxes(tickformat=".0%" if per_cent else None)
    return figure


def reliability(voices: Mapping[str, Sequence[tuple[float, float, int]]], inks: Inks) -> go.Figure:
    """Draw what was said against what happened; on the diagonal a voice means what it says.

    Parameters
    ----------
    voices
        For each voice its bins: mean p(UP) said, share of UP among the breaks, breaks.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="says what happens",
        line={"color": inks.quiet, "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    marks = {"model": "circle", "corridor": "square"}
    for voice, bins in voices.items():
        colour = getattr(inks, voice, inks.model)
        spans = [wilson(happened, rows) for _, happened, rows in bins]
        figure.add_scatter(
            x=[said for said, _, _ in bins],
            y=[happened for _, happened, _ in bins],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - each[1] for (_, high), each in zip(spans, bins, strict=True)],
                "arrayminus": [each[1] - low for (low, _), each in zip(spans, bins, strict=True)],
                "thickness": 1,
                "width": 0,
            },
            mode="markers",
            name=voice,
            marker={"color": colour, "symbol": marks.get(voice, "diamond"), "size": 9},
            customdata=[rows for _, _, rows in bins],
            hovertemplate="said %{x:.0%}, happened %{y:.0%}, %{customdata} breaks",
        )
    plain(figure, inks, x="p(UP) that was said", y="share that broke UP", height=360)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    return figure


def equity(rows: Sequence[DailyRow], kind: str, inks: Inks) -> go.Figure:
    """Draw R summed over the days: net of costs, and gross as a dashed line beside it."""
    days = sorted({row["day"] for row in rows})
    figure = go.Figure()
    looks = (
        ("r_net", "net of costs", inks.model, "solid"),
        ("r_gross", "gross", inks.quiet, "dash"),
    )
    for part, words, colour, dash in looks:
        figure.add_scatter(
            x=days,
            y=running(rows, days, kind, part),
            name=words,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2, "shape": "hv"},
        )
    figure.add_hline(0, line_color=inks.quiet, line_width=1)
    return plain(figure, inks, y="R so far")


def running(rows: Sequence[DailyRow], days: Sequence[date], kind: str, part: str) -> list[float]:
    """Give R so far at the end of each day, for a kind of trade and ``r_net`` or ``r_gross``."""
    sums: dict[Any, float] = {}
    for row in rows:
        sums[row["day"]] = sums.get(row["day"], 0.0) + float(row["figures"][kind][part])
    return list(accumulate(sums.get(day, 0.0) for day in days))


def drawdown(so_far: Sequence[float]) -> float:
    """Give the deepest fall from a height reached before, in R; 0 or less.

    >>> drawdown([1.0, 3.0, 0.5, 2.0])
    -2.5
    """
    heights = accumulate((0.0, *so_far), max)
    return min(
        (now - high for now, high in zip((0.0, *so_far), heights, strict=True)), default=0.0
    )
