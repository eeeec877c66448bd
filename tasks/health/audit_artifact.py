"""The Prefect artifact of an audit: parity and look-ahead."""

from __future__ import annotations

from dataclasses import dataclass

from ml_core.features.audit import AuditSummary
from ml_core.health.parity import ParityReport
from ml_core.json_values import field_values
from tasks.runs.artifacts import bullets, publish, table

_DIFFERENCES = {
    "slot": "Slot",
    "role": "Role",
    "cause": "Cause",
    "features": "Features",
    "bars": "Bars",
}
_LOOKAHEAD = {
    "decisions": "Decisions audited",
    "features": "Features",
    "clean": "Without look-ahead",
}
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """Result of a run of audit.

    Attributes
    ----------
    verdict
        The result of the parity audit, in a sentence.
    parity
        Each logged prediction whose recomputed features differ, and why.
    lookahead
        Whether a feature used data from after the decision.
    """

    verdict: str
    parity: ParityReport
    lookahead: AuditSummary


def publish_audit(market: str, parity: ParityReport, lookahead: AuditSummary) -> None:
    """Publish which logged features differ from the lake, and whether any sees the future."""
    differing = [
        {
            **field_values(entry),
            "features": ", ".join(difference.feature for difference in entry.differences[:5]),
            "bars": "; ".join(entry.changes[:3]),
        }
        for entry in parity.differing[:_MOST_ROWS]
    ]
    publish(
        f"audit-{market}",
        f"{parity.verdict}; {_lookahead_words(lookahead)}",
        table(differing, _DIFFERENCES) if differing else "",
        table([lookahead], _LOOKAHEAD),
        bullets(lookahead.leaks),
    )


def _lookahead_words(lookahead: AuditSummary) -> str:
    audited = f"{lookahead.features} features of {lookahead.decisions} decisions"
    leaks = len(lookahead.leaks)
    return f"of {audited}, {leaks or 'none'} {'see' if leaks > 1 else 'sees'} the future"
