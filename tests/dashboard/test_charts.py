"""Each chart draws its values with the colours, dashes and shapes of their roles."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from deployments.dashboard.charts.range_chart import range_chart
from deployments.dashboard.charts.record_charts import equity, lines_over_time, reliability
from deployments.dashboard.charts.theme import DARK, LIGHT, Theme, faint
from deployments.dashboard.charts.themed_chart import Spec
from deployments.dashboard.version_compare import importance_chart
from deployments.dashboard.why import reasons_chart
from ml_core.evidence.intervals import wilson
from ml_core.health.daily_sums import DaySums
from ml_core.learning.predictions.prediction import Reason
from ml_core.market.schedule import to_minute
from monitoring.pages.plots.opening_range import Level, Mark, RangePicture
from monitoring.rolling import MOST_POINTS, Rolling
from tests.dashboard.chart_parts import layers_of, rows_of
from tests.monitoring.messages.made_facts import whole_day

NINE = datetime(2024, 11, 27, 23, 0, tzinfo=UTC)
"""09:00 in Brisbane on the next day."""

DAYS = tuple(date(2024, 11, 18) + timedelta(days=day) for day in range(3))
BOTH = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def picture(**changes: Any) -> RangePicture:
    """Return a range of four minutes, the third without a trade, with a trade beyond it."""
    minute = to_minute(NINE)
    whole = RangePicture(
        title="",
        minute=np.array([minute, minute + 1, minute + 3]),
        open=np.array([10.0, 12.0, 11.0]),
        high=np.array([13.0, 12.5, 11.0]),
        low=np.array([9.0, 10.5, 11.0]),
        close=np.array([12.0, 11.0, 11.0]),
        opens=NINE,
        closed=NINE + timedelta(minutes=2),
        range_high=13.0,
        range_low=9.0,
        levels=[
            Level("entry", 11.0, "entry 11.0"),
            Level("stop", 9.0, "stop 9.0"),
            Level("part", 12.9, "first target 12.9"),
            Level("target", 13.0, "target 13.0"),
        ],
        marks=[
            Mark("long", minute + 1, 11.0, "UP at 11.0"),
            Mark("short", minute + 1, 11.0, "DOWN at 11.0"),
            Mark("exit", minute + 3, 13.0, "out at 13.0: target"),
        ],
        zone="Australia/Brisbane",
    )
    return replace(whole, **changes)


def clock(milliseconds: int) -> str:
    """Return what an axis of UTC shows."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%d %H:%M:%S}"


def all_charts(theme: Theme) -> dict[str, Spec]:
    line = Rolling(DAYS, (0.5, 0.6, 0.55), (0.4, 0.5, 0.45), (0.6, 0.7, 0.65))
    return {
        "range": range_chart(picture(), theme),
        "lines": lines_over_time({"model": line, "corridor": line}, theme, y="", per_cent=True),
        "reliability": reliability({"model": [(0.2, 0.25, 40)]}, theme),
        "equity": equity([whole_day(DAYS[0], DaySums())], "taken", theme),
        "reasons": reasons_chart([Reason("body", 1.0, 0.2, "body (1.0): +0.20")], theme),
        "importance": importance_chart({"one": {"body": 0.3}, "two": {"body": 0.1}}, theme),
    }


@BOTH
@pytest.mark.parametrize("name", all_charts(LIGHT))
def test_each_chart_is_json_on_the_page_s_own_ground(name: str, theme: Theme) -> None:
    chart: Any = all_charts(theme)[name]
    assert json.loads(json.dumps(chart, allow_nan=False))
    config = chart["config"]
    assert config["background"] == "transparent"
    assert config["text"]["color"] == theme.words
    assert config["axis"]["gridColor"]["value"] == theme.rule
    assert "data" not in chart, "Streamlit would shift its times"


