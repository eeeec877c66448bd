"""The verdict on an answer: only a complete, timely approval of what was shown counts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.json_form import from_json
from ml_core.json_values import json_values
from monitoring.approval import NOBODY, ApprovalAnswer, Finding, Request, differences, judge

ASKED = datetime(2025, 6, 30, 8, 0, tzinfo=UTC)
SHOWN = Request(
    kind="promotion",
    market="MGC",
    version="v2",
    subject="v2",
    title="Make v2 champion of MGC",
    verdict="v2 passes the promotion rule.",
    borne_out=True,
    overridable=True,
    findings=(Finding(name="brier", status="holds", words="-0.01"),),
    content={"files": "a" * 64, "champion": "v1"},
    asked_at=ASKED,
    until=ASKED + timedelta(hours=24),
)
NOT_SHOWN = replace(SHOWN, borne_out=False, verdict="v2 does not pass the promotion rule: brier.")
YES = ApprovalAnswer(
    approve=True,
    by="ana",
    reason="seen",
    against_the_evidence=False,
    waited=timedelta(hours=1),
)


def verdict(request: Request = SHOWN, **said: object) -> str:
    found = judge(request, replace(YES, **said), request.content)  # type: ignore[arg-type]
    assert not found.approved
    return found.verdict


def test_a_whole_approval_of_what_was_shown_is_one() -> None:
    found = judge(SHOWN, YES, SHOWN.content)
    assert (found.approved, found.verdict) == (True, "approved by ana: seen")
    assert found.reason == "seen"


@pytest.mark.parametrize(
    ("by", "reason", "lacks"),
    [
        ("", "seen", "a name"),
        ("ana", " ", "a reason"),
        ("\t", "", "a name and a reason"),
        (NOBODY, "ok", "a name"),
    ],
)
def test_an_approval_without_who_or_why_says_what_lacks(by: str, reason: str, lacks: str) -> None:
    said = verdict(by=by, reason=reason)
    assert said == f"refused: approved without {lacks}; request it again"


def test_an_empty_answer_and_a_refusal_refuse() -> None:
    assert verdict(approve=False, by="", reason="") == "refused: it was not approved"
    assert verdict(approve=False, reason="not yet") == "refused: by ana: not yet"


def test_what_nobody_answered_in_time_is_refused_and_a_late_approval_too() -> None:
    day = timedelta(hours=24)
    nobody = "refused: nobody answered by 2025-07-01 08:00 UTC"
    assert verdict(approve=False, by="", reason="", waited=day) == nobody
    assert verdict(approve=False, by=NOBODY, reason="x") == nobody
    assert "ana approved it after the deadline" in verdict(waited=day)
    assert judge(SHOWN, replace(YES, waited=day - timedelta(seconds=1)), SHOWN.content).approved


def test_what_was_approved_but_is_another_by_now_is_named() -> None:
    found = judge(SHOWN, YES, {"files": "b" * 64, "champion": "v1", "study": "s"})
    assert not found.approved
    assert "files was aaaaaaaaaaaa, is bbbbbbbbbbbb; study was nothing, is s" in found.verdict


@pytest.mark.parametrize(("moved", "more"), [(5, ()), (6, ("and 1 more",)), (8, ("and 3 more",))])
def test_five_differences_are_named_and_the_rest_counted(moved: int, more: tuple[str]) -> None:
    shown = {f"part {number}": "1" for number in range(9)}
    now = {name: "2" if number < moved else "1" for number, name in enumerate(shown)}

    result = differences(shown, now)

    assert result == (*(f"part {number} was 1, is 2" for number in range(5)), *more)


def test_going_against_the_evidence_has_to_be_said_and_is_recorded() -> None:
    assert "does not override it: v2 does not pass" in verdict(NOT_SHOWN)
    found = judge(NOT_SHOWN, replace(YES, against_the_evidence=True), SHOWN.content)
    assert (found.approved, found.reason) == (True, "against the evidence: seen")


def test_a_request_survives_the_trip_through_json_with_its_hash() -> None:
    again = from_json(Request, json.loads(json.dumps(json_values(SHOWN))))
    assert again == SHOWN
    assert again.bound_to == SHOWN.bound_to
    assert replace(SHOWN, content={"files": "c"}).bound_to != SHOWN.bound_to


@given(
    approve=st.booleans(),
    by=st.text(max_size=3),
    reason=st.text(max_size=3),
    against=st.booleans(),
    hours=st.floats(0, 48),
    moved=st.booleans(),
    borne_out=st.booleans(),
)
def test_nothing_is_approved_unless_everything_was_said_in_time_of_the_same_thing(
    approve: bool,
    by: str,
    reason: str,
    against: bool,
    hours: float,
    moved: bool,
    borne_out: bool,
) -> None:
    answer = ApprovalAnswer(
        approve=approve,
        by=by,
        reason=reason,
        against_the_evidence=against,
        waited=timedelta(hours=hours),
    )
    content = {**SHOWN.content, **({"champion": "v9"} if moved else {})}
    found = judge(replace(SHOWN, borne_out=borne_out), answer, content)
    whole = approve and by.strip() and reason.strip() and answer.waited < timedelta(hours=24)
    assert found.approved == bool(whole and not moved and (borne_out or against))
    assert found.approved or found.verdict.startswith("refused: ")
