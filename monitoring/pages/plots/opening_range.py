"""An opening range as a small picture: candles, the range as a band, the prices of its trades."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ml_core.market.instrument import Instrument
from ml_core.market.schedule import from_minute, to_minute
from ml_core.on_demand import library
from ml_core.strategy.bracket import Bracket
from monitoring.pages.figure_style import (
    CORRIDOR,
    MODEL,
    QUIET,
    RULE,
    SMALL,
    TEXT,
    TRUTH,
    WIDE,
    WORDS,
    Ink,
    apart,
    frameless_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ticker = library("matplotlib.ticker")

_HIGH, _LEFT, _FOOT, _HEAD, _RIGHT = 270.0, 46.0, 34.0, 26.0, 118.0
_BODY, _WICK = 2.6, 0.8
_LINE = 15.0  # height of a level's words, and of a line of the title, in units
_TITLE_WIDTH = 42  # characters of a line of the title: more would be cut off at the right edge

_LOOKS: dict[str, tuple[Ink, str]] = {
    "entry": (MODEL, "-"),
    "stop": (CORRIDOR, "--"),
    "part": (TRUTH, ":"),
    "target": (TRUTH, "--"),
}
_NAMES = {"part": "first target"}

_SHAPES = {"long": "^", "short": "v", "exit": "X"}


@dataclass(frozen=True, slots=True)
class Level:
    """A price of a trade, ``entry``, ``stop``, ``part`` or ``target``, and its full words."""

    kind: str
    price: float
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A trade's entry or exit: ``kind`` is ``long``, ``short`` or ``exit``."""

    kind: str
    minute: int
    price: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePicture:
    """The content of a picture of an opening range.

    Attributes
    ----------
    title
        Title above the picture.
    minute
        Shape (n,), opening minutes of the bars, UTC.
    open, high, low, close
        Shape (n,), prices.
    opens, closed
        Start and end of the range's window, aware.
    range_high, range_low
        Edges of the range, prices.
    levels, marks
        Prices of the trades; when and at which price a trade was entered and left.
    zone
        Time zone of the time axis.
    """

    title: str
    minute: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    opens: datetime
    closed: datetime
    range_high: float
    range_low: float
    levels: Sequence[Level]
    zone: str
    marks: Sequence[Mark] = ()

    @property
    def price_span(self) -> tuple[float, float]:
        """Lowest and highest price drawn, with some room."""
        prices = [level.price for level in self.levels]
        low = min([float(self.low.min()), self.range_low, *prices])
        high = max([float(self.high.max()), self.range_high, *prices])
        room = 0.06 * (high - low)
        return low - room, high + room


def levels_of(instrument: Instrument, brackets: Mapping[str, Bracket]) -> list[Level]:
    """Return the prices of trades; each trade's key precedes its words."""
    return [
        Level(kind, float(price), f"{name} {_NAMES.get(kind, kind)} {price}".strip())
        for name, bracket in brackets.items()
        for kind in _LOOKS
        if (ticks := getattr(bracket, kind)) is not None
        for price in [instrument.price_text(ticks)]
    ]


def range_plot(picture: RangePicture) -> Figure:
    """Draw a range: one-minute candles, the window and the range as bands, levels as lines."""
    title = textwrap.wrap(picture.title, _TITLE_WIDTH)
    figure = new_figure((_HIGH + _LINE * max(len(title) - 1, 0)) / 72)
    axes = frameless_axes(figure, _LEFT, _FOOT, WIDE - _LEFT - _RIGHT, _HIGH - _FOOT - _HEAD)
    axes.grid(axis="y", color=RULE.value, linewidth=0.8)
    axes.axhspan(picture.range_low, picture.range_high, color=MODEL.value, alpha=0.12, lw=0)
    begin, end = to_minute(picture.opens), to_minute(picture.closed)
    axes.axvspan(begin - 0.5, end - 0.5, color=QUIET.value, alpha=0.10, lw=0)
    _candles(axes, picture)
    last = max(int(picture.minute[-1]), end)
    axes.set_xlim(int(picture.minute[0]) - 1, last + 1)
    axes.set_ylim(*picture.price_span)
    _levels(axes, picture, last + 1)
    for mark in picture.marks:
        axes.plot(mark.minute, mark.price, _SHAPES[mark.kind], color=MODEL.value, markersize=6)
    axes.text(
        0,
        1.03,
        "\n".join(title),
        transform=axes.transAxes,
        fontsize=TEXT,
        color=WORDS.value,
        va="bottom",
    )
    zone = ZoneInfo(picture.zone)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 1.5, 3, 6, 10], integer=True))
    axes.xaxis.set_major_formatter(
        ticker.FuncFormatter(lambda at, _: f"{_moment(at).astimezone(zone):%H:%M}")
    )
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%.6g"))
    axes.set_xlabel(picture.zone, fontsize=SMALL, color=QUIET.value)
    return figure


def _moment(minute: float) -> datetime:
    return from_minute(int(minute)) + timedelta(minutes=minute - int(minute))


def _candles(axes: Axes, picture: RangePicture) -> None:
    rises = picture.close >= picture.open
    for which, ink in ((rises, TRUTH), (~rises, CORRIDOR)):
        minute = picture.minute[which]
        axes.vlines(
            minute, picture.low[which], picture.high[which], color=ink.value, linewidth=_WICK
        )
        bodies = (picture.open[which], picture.close[which])
        axes.vlines(
            minute, np.minimum(*bodies), np.maximum(*bodies), color=ink.value, linewidth=_BODY
        )


def _levels(axes: Axes, picture: RangePicture, end: float) -> None:
    low, high = axes.get_ylim()
    height = _LINE * (high - low) / (_HIGH - _FOOT - _HEAD)
    wanted = [level.price for level in picture.levels]
    for level, place in zip(picture.levels, apart(wanted, height, high), strict=True):
        ink, dashes = _LOOKS[level.kind]
        axes.axhline(level.price, color=ink.value, linestyle=dashes, linewidth=1.2)
        axes.annotate(
            level.words,
            (end, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=ink.value,
            annotation_clip=False,
        )
