"""Parity by itself: differing bits are reported, and their causes are counted."""

from __future__ import annotations

import math
from datetime import date

import pytest

from ml_core.health.parity import Audited, Cause, Difference, ParityReport
from ml_core.json_values import json_values
from monitoring.parity import differences, first_in_words


def report(*causes: Cause) -> ParityReport:
    return ParityReport.of(
        (
            Audited(slot=f"MGC:{number}", role="champion", version="v", cause=cause)
            for number, cause in enumerate(causes)
        ),
        market="MGC",
        first_day=date(2024, 6, 3),
        last_day=date(2024, 6, 4),
        mode="live",
    )


@pytest.mark.parametrize(
    ("logged", "now"),
    [
        (0.1, math.nextafter(0.1, 1.0)),
        (1e9, 1e9 + 1e-6),
        (0.0, -0.0),
        (None, 0.0),
        (0.0, None),
        (math.nan, 0.0),
    ],
)
def test_the_last_bit_of_a_feature_counts(logged: float | None, now: float | None) -> None:
    (difference,) = differences({"a": logged, "b": 1.0}, {"a": now, "b": 1.0})
    assert difference.feature == "a"


def test_a_feature_of_one_side_only_differs_whichever_side_it_is() -> None:
    assert differences({"a": 1.0}, {"b": 2.0}) == (
        Difference("a", 1.0, None),
        Difference("b", None, 2.0),
    )
    assert differences({"a": None, "b": 0.5}, {"a": None, "b": 0.5}) == ()


@pytest.mark.parametrize(
    ("causes", "clean"),
    [
        ((), False),
        (("same",), True),
        (("same", "bars", "code"), True),
        (("same", "unexplained"), False),
    ],
)
def test_a_report_is_clean_if_it_compared_something_and_all_is_accounted_for(
    causes: tuple[Cause, ...], clean: bool
) -> None:
    assert report(*causes).clean is clean


def test_every_differing_prediction_is_listed_and_each_cause_counted() -> None:
    figures = json_values(report("same", "bars", "bars", "code", "unexplained"))
    counts = {name: figures[name] for name in ("compared", "same", "bars", "code", "unexplained")}
    assert counts == {"compared": 5, "same": 1, "bars": 2, "code": 1, "unexplained": 1}
    assert [it["slot"] for it in figures["differing"]] == ["MGC:1", "MGC:2", "MGC:3", "MGC:4"]


def test_twenty_changes_are_listed_and_the_rest_counted() -> None:
    assert first_in_words(range(20)) == tuple(str(number) for number in range(20))
    assert first_in_words(range(1_522))[20:] == ("and 1,502 more bars",)
