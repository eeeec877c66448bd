"""Figures are readable by machines and people, and reproducible."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from ml_core.evidence.metrics import ReliabilityBin
from monitoring.pages.figure_style import CORRIDOR, MODEL, apart, to_inline_svg, to_png, to_svg
from monitoring.pages.plots.days import Running, equity_plot
from monitoring.pages.plots.scores import (
    Mark,
    RangeScore,
    Scored,
    importance_plot,
    range_plot,
    reliability_plot,
    score_plot,
)


def scores() -> Figure:
    rows = [
        Scored("model", 0.71, 0.69, 0.73, "71 %"),
        Scored("corridor", 0.70, 0.68, 0.72, "70 %"),
        Scored("majority", 0.52, None, None, "52 %"),
    ]
    return score_plot(rows, "accuracy", [Mark(0.5, "coin")], per_cent=True)


def bins() -> Figure:
    return reliability_plot(
        [ReliabilityBin(0.2, 0.0, 3), ReliabilityBin(0.7, 0.75, 90)],
        [ReliabilityBin(0.2, 0.1, 10)],
    )


def ranges() -> Figure:
    return range_plot([RangeScore("0900", 200, 0.7, 0.69), RangeScore("1000", 1, 1.0, 1.0)])


def equity() -> Figure:
    days = ["2024-01-02", "2024-01-03", "2024-02-05"]
    net = Running("every break", [0.0, -1.0, -2.0], CORRIDOR, dashed=True)
    return equity_plot(days, [net, Running("recommended", [0.0, 0.0, 0.0], MODEL)])


def importance() -> Figure:
    return importance_plot({"range height": 0.6, "a < b & c": 0.4}, "share")


FIGURES = pytest.mark.parametrize("draw", [scores, bins, ranges, equity, importance])


@FIGURES
def test_a_figure_gives_the_same_svg_every_time(draw: Callable[[], Figure]) -> None:
    assert to_svg(draw()) == to_svg(draw())


@FIGURES
def test_a_figure_gives_the_same_png_every_time(draw: Callable[[], Figure]) -> None:
    first = to_png(draw())

    assert first == to_png(draw())
    assert first.startswith(b"\x89PNG")


@FIGURES
def test_an_svg_is_well_formed_without_date_or_maker(draw: Callable[[], Figure]) -> None:
    text = to_svg(draw())

    ET.fromstring(text)  # noqa: S314 - our own text
    assert "<dc:date>" not in text
    assert "<dc:creator>" not in text


@FIGURES
def test_an_inline_svg_names_no_host_and_no_colour_a_page_cannot_change(
    draw: Callable[[], Figure],
) -> None:
    text = to_inline_svg(draw(), "plot", 'who said "<b>"')

    assert "http" not in text
    colours = re.findall(r"(?:fill|stroke): (#\w+)", text)
    assert colours == []
    assert 'aria-label="who said &quot;&lt;b&gt;&quot;"' in text


@FIGURES
def test_ids_of_inline_figures_do_not_meet_on_a_page(draw: Callable[[], Figure]) -> None:
    text = to_inline_svg(draw(), "one", "")

    ids = set(re.findall(r'\bid="([^"]*)"', text))
    used = set(re.findall(r'(?:href="|url\()#([^")]*)', text))
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert used
    assert used <= ids


def test_text_stays_text_and_is_escaped() -> None:
    text = to_svg(importance())

    assert ">a &lt; b &amp; c<" in text


def test_figures_saved_from_several_threads_are_the_same() -> None:
    alone, drawn = to_svg(scores()), []
    threads = [threading.Thread(target=lambda: drawn.append(to_svg(scores()))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert drawn == [alone] * 4


def test_features_of_no_weight_can_be_drawn() -> None:
    figure = importance_plot({"range height": 0.0}, "push")  # a baseline's, whose reasons are none

    assert "range height" in to_svg(figure)


def test_a_day_alone_can_be_drawn() -> None:
    figure = equity_plot(["2024-01-02"], [Running("net", [1.0], MODEL)])

    assert "+1.0 R" in to_svg(figure)


@given(wanted=st.lists(st.floats(-100, 100), min_size=1, max_size=4))
def test_labels_moved_apart_keep_their_order_and_distance(wanted: list[float]) -> None:
    placed = apart(wanted, 10.0, 100.0)

    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    gaps = [placed[after] - placed[before] for before, after in pairwise(order)]
    assert all(gap >= 10.0 - 1e-9 for gap in gaps)
    assert max(placed) <= 95.0 + 1e-9
