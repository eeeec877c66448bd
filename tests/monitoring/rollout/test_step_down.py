"""Reasons for a step down, its target stage, and whether the record starts anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitoring.rollout.gates import step_down_reason
from tests.monitoring.rollout.test_gates import ADVISORY, CHECK, DAY, GOOD, NOW, SECOND

UNCLEAN, UNJUDGED = replace(CHECK, clean=False), replace(CHECK, judged=False, clean=False)
TOO_OLD = replace(CHECK, at=NOW - 4 * DAY - SECOND)


@pytest.mark.parametrize(
    ("changed", "why", "anew"),
    [
        ({"record_faults": ("row 7",)}, "record whole: 1 faults, such as: row 7", True),
        ({"record_faults": None}, "record whole: could not be verified", True),
        ({"breaker": "open"}, "breaker: the circuit breaker is open", True),
        ({"breaker": "half_open"}, "breaker: the circuit breaker is half open", True),
        ({"parity": UNCLEAN}, "parity: nothing found", True),
        ({"drift": UNCLEAN}, "drift: nothing found", True),
        ({"drift": replace(TOO_OLD, clean=False)}, "drift: nothing found", True),
        (
            {"recipe_hash": "other"},
            "same recipe: a recipe serves other than the one stepped up to advisory",
            False,
        ),
        ({"fallback": "expired"}, "a fallback serves: expired", False),
        ({"drift": None}, "drift: never checked", False),
        ({"parity": TOO_OLD}, "parity: checked 2025-06-26 11:59 UTC: nothing found", False),
        ({"drift": UNJUDGED}, "drift: checked 2025-06-29 12:00 UTC: nothing found", False),
    ],
)
def test_reasons_for_a_step_down_and_whether_the_record_counts_anew(
    changed: dict[str, Any], why: str, anew: bool
) -> None:
    facts = replace(GOOD, **changed)
    assert step_down_reason(facts, ADVISORY, NOW) == ("shadow", why, anew)
    for stage in ("off", "shadow"):
        assert step_down_reason(facts, replace(ADVISORY, stage=stage), NOW) is None


@pytest.mark.parametrize(("left", "lapsed"), [(SECOND, False), (timedelta(), True)])
def test_hybrid_that_has_lapsed_goes_down_to_advisory(left: timedelta, lapsed: bool) -> None:
    position = replace(ADVISORY, stage="hybrid", holds_until=NOW + left)
    expected = ("advisory", "the approval has lapsed", False) if lapsed else None
    assert step_down_reason(GOOD, position, NOW) == expected
    assert step_down_reason(GOOD, ADVISORY, NOW) is None
