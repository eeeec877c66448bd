"""Artifacts: plain markdown, whatever names contain."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.daily_sums import daily_figures
from monitoring.pages.formatting import percent
from monitoring.pages.markdown import code, escaped
from monitoring.performance import whole_days
from tasks.health.performance_artifact import last_days
from tasks.runs.artifacts import picture, table
from tests.monitoring.test_performance import OPEN, row


@given(st.text(max_size=40))
def test_escaping_leaves_no_markup_and_no_new_line(text: str) -> None:
    markdown = escaped(text)
    assert "\n" not in markdown
    for mark in "|<>*_`[]":
        assert markdown.count(mark) == markdown.count(f"\\{mark}")


def test_a_table_has_a_row_each_and_says_what_is_missing() -> None:
    rows = [{"a": 1234, "b": 0.25, "c": None}, {"a": True, "b": "x|y", "c": "z"}]
    lines = table(rows, {"a": "A", "b": "B", "c": "C"}).splitlines()
    assert lines[0] == "| A | B | C |"
    assert lines[2] == "| 1,234 | 0.2500 | \N{EN DASH} |"
    assert lines[3] == r"| yes | x\|y | z |"


def test_a_picture_holds_itself() -> None:
    assert picture(b"\x89PNG", "odds").endswith("![odds](data:image/png;base64,iVBORw==)")


def test_what_a_picture_shows_is_seen_by_whoever_sees_the_picture() -> None:
    assert picture(b"\x89PNG", "odds of *a*").startswith("*Odds of \\*a\\**\n\n![")


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a@b.example", r"a\@b.example"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("- one\n- two", r"\- one - two"),
        ("1. first", r"1\. first"),
        ("=====", r"\====="),
        ("-0.39 R at 10:05", "-0.39 R at 10:05"),
    ],
)
def test_text_becomes_no_entity_list_or_heading(text: str, markdown: str) -> None:
    assert escaped(text) == markdown


@given(st.text(max_size=40))
def test_what_is_to_be_copied_stays_inside_its_marks(text: str) -> None:
    markdown = code(text)
    fence = markdown[: len(markdown) - len(markdown.lstrip("`"))]
    inner = markdown[len(fence) : -len(fence)]
    assert "\n" not in markdown
    assert fence not in inner
    assert " ".join(text.split()) == inner.strip()


def test_a_day_is_shown_by_its_means_a_break_and_as_unknown_without_one() -> None:
    rows = [row(p_up=0.75), row(p_up=0.25), row(p_up=0.5), row(**OPEN)]
    losses = [-math.log(p) for p in (0.75, 0.25, 0.5)]

    line = last_days(whole_days(daily_figures("MGC", rows))).splitlines()[-1]
    corridor = -math.log(0.6)
    accuracy = f"{percent(2 / 3, 0)} ({percent(1.0, 0)})"
    scores = f"{accuracy} | {sum(losses) / 3:.3f} ({corridor:.3f}) | +2.4"
    assert line.replace("\\", "") == f"| 2024-07-01 | 3 | 1 | {scores} |"

    bare = last_days(whole_days(daily_figures("MGC", [row(**OPEN)]))).splitlines()[-1]
    assert bare == "| 2024-07-01 | 0 | 1 |" + 3 * " \N{EN DASH} |"
