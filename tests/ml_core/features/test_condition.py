"""Conditions: compared with manual results and with Python, and what is never accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.features.condition import LONGEST, ConditionError, read_condition

FEATURES = ("atr_trend", "weekday", "session1_range", "session2_range", "x", "y")
NAN = float("nan")
COLUMNS = {
    "x": np.array([1.0, 2.0, 3.0, NAN]),
    "y": np.array([3.0, 2.0, -1.0, 0.0]),
    "weekday": np.array([0.0, 1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x > 1", [1, 2]),
        ("x >= 1", [0, 1, 2]),
        ("x < y", [0]),
        ("x == y", [1]),
        ("x != y", [0, 2]),
        ("2 <= x", [1, 2]),
        ("1 < x < 3", [1]),
        ("y > -1", [0, 1, 3]),
        ("y == -1", [2]),
        ("not x > 1", [0]),
        ("x > 1 and y > 0", [1]),
        ("x > 2 or y > 2", [0, 2]),
        ("x > 2 or y > 2 and weekday == 1", [2]),
        ("(x > 2 or y > 2) and weekday == 0", [0]),
        ("x > 1.5e0", [1, 2]),
    ],
)
def test_a_condition_holds_where_it_should(text: str, rows: list[int]) -> None:
    condition = read_condition(text, FEATURES)
    holds = condition.holds(COLUMNS) & condition.is_known(COLUMNS)
    assert np.flatnonzero(holds).tolist() == rows


def test_a_row_in_which_a_named_feature_is_missing_is_not_known() -> None:
    assert read_condition("x > 1 or y > 0", FEATURES).is_known(COLUMNS).tolist() == [True] * 3 + [
        False
    ]
    assert read_condition("y > 0", FEATURES).is_known(COLUMNS).all()


def test_two_that_are_spaced_otherwise_are_one_question() -> None:
    one, other = (read_condition(text, FEATURES) for text in ("x>1 and(y<2)", " x > 1 and y < 2 "))
    assert one.text == other.text == "x > 1 and y < 2"
    assert one.names == ("x", "y")


_COMPARISON = st.tuples(
    st.sampled_from(["x", "y"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-3, 3),
).map(lambda parts: f"{parts[0]} {parts[1]} {parts[2]}")
_TEXTS = st.recursive(
    _COMPARISON,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=6,
)


@given(
    _TEXTS,
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=8),
)
def test_python_itself_evaluates_every_row_the_same(
    text: str, rows: list[tuple[int, int]]
) -> None:
    columns = {"x": np.array(rows, float)[:, 0], "y": np.array(rows, float)[:, 1]}
    condition = read_condition(text, FEATURES)
    names = {name: columns[name] for name in condition.names}
    by_python = [eval(text, {}, {"x": x, "y": y}) for x, y in rows]  # noqa: S307 - made above
    assert condition.holds(names).tolist() == by_python


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("x >", "cannot be read"),
        ("x > 1; y > 2", "cannot be read"),
        ("x = 1", "cannot be read"),
        ("x", "'x', which compares nothing"),
        ("1 < 2", "names no feature"),
        ("x + 1 > 2", "'x + 1', which is neither a feature nor a number"),
        ("x > 'a'", "neither a feature nor a number"),
        ("x > True", "neither a feature nor a number"),
        ("x > 1j", "neither a feature nor a number"),
        ("x is y", "which compares nothing"),
        ("x in (1, 2)", "which compares nothing"),
        ("x > 1 if y else 0", "which compares nothing"),
        ("__import__('os').system('id') > 1", "neither a feature nor a number"),
        ("x.real > 1", "neither a feature nor a number"),
        ("x > 1" + "0" * 300, "neither a feature nor a number"),
        ("(lambda: 1)() > x", "neither a feature nor a number"),
        ("x > 1 and " * 50 + "x > 1", f"longer than {LONGEST} characters"),
        ("(" * 190 + "x" + ")" * 190 + " > 1", None),
    ],
)
def test_whatever_is_no_comparison_of_features_and_numbers_is_refused(
    text: str, words: str | None
) -> None:
    if words is None:  # at the maximum depth: either read or refused, nothing else
        assert read_condition(text, FEATURES).names == ("x",)
        return
    with pytest.raises(ConditionError) as refused:
        read_condition(text, FEATURES)
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["outcome", "r_net", "break_direction", "session3_range"])
def test_an_unknown_feature_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(ConditionError) as refused:
        read_condition(f"{name} > 1 and x > 0", FEATURES)
    assert f"names {name}, which is not a feature" in str(refused.value)
    if name == "session3_range":
        assert "did you mean session2_range, session1_range?" in str(refused.value)


@given(st.text(max_size=60))
def test_no_text_brings_anything_but_a_condition_or_its_refusal(text: str) -> None:
    outcome: Any = None
    try:
        outcome = read_condition(text, FEATURES).names
    except ConditionError as refused:
        outcome = str(refused)
    assert outcome
