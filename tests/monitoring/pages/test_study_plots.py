"""A study's figures show what is known, mark what is not, and are reproducible."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from ml_core.evidence.evaluation import Evaluation
from monitoring.pages.figure_style import to_inline_svg, to_png, to_svg
from monitoring.pages.plots.study import (
    Difference,
    difference_plot,
    differences,
    running_gain,
    skill_plot,
    study_charts,
)
from tests.monitoring.studies import study, without_figures

GOOD = Difference("2024Q1", 180, -0.02, -0.03, -0.01, 0.005)
FEW = Difference("2024Q2", 29, 0.4, -0.6, 0.9, 0.3)
UNKNOWN = Difference("2024Q3", 180, None, None, None, None)


def skill() -> Figure:
    return skill_plot([GOOD, FEW, UNKNOWN])


def many() -> Figure:
    months = [f"{2015 + index // 12}-{index % 12 + 1:02d}" for index in range(11, 100)]
    return skill_plot([replace(GOOD, name=month) for month in months])


def unknown_skill() -> Figure:
    return skill_plot([UNKNOWN])


def by_range() -> Figure:
    return difference_plot([replace(group, name="a < b") for group in (GOOD, FEW, UNKNOWN)])


FIGURES = pytest.mark.parametrize("draw", [skill, many, unknown_skill, by_range])


@FIGURES
def test_a_figure_is_the_same_every_time(draw: Callable[[], Figure]) -> None:
    assert to_svg(draw()) == to_svg(draw())
    assert to_png(draw()) == to_png(draw())


@FIGURES
def test_an_inline_svg_names_no_host_and_no_colour_a_page_cannot_change(
    draw: Callable[[], Figure],
) -> None:
    text = to_inline_svg(draw(), "plot", "words")

    ET.fromstring(to_svg(draw()))  # noqa: S314 - our own text
    assert "http" not in text
    assert re.findall(r"(?:fill|stroke): (#\w+)", text) == []


def evaluation() -> Evaluation:
    return Evaluation.from_json(study())


def drawn_at(figure: Figure) -> list[tuple[float, float]]:
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in marks]


def spans(figure: Figure) -> list[tuple[float, float]]:
    lines = [line.get_ydata() for line in figure.axes[0].lines if line.get_marker() == "None"]
    return [(float(low), float(high)) for low, high in lines if low != high]


def test_every_known_fold_is_a_point_at_its_difference() -> None:
    figures = study()["by_fold"]

    figure = skill_plot(differences(evaluation().by_fold))

    expected = [fold["difference"]["corridor"]["log_loss"]["estimate"] for fold in figures]
    assert drawn_at(figure) == list(enumerate(expected))
    assert len(figures) > 2


def test_a_fold_of_few_breaks_has_no_interval_and_one_unknown_a_question_mark() -> None:
    figure = skill()

    assert drawn_at(figure) == [(0.0, -0.02), (1.0, 0.4)]
    assert spans(figure) == [(-0.03, -0.01)]
    assert [text.get_text() for text in figure.axes[0].texts if text.get_text() == "?"] == ["?"]


def test_few_folds_are_all_named_and_of_many_each_year_once() -> None:
    few = [label.get_text() for label in skill().axes[1].get_xticklabels()]
    years = [label.get_text() for label in many().axes[1].get_xticklabels()]

    assert few == ["2024Q1", "2024Q2", "2024Q3"]
    assert years == [str(year) for year in range(2016, 2024)]


def test_a_part_that_cannot_be_judged_is_named_and_not_drawn() -> None:
    figure = by_range()

    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"\N{MINUS SIGN}0.0200", "too few", "not known"} <= set(words)
    assert drawn_at(figure) == [(-0.02, 0.0)]


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.floats(-0.1, 0.1), st.floats(0, 0.1)),
        min_size=1,
        max_size=8,
    )
)
def test_the_gain_adds_up_to_that_of_all_rows(folds: list[tuple[int, float, float]]) -> None:
    gains, errors = running_gain(
        [Difference("", rows, mean, None, None, error) for rows, mean, error in folds]
    )

    assert gains[-1] == pytest.approx(-sum(rows * mean for rows, mean, _ in folds), abs=1e-9)
    assert errors == sorted(errors)


def test_a_fold_not_known_adds_nothing() -> None:
    gains, errors = running_gain([GOOD, UNKNOWN])

    assert gains == [gains[0]] * 2 == [pytest.approx(3.6)] * 2
    assert errors == [errors[0]] * 2


def change_of(figures: dict[str, Any], fold: int) -> dict[str, Any]:
    change: dict[str, Any] = figures["by_fold"][fold]["difference"]["corridor"]["log_loss"]
    return change


def test_the_caption_counts_the_folds_with_a_known_difference() -> None:
    figures = study()
    change_of(figures, 0).update(estimate=-0.02, low=-0.03, high=-0.01)
    change_of(figures, 1).update(estimate=None, low=None, high=None, error=None)
    figures["by_fold"][2]["rows"] = 20
    count = len(figures["by_fold"]) - 2

    words = study_charts(Evaluation.from_json(figures))[0].words

    assert f"Of {count} that can be judged, 1 lie wholly below 0 and 0 wholly above" in words
    assert "1 with under 30 breaks, too few to judge" in words
    assert "1 not known" in words


def drawn(studied: Evaluation) -> list[Figure]:
    return [chart.figure for chart in study_charts(studied) if chart.figure is not None]


def test_every_figure_comes_with_words_for_an_artifact() -> None:
    charts = study_charts(evaluation())

    assert len(charts) == len(drawn(evaluation())) == 6
    assert all(chart.title and chart.words for chart in charts)
    assert all(to_png(figure, 50).startswith(b"\x89PNG") for figure in drawn(evaluation()))


def test_a_study_of_one_fold_says_that_it_shows_no_course() -> None:
    figures = {**study(), "by_fold": []}

    assert "one fold" in study_charts(Evaluation.from_json(figures))[0].words
    assert len(drawn(Evaluation.from_json(figures))) == 5


def test_figures_without_any_number_can_be_drawn() -> None:
    assert (
        len(drawn(Evaluation.from_json(without_figures(study())))) == 5
    )  # no accuracy is left to draw
