"""Artifacts: plain markdown whatever a thing is called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.artifacts import escaped, picture, table


@given(st.text(max_size=40))
def test_escaping_leaves_no_markup_and_no_new_line(text: str) -> None:
    shown = escaped(text)
    assert "\n" not in shown
    for mark in "|<>*_`[]":
        assert shown.count(mark) == shown.count(f"\\{mark}")


def test_a_table_has_a_row_each_and_says_what_is_missing() -> None:
    rows = [{"a": 1234, "b": 0.25, "c": None}, {"a": True, "b": "x|y", "c": "z"}]
    lines = table(rows, {"a": "A", "b": "B", "c": "C"}).splitlines()
    assert lines[0] == "| A | B | C |"
    assert lines[2] == "| 1,234 | 0.2500 | - |"
    assert lines[3] == r"| yes | x\|y | z |"


def test_a_picture_holds_itself() -> None:
    assert picture(b"\x89PNG", "odds") == "![odds](data:image/png;base64,iVBORw==)"