@BOTH
def test_candles_are_drawn_at_the_market_s_clock_and_a_minute_without_a_trade_is_empty(
    theme: Theme,
) -> None:
    chart: Any = range_chart(picture(), theme)
    assert chart["encoding"]["x"]["scale"]["type"] == "utc"
    assert chart["encoding"]["x"]["title"] == "Australia/Brisbane"
    candles = rows_of(chart, "open")
    assert [(clock(candle["minute"]), candle["colour"]) for candle in candles] == [
        ("28 09:00:00", theme.good),
        ("28 09:01:00", theme.bad),
        ("28 09:03:00", theme.good),
    ]
    assert [tuple(candles[0][name] for name in ("open", "high", "low", "close"))] == [
        (10.0, 13.0, 9.0, 12.0)
    ]
    wick, body, pointer = layers_of(chart, "open")
    edges = [
        (part["encoding"]["y"]["field"], part["encoding"]["y2"]["field"]) for part in (wick, body)
    ]
    assert edges == [("low", "high"), ("open", "close")]
    assert clock(candles[0]["from"]) < clock(candles[0]["minute"]) < clock(candles[0]["to"])
    assert [field["field"] for field in pointer["encoding"]["tooltip"]] == [
        "minute", "open", "high", "low", "close"
    ]  # fmt: skip


@BOTH
def test_a_range_s_bands_levels_and_marks_have_the_looks_of_their_roles(theme: Theme) -> None:
    drawn = picture()
    chart: Any = range_chart(drawn, theme)
    (band,) = rows_of(chart, "low")
    assert (band["low"], band["high"]) == (9.0, 13.0)
    (window,) = rows_of(chart, "opens")
    assert (clock(window["opens"]), clock(window["closed"])) == ("28 09:00:00", "28 09:02:00")
    assert [(row["price"], row["colour"], row["dash"]) for row in rows_of(chart, "dash")] == [
        (11.0, theme.model, (2, 3)),
        (9.0, theme.bad, (6, 4)),
        (12.9, theme.good, (2, 3)),
        (13.0, theme.good, (6, 4)),
    ]
    assert [
        (clock(mark["at"]), mark["shape"], mark["words"]) for mark in rows_of(chart, "shape")
    ] == [
        ("28 09:01:00", "triangle-up", "UP at 11.0"),
        ("28 09:01:00", "triangle-down", "DOWN at 11.0"),
        ("28 09:03:00", "cross", "out at 13.0: target"),
    ]
    labels = rows_of(chart, "end")
    heights = sorted(label["price"] for label in labels)
    low, high = chart["encoding"]["y"]["scale"]["domain"]
    assert (low, high) == drawn.price_span
    assert min(np.diff(heights)) >= 18 / 270 * (high - low) - 1e-9, "no label covers another"
    assert low < heights[0]
    assert heights[-1] < high
    assert labels[0]["end"] > rows_of(chart, "open")[-1]["to"], "a margin on the right"


def test_a_range_without_a_trade_has_its_band_and_no_level() -> None:
    chart = range_chart(picture(levels=[], marks=[]), LIGHT)
    assert [label["words"] for label in rows_of(chart, "end")] == ["opening range"]
    assert layers_of(chart, "dash") == layers_of(chart, "shape") == []


@BOTH
def test_each_forecaster_keeps_its_colour_and_its_dash(theme: Theme) -> None:
    line = Rolling(DAYS, (0.5, 0.6, 0.55), (0.4, 0.5, 0.45), (0.6, 0.7, 0.65))
    names = ("model", "corridor", "majority")
    chart: Any = lines_over_time(dict.fromkeys(names, line), theme, y="accuracy", per_cent=True)
    band, lines, pointer = chart["layer"]
    assert band["encoding"]["fill"]["datum"] == "model, 95 % interval"
    assert band["encoding"]["fill"]["scale"]["range"] == [faint(theme.model)]
    assert rows_of(chart, "low")[1] == {"day": "2024-11-19", "low": 0.5, "high": 0.7}
    assert lines["encoding"]["stroke"]["scale"] == {
        "domain": list(names),
        "range": [theme.model, theme.corridor, theme.majority],
    }
    assert lines["encoding"]["strokeDash"]["scale"] == {
        "domain": list(names),
        "range": [(1, 0), (6, 4), (2, 3)],
    }
    assert lines["transform"][0]["fold"] == list(names)
    assert rows_of(chart, "model")[1] == {"day": "2024-11-19", **dict.fromkeys(names, 0.6)}
    assert [field["field"] for field in pointer["encoding"]["tooltip"]] == ["day", *names]


