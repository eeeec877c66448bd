"""What an audit shows in the Prefect UI: parity and look-ahead, and the gates of the rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring.pages.markdown import code, escaped
from monitoring.parity import Audited, ParityReport
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
    "clean": "None saw the future",
}
_GATES = {"name": "Gate", "passed": "Passed", "figure": "Figure", "missing": "Missing"}
_MOST_ROWS = 20


def publish_audit(market: str, parity: ParityReport, lookahead: Mapping[str, Any]) -> None:
    """Publish what differs from the lake, and whether a feature sees the future."""
    differing = [_row(entry) for entry in parity.audited if entry.cause != "same"]
    publish(
        f"audit-{market}",
        f"{parity.verdict}; {_lookahead_words(lookahead)}",
        table(differing[:_MOST_ROWS], _DIFFERENCES) if differing else "",
        table([lookahead], _LOOKAHEAD),
        bullets(lookahead["leaks"]),
    )


def publish_rollout(market: str, rollout: Mapping[str, Any]) -> None:
    """Publish the stage of a market and the gates before the next."""
    gates, step = rollout["gates"], rollout["next_step"]
    missing = sum(not gate["passed"] for gate in gates)
    publish(
        f"rollout-{market}",
        f"{rollout['market']}: {rollout['stage']}; {missing} gates missing before "
        f"{rollout['next'] or 'nothing more'}",
        table(gates, _GATES) if gates else "",
        f"Next: {code(step) if step.startswith('orbcast ') else escaped(step)}",
    )


def _lookahead_words(lookahead: Mapping[str, Any]) -> str:
    audited = f"{lookahead['features']} features of {lookahead['decisions']} decisions"
    leaks = len(lookahead["leaks"])
    return f"of {audited}, {leaks or 'none'} {'see' if leaks > 1 else 'sees'} the future"


def _row(entry: Audited) -> dict[str, Any]:
    return {
        "slot": entry.slot,
        "role": entry.role,
        "cause": entry.cause,
        "features": ", ".join(difference.feature for difference in entry.differences[:5]),
        "bars": "; ".join(entry.changes[:3]),
    }
