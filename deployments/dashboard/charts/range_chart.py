"""An opening range as candles: the range as a band, the prices of its trades as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from deployments.dashboard.charts.theme import Theme
from deployments.dashboard.charts.themed_chart import (
    DASH,
    DOT,
    Spec,
    layer,
    looks_in,
    nearest_rule,
    themed_chart,
    wall_clock,
)
from ml_core.market.schedule import to_minute
from monitoring.pages.figure_style import apart
from monitoring.pages.plots.opening_range import RangePicture

HEIGHT = 340
_FOR_WORDS = 0.35
"""Room for the labels of the price levels, as a share of the candles' time."""

_LINE = 18 / 270
"""Height of a level's label, as a share of the plot's height."""

_HALF_BODY = 20_000
"""Milliseconds; the rest of its minute separates a candle from the next."""

_PRICES = ("open", "high", "low", "close")
_FORMAT = ".8~r"
_SHAPES = {"long": "triangle-up", "short": "triangle-down", "exit": "cross"}
_DASHES = {"entry": DOT, "stop": DASH, "part": DOT, "target": DASH}


def range_chart(picture: RangePicture, colours: Theme) -> Spec:
    """Draw :func:`monitoring.pages.plots.opening_range.range_plot` as an interactive chart.

    Minutes without a trade have no candle and stay empty: the axis is clock time.
    """
    low, high = picture.price_span
    return themed_chart(
        [
            *_bands(picture, colours),
            _levels(picture, colours),
            *_candles(picture, colours),
            _marks(picture, colours),
            _labels(picture),
        ],
        colours,
        x=wall_clock(picture.zone, format="%H:%M", tickCount=5),
        y={
            "type": "quantitative",
            "title": "price",
            "axis": {"format": _FORMAT},
            "scale": {"domain": [low, high], "nice": False},
        },
        height=HEIGHT,
    )


def _bands(picture: RangePicture, colours: Theme) -> tuple[Spec, Spec]:
    """Return a band over the range's prices, and an upright one over its window."""
    window = np.array([to_minute(picture.opens), to_minute(picture.closed)])
    opens, closed = _local(window, picture.zone)
    return (
        layer(
            [{"low": picture.range_low, "high": picture.range_high}],
            {"type": "rect", "color": colours.model, "opacity": 0.14},
            y={"field": "low"},
            y2={"field": "high"},
        ),
        layer(
            [{"opens": opens, "closed": closed}],
            {"type": "rect", "color": colours.quiet, "opacity": 0.18},
            x={"field": "opens"},
            x2={"field": "closed"},
        ),
    )


def _levels(picture: RangePicture, colours: Theme) -> Spec:
    """Return a line across the plot at the prices of the trades."""
    looks = {
        "entry": colours.model,
        "stop": colours.bad,
        "part": colours.good,
        "target": colours.good,
    }
    return layer(
        [
            {"price": level.price, "colour": looks[level.kind], "dash": _DASHES[level.kind]}
            for level in picture.levels
        ],
        {"type": "rule", "strokeWidth": 1.5},
        y={"field": "price"},
        color=looks_in("colour"),
        strokeDash=looks_in("dash"),
    )


def _candles(picture: RangePicture, colours: Theme) -> tuple[Spec, Spec, Spec]:
    """Return wicks, bodies, and a rule that shows the prices of the minute at the pointer."""
    columns = (getattr(picture, name).tolist() for name in _PRICES)
    candles = [
        {
            "minute": minute,
            "from": minute - _HALF_BODY,
            "to": minute + _HALF_BODY,
            **dict(zip(_PRICES, prices, strict=True)),
            "colour": colours.bad if prices[-1] < prices[0] else colours.good,
        }
        for minute, *prices in zip(_local(picture.minute, picture.zone), *columns, strict=True)
    ]
    return (
        layer(
            candles,
            {"type": "rule"},
            x={"field": "minute"},
            y={"field": "low"},
            y2={"field": "high"},
            color=looks_in("colour"),
        ),
        layer(
            candles,
            {"type": "rect", "strokeWidth": 1},
            x={"field": "from"},
            x2={"field": "to"},
            y={"field": "open"},
            y2={"field": "close"},
            fill=looks_in("colour"),
            stroke=looks_in("colour"),  # a minute that ends at its first price is a line
        ),
        nearest_rule(
            candles,
            "minute",
            [
                {"field": "minute", "timeUnit": "utchoursminutes", "title": picture.zone},
                *({"field": name, "type": "quantitative", "format": _FORMAT} for name in _PRICES),
            ],
            colours,
        ),
    )


def _marks(picture: RangePicture, colours: Theme) -> Spec:
    """Return when and at which price trades were entered and left."""
    minutes = _local(np.array([mark.minute for mark in picture.marks], np.int64), picture.zone)
    return layer(
        [
            {"at": at, "price": mark.price, "shape": _SHAPES[mark.kind], "words": mark.words}
            for at, mark in zip(minutes, picture.marks, strict=True)
        ],
        {"type": "point", "filled": True, "opacity": 1, "size": 120, "color": colours.model},
        x={"field": "at"},
        y={"field": "price"},
        shape=looks_in("shape"),
        tooltip={"field": "words", "type": "nominal"},
    )


def _labels(picture: RangePicture) -> Spec:
    """Return the words of levels and range, in a margin on the right that has no candles."""
    first, last = _local(picture.minute[[0, -1]], picture.zone)
    end = last + _FOR_WORDS * (last - first)
    names = [
        *((level.price, level.words) for level in picture.levels),
        ((picture.range_low + picture.range_high) / 2, "opening range"),
    ]
    low, high = picture.price_span
    line = _LINE * (high - low)
    places = apart([price for price, _ in names], line, high - line / 2)
    return layer(
        [
            {"end": end, "price": at, "words": words}
            for (_, words), at in zip(names, places, strict=True)
        ],
        {"type": "text", "align": "right", "baseline": "bottom"},
        x={"field": "end"},
        y={"field": "price"},
        text={"field": "words", "type": "nominal"},
    )


def _local(minutes: np.ndarray[Any, Any], zone: str) -> Sequence[int]:
    """Return UTC minutes as a zone's wall clock, in milliseconds as if that clock were UTC."""
    times = pd.to_datetime(minutes.astype(np.int64) * 60, unit="s", utc=True)
    wall: Sequence[int] = times.tz_convert(zone).tz_localize(None).as_unit("ms").asi8.tolist()
    return wall