@BOTH
def test_reliability_has_wilson_s_intervals_beside_the_diagonal(theme: Theme) -> None:
    bins = {"model": [(0.2, 0.25, 40)], "corridor": [(0.3, 0.35, 20)]}
    chart: Any = reliability(bins, theme)
    diagonal, errors, points = chart["layer"]
    assert diagonal["data"]["values"] == [{"p": 0}, {"p": 1}]
    assert diagonal["encoding"]["strokeDash"]["datum"] == "perfect calibration"
    assert errors["data"]["values"] == points["data"]["values"]
    own, corridor = rows_of(chart, "actual")
    assert (own["predicted"], own["actual"], own["breaks"]) == (0.2, 0.25, 40)
    assert (own["low"], own["high"]) == wilson(0.25, 40)
    assert own["low"] < 0.2 < own["high"]
    assert corridor["forecaster"] == "corridor"
    looks = points["encoding"]
    assert looks["color"]["scale"]["range"] == [theme.model, theme.corridor]
    assert looks["shape"]["scale"]["range"] == ["circle", "square"]


@BOTH
def test_r_so_far_is_drawn_as_steps_and_its_pointer_has_few_stops(theme: Theme) -> None:
    days = [date(2020, 1, 1) + timedelta(days=day) for day in range(1000)]
    chart: Any = equity([whole_day(day, DaySums()) for day in days], "taken", theme)
    lines, pointer = chart["layer"]
    assert lines["mark"]["interpolate"] == "step-after"
    assert len(lines["data"]["values"]) == 1000
    assert 100 < len(pointer["data"]["values"]) <= MOST_POINTS
    assert pointer["data"]["values"][0]["day"] == days[-1].isoformat()
    looks = lines["encoding"]
    assert looks["stroke"]["scale"]["range"] == [theme.model, theme.quiet]
    assert looks["strokeDash"]["scale"]["range"] == [(1, 0), (6, 4)]


@BOTH
def test_reasons_point_to_their_side_with_the_largest_on_top(theme: Theme) -> None:
    reasons = [
        Reason("atr20", 1.2, 0.1, "range height (1.2): +0.10"),
        Reason("body", 0.1, -0.4, "price closed low (0.1): -0.40"),
    ]
    chart = reasons_chart(reasons, theme)
    assert [
        (bar["place"], bar["contribution"], bar["words"], bar["colour"])
        for bar in rows_of(chart, "contribution")
    ] == [
        (0, -0.4, "DOWN -0.40: price closed low", theme.bad),
        (1, 0.1, "UP +0.10: range height", theme.good),
    ]


@BOTH
def test_versions_differ_in_fill_and_outline(theme: Theme) -> None:
    chart = importance_chart({"one": {"body": 0.3}, "two": {"body": 0.1}}, theme)
    looks = layers_of(chart, "share")[0]["encoding"]
    assert looks["fill"]["scale"]["domain"] == ["one", "two"]
    assert looks["fill"]["scale"]["range"] == (theme.model, faint(theme.corridor))
    assert looks["stroke"]["scale"]["range"] == (theme.model, theme.corridor)
    one, two = layers_of(chart, "share")
    assert one["mark"]["yOffset"] + one["mark"]["height"] <= two["mark"]["yOffset"]
