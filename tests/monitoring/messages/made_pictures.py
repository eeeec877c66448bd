"""The pictures of messages, of ranges made by hand, and what is drawn in them as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection

from ml_core.market.schedule import from_minute
from ml_core.strategy.bracket import Bracket
from monitoring.messages.example import example_picture
from monitoring.messages.facts import Message
from monitoring.pages.plots.opening_range import Mark, RangePicture, levels_of, range_plot
from tests.monitoring.messages.made_facts import CLOSED, EDGES, RANGE, bracket_of
from tests.monitoring.messages.made_messages import messages

_BEGINS = int(CLOSED.timestamp()) // 60 - 5


def pictures() -> dict[str, RangePicture]:
    """Return the pictures of the golden files, by the name of the message that each is of."""
    made = messages()
    sides = {"UP": bracket_of("long", **EDGES), "DOWN": bracket_of("short", **EDGES)}
    broke = {"": bracket_of("long", entry_ticks=33867, **EDGES)}
    in_parts = {"": replace(bracket_of("long", **EDGES), part=33890)}
    entered = Mark("long", _BEGINS + 11, 3386.7, "long at 3386.7")
    left = Mark("exit", _BEGINS + 39, 3391.5, "out at 3391.5: target")
    return {
        "forecast-shadow": _drawn(made["forecast-shadow"], sides, minutes=5),
        "break-shadow": _drawn(made["break-shadow"], broke, entered, minutes=12),
        "break-with-a-partial-target": _drawn(
            made["break-with-a-partial-target"], in_parts, minutes=12
        ),
        "settled-hybrid": _drawn(made["settled-hybrid"], broke, entered, left, minutes=40),
        "settled-without-a-break": _drawn(made["settled-without-a-break"], {}, minutes=40),
        "test-message": example_picture(),
    }


def _drawn(
    message: Message, brackets: Mapping[str, Bracket], *marks: Mark, minutes: int
) -> RangePicture:
    """Return the picture of a message, up to some minutes after the range has opened."""
    minute = _BEGINS + np.arange(-20, minutes)
    turn = 2.0 * np.sin(np.arange(len(minute)) / 4.0)
    middle = 3384.0 + turn + np.maximum(minute - _BEGINS, 0) / 8.0
    opened, closed = middle, np.append(middle[1:], middle[-1] + 0.4)
    return RangePicture(
        title=message.subject,
        minute=minute,
        open=opened,
        high=np.maximum(opened, closed) + 0.5,
        low=np.minimum(opened, closed) - 0.5,
        close=closed,
        opens=datetime(2025, 6, 19, 0, 0, tzinfo=UTC),
        closed=CLOSED,
        range_high=3386.3,
        range_low=3381.9,
        levels=levels_of(RANGE.instrument, brackets),
        zone="Australia/Brisbane",
        marks=marks,
    )


def content(picture: RangePicture) -> str:
    """Return what is drawn of a picture, a line for each thing, whatever its fonts look like."""
    figure = range_plot(picture)
    (axes,) = figure.axes
    FigureCanvasAgg(figure).draw()  # places the ticks and the words
    lines = [f"{figure.get_figwidth():g} x {figure.get_figheight():.3f} inches"]
    for text in axes.texts:
        inside = figure.bbox.containsx(text.get_window_extent().x1)
        at = text.xy[1] if hasattr(text, "xy") else text.get_position()[1]
        place = f"at {at:.2f}, {text.get_color()}{'' if inside else ', CUT OFF'}"
        lines += [f"words {line!r} {place}" for line in text.get_text().splitlines()]
    for patch in axes.patches:
        box = patch.get_bbox()  # type: ignore[attr-defined]
        is_window = box.height == 1.0  # of the axes, from bottom to top
        ends = (_time(box.x0), _time(box.x1)) if is_window else (f"{box.y0:g}", f"{box.y1:g}")
        lines.append(f"band {ends[0]} to {ends[1]}, {_colour(patch.get_facecolor())}")
    lines += [_line_or_mark(line) for line in axes.lines]
    lines += [line for drawn in axes.collections for line in _candles(drawn)]
    return "\n".join([*lines, _ticks(axes)]) + "\n"


def _line_or_mark(line: object) -> str:
    at, price = line.get_xydata()[0]  # type: ignore[attr-defined]
    colour, shape = line.get_color(), line.get_marker()  # type: ignore[attr-defined]
    if shape != "None":
        return f"mark {shape} {_time(at)} at {price:g}, {colour}"
    return f"line {line.get_linestyle()} at {price:g}, {colour}"  # type: ignore[attr-defined]


def _candles(drawn: object) -> list[str]:
    assert isinstance(drawn, LineCollection)
    width = float(drawn.get_linewidth()[0])
    colour = _colour(drawn.get_color()[0])
    return [
        f"{'body' if width > 1 else 'wick'} {_time(segment[0][0])} from {segment[0][1]:.2f} "
        f"to {segment[1][1]:.2f}, {colour}"
        for segment in drawn.get_segments()
    ]


def _ticks(axes: Axes) -> str:
    low, high = axes.get_xlim()
    times = [
        label.get_text()
        for at, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if low <= at <= high
    ]
    return f"times {', '.join(times)} {axes.get_xlabel()}"


def _time(minute: float) -> str:
    half = "" if float(minute).is_integer() else " and a half"
    return f"{from_minute(int(np.floor(minute))):%H:%M}{half}"


def _colour(rgba: object) -> str:
    red, green, blue, alpha = np.asarray(rgba, float)
    return (
        "#"
        + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
        + ("" if alpha == 1 else f" at {alpha:.0%}")
    )
