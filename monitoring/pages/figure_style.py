"""The style of figures: drawn by matplotlib without a screen, with reproducible bytes."""

from __future__ import annotations

import html
import io
import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_core.on_demand import library

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

mpl = library("matplotlib")
matplotlib_figure = library("matplotlib.figure")
ticker = library("matplotlib.ticker")
pictures = library("PIL.Image")

WIDTH = 5.0
"""Inches, 360 units of 1/72: about a phone's width in CSS pixels, so text keeps its size."""

WIDE = WIDTH * 72
"""The same width in units."""

TEXT, SMALL = 11.0, 9.5
"""Text sizes in the same units; no text is smaller."""


@dataclass(frozen=True, slots=True)
class Ink:
    """A colour by its role: the printed value, and the name by which a page may override it.

    The values are Okabe and Ito's, which colour-blind readers can tell apart. Marks of different
    shape, or words, carry the same information.
    """

    value: str
    variable: str


PAPER = Ink("#ffffff", "--plot-paper")
WORDS = Ink("#1b1f24", "--plot-words")
QUIET = Ink("#5c6670", "--plot-quiet")
RULE = Ink("#d3d8de", "--plot-rule")
MODEL = Ink("#0072b2", "--plot-model")
CORRIDOR = Ink("#d55e00", "--plot-corridor")
MAJORITY = Ink("#6b7177", "--plot-majority")
TRUTH = Ink("#00805a", "--plot-truth")
INKS = (PAPER, WORDS, QUIET, RULE, MODEL, CORRIDOR, MAJORITY, TRUTH)


@dataclass(frozen=True, slots=True)
class Mark:
    """A reference value on the axis; ``truth`` if it is known and not measured."""

    value: float
    words: str
    truth: bool = False


_COLOURS = 64

# matplotlib reads global SVG settings while saving, and flows save figures in threads
_SAVING = threading.Lock()
_SVG_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "orbcast", "svg.fonttype": "none"}


def new_figure(height: float) -> Figure:
    """Return an empty figure ``WIDTH`` inches wide, outside pyplot's global state."""
    figure: Figure = matplotlib_figure.Figure(figsize=(WIDTH, height), facecolor=PAPER.value)
    return figure


def frameless_axes(
    figure: Figure, left: float, bottom: float, width: float, height: float
) -> Axes:
    """Add axes without a box at a position in units of 1/72 inch, with unobtrusive ticks."""
    wide, high = figure.get_figwidth() * 72, figure.get_figheight() * 72
    axes = figure.add_axes((left / wide, bottom / high, width / wide, height / high))
    axes.set_facecolor(PAPER.value)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=QUIET.value, pad=4)
    axes.set_axisbelow(True)
    return axes


def rows_and_axis(
    count: int, left: float, right: float, head: float, *, step: float = 34.0
) -> tuple[Figure, Axes]:
    """Return a figure with rows, each ``step`` units high, above one axis."""
    foot = 40.0
    high = foot + step * count + head
    figure = new_figure(high / 72)
    axes = frameless_axes(figure, left, foot, WIDE - left - right, step * count)
    axes.set_ylim(count - 0.5, -0.5)
    axes.grid(axis="x", color=RULE.value, linewidth=0.8)
    return figure, axes


def set_span(axes: Axes, ends: Sequence[float]) -> None:
    """Extend the axis a little beyond these values."""
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 0.01
    axes.set_xlim(low - room, high + room)


def compare_with(axes: Axes, mark: Mark) -> None:
    """Draw a reference line, and name it above the axes within the figure."""
    ink = TRUTH if mark.truth else QUIET
    axes.axvline(mark.value, color=ink.value, linewidth=1.2, linestyle=(0, (4, 2)))
    low, high = axes.get_xlim()
    share = (mark.value - low) / (high - low)
    side = "left" if share < 0.2 else "right" if share > 0.8 else "center"  # noqa: PLR2004
    axes.text(
        mark.value,
        1.01,
        mark.words,
        transform=axes.get_xaxis_transform(),
        ha=side,
        va="bottom",
        fontsize=SMALL,
        color=ink.value,
    )


def ticks(axes: Axes, *, per_cent: bool) -> None:
    """Set few, round ticks below the axes, shares as whole per cents."""
    axes.xaxis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    if per_cent:
        formatter = ticker.PercentFormatter(1.0, decimals=0, symbol="\N{NO-BREAK SPACE}%")
        axes.xaxis.set_major_formatter(formatter)


def apart(wanted: Sequence[float], least: float, high: float) -> list[float]:
    """Move labels that would touch apart, as little as necessary, in their order."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    floor = -math.inf
    for index in order:
        placed[index] = floor = max(wanted[index], floor)
        floor += least
    ceiling = high - least / 2
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - least
    return placed


def to_svg(figure: Figure) -> str:
    """Return a figure as a standalone SVG document, without a date or machine details."""
    file = io.StringIO()
    with _SAVING, mpl.rc_context(_SVG_SETTINGS):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def to_png(figure: Figure, dots_per_inch: int = 160) -> bytes:
    """Return a figure as a PNG picture, without details of the software that made it.

    It has few colours, so a palette needs a third of the space: Prefect stores every picture.
    """
    drawn, file = io.BytesIO(), io.BytesIO()
    with _SAVING:
        figure.savefig(drawn, format="png", dpi=dots_per_inch, metadata={"Software": None})
    with pictures.open(drawn) as image:
        image.convert("RGB").quantize(_COLOURS).save(file, format="png", optimize=True)
    return file.getvalue()


def to_inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a figure as an ``svg`` element for an HTML page.

    Its colours become CSS variables with the printed colours as defaults, so that a page can have
    a dark mode. Its text uses the page's font. It contains no host, not even a namespace, which
    HTML does not need.

    Parameters
    ----------
    figure
        The figure.
    name
        Letters and digits; a prefix for every id, as ids must be unique on a page.
    description
        Text for a reader who cannot see the figure.
    """
    whole = to_svg(figure)
    _, _, body = whole[whole.index("<svg") :].partition(">")
    for pattern, replacement in (
        (r"<metadata>.*?</metadata>", ""),
        (r"<style[^>]*>.*?</style>", ""),
        (r"font-family: [^;\"]*", "font-family: inherit"),
        (r'\bid="', f'id="{name}-'),
        (r'(xlink:href="|url\()#', rf"\1#{name}-"),
        (r"\s*\n\s*", "\n"),
    ):
        body = re.sub(pattern, replacement, body, flags=re.DOTALL)
    for ink in INKS:
        body = body.replace(ink.value, f"var({ink.variable}, {ink.value})")
    wide, high = (round(inches * 72, 2) for inches in figure.get_size_inches())
    label = html.escape(description)
    return f'<svg viewBox="0 0 {wide:g} {high:g}" role="img" aria-label="{label}">{body}'
