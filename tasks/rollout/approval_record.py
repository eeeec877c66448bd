"""The permanent record of approvals and refusals: who, why, and on what evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ml_core.json_values import json_values
from registry.models.decisions import DecisionRecord, list_decisions, record_decision
from tasks.rollout.approval import AnsweredRequest, ApprovalResult
from tasks.settings import Settings

KIND = "approval"


def recorded_result(settings: Settings, market: str, run: str) -> ApprovalResult | None:
    """Return the recorded result of a run's approval, so that a rerun does nothing more."""
    for decision in list_decisions(settings.database(), market):
        if decision.kind == KIND and decision.evidence["run"] == run:
            return _result_of(decision)
    return None


def record_result(
    settings: Settings,
    answered: AnsweredRequest,
    verdict: str,
    *,
    approved: bool,
    done: bool,
    at: datetime,
) -> ApprovalResult:
    """Record the result of an approval.

    Parameters
    ----------
    settings
        Settings.
    answered
        The request and the answer.
    verdict
        One sentence.
    approved
        Whether the answer was a complete approval of what was shown.
    done
        Whether the approved change was made.
    at
        Aware time.
    """
    request, answer = answered.request, answered.answer
    evidence: dict[str, Any] = {
        "run": answered.run,
        "approved": approved,
        "done": done,
        "by": answer.by.strip(),
        "reason": answer.reason.strip(),
        "against_the_evidence": answer.against_the_evidence,
        "seconds_waited": round(answer.waited.total_seconds()),
        "bound_to": request.bound_to,
        "request": json_values(request),
    }
    if request.kind == "promotion":
        # the same names as for automatic decisions, so that one history reads both
        evidence["conditions"] = evidence["request"]["findings"]
    record = DecisionRecord(
        market=request.market,
        kind=KIND,
        version=request.version,
        verdict=verdict,
        reasons=[
            f"{finding.name} {finding.status}: {finding.words}" for finding in request.findings
        ],
        evidence=evidence,
        at=at,
    )
    record_decision(settings.database(), record)
    return _result_of(record)


def _result_of(record: DecisionRecord) -> ApprovalResult:
    names = ("run", "approved", "done", "by", "reason", "bound_to")
    request = record.evidence["request"]
    return ApprovalResult(
        verdict=f"{request['title']}: {record.verdict}",
        market=record.market,
        version=record.version,
        subject=request["subject"],
        **{name: record.evidence[name] for name in names},
    )
