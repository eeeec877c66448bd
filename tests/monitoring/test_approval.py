"""The verdict on an answer: only a complete, timely approval of the request's content counts."""

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

REQUESTED_AT = datetime(2025, 6, 30, 8, 0, tzinfo=UTC)
REQUEST = Request(
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
    asked_at=REQUESTED_AT,
    until=REQUESTED_AT + timedelta(hours=24),
)
NOT_PROVEN = replace(
    REQUEST, borne_out=False, verdict="v2 does not pass the promotion rule: brier."
)
YES = ApprovalAnswer(
    approve=True,
    by="ana",
    reason="seen",
    against_the_evidence=False,
    waited=timedelta(hours=1),
)


def verdict(request: Request = REQUEST, **changed: object) -> str:
    judgement = judge(request, replace(YES, **changed), request.content)  # type: ignore[arg-type]
    assert not judgement.approved
    return judgement.verdict


def test_a_complete_approval_of_the_shown_content_counts() -> None:
    judgement = judge(REQUEST, YES, REQUEST.content)
    assert (judgement.approved, judgement.verdict) == (True, "approved by ana: seen")
    assert judgement.reason == "seen"


@pytest.mark.parametrize(
    ("by", "reason", "lacks"),
    [
        ("", "seen", "a name"),
        ("ana", " ", "a reason"),
        ("\t", "", "a name and a reason"),
        (NOBODY, "ok", "a name"),
    ],
)
def test_an_approval_without_a_name_or_a_reason_names_what_is_missing(
    by: str, reason: str, lacks: str
) -> None:
    refusal = verdict(by=by, reason=reason)
    assert refusal == f"refused: approved without {lacks}; request it again"


def test_an_empty_answer_and_a_refusal_refuse() -> None:
    assert verdict(approve=False, by="", reason="") == "refused: it was not approved"
    assert verdict(approve=False, reason="not yet") == "refused: by ana: not yet"


def test_an_unanswered_request_is_refused_and_a_late_approval_too() -> None:
    day = timedelta(hours=24)
    nobody = "refused: nobody answered by 2025-07-01 08:00 UTC"
    assert verdict(approve=False, by="", reason="", waited=day) == nobody
    assert verdict(approve=False, by=NOBODY, reason="x") == nobody
    assert "ana approved it after the deadline" in verdict(waited=day)
    assert judge(
        REQUEST, replace(YES, waited=day - timedelta(seconds=1)), REQUEST.content
    ).approved


def test_content_that_changed_since_the_request_is_named() -> None:
    judgement = judge(REQUEST, YES, {"files": "b" * 64, "champion": "v1", "study": "s"})
    assert not judgement.approved
    assert "files was aaaaaaaaaaaa, is bbbbbbbbbbbb; study was nothing, is s" in judgement.verdict


@pytest.mark.parametrize(
    ("changed", "more"), [(5, ()), (6, ("and 1 more",)), (8, ("and 3 more",))]
)
def test_five_differences_are_named_and_the_rest_counted(changed: int, more: tuple[str]) -> None:
    before = {f"part {number}": "1" for number in range(9)}
    now = {name: "2" if number < changed else "1" for number, name in enumerate(before)}

    result = differences(before, now)

    assert result == (*(f"part {number} was 1, is 2" for number in range(5)), *more)


def test_an_approval_against_the_evidence_must_be_explicit_and_is_recorded() -> None:
    assert "does not override it: v2 does not pass" in verdict(NOT_PROVEN)
    judgement = judge(NOT_PROVEN, replace(YES, against_the_evidence=True), REQUEST.content)
    assert (judgement.approved, judgement.reason) == (True, "against the evidence: seen")


def test_a_request_survives_the_trip_through_json_with_its_hash() -> None:
    again = from_json(Request, json.loads(json.dumps(json_values(REQUEST))))
    assert again == REQUEST
    assert again.bound_to == REQUEST.bound_to
    assert replace(REQUEST, content={"files": "c"}).bound_to != REQUEST.bound_to


@given(
    approve=st.booleans(),
    by=st.text(max_size=3),
    reason=st.text(max_size=3),
    against=st.booleans(),
    hours=st.floats(0, 48),
    changed=st.booleans(),
    borne_out=st.booleans(),
)
def test_nothing_is_approved_without_a_complete_timely_answer_to_the_same_content(
    approve: bool,
    by: str,
    reason: str,
    against: bool,
    hours: float,
    changed: bool,
    borne_out: bool,
) -> None:
    answer = ApprovalAnswer(
        approve=approve,
        by=by,
        reason=reason,
        against_the_evidence=against,
        waited=timedelta(hours=hours),
    )
    content = {**REQUEST.content, **({"champion": "v9"} if changed else {})}
    judgement = judge(replace(REQUEST, borne_out=borne_out), answer, content)
    whole = approve and by.strip() and reason.strip() and answer.waited < timedelta(hours=24)
    assert judgement.approved == bool(whole and not changed and (borne_out or against))
    assert judgement.approved or judgement.verdict.startswith("refused: ")
