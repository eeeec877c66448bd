"""What an audit shows in the Prefect UI: parity and look-ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_core.health.parity import Audited, ParityReport
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
_MOST_ROWS = 20


def publish_audit(market: str, parity: ParityReport, lookahead: Mapping[str, Any]) -> None:
    """Publish what differs from the lake, and whether a feature sees the future."""
    differing = [_row(entry) for entry in parity.differing[:_MOST_ROWS]]
    publish(
        f"audit-{market}",
        f"{parity.verdict}; {_lookahead_words(lookahead)}",
        table(differing, _DIFFERENCES) if differing else "",
        table([lookahead], _LOOKAHEAD),
        bullets(lookahead["leaks"]),
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
