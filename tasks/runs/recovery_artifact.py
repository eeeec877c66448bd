"""What a recovery shows in the Prefect UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.runs.artifacts import publish, table

_RUNS = {
    "flow": "Flow",
    "run": "Run",
    "state": "Now",
    "words": "Why",
    "again": "Started again as",
}


def recovery_in_words(dead: int, hung: int, refused: int) -> str:
    """Return how many runs had no process, hung, or waited too long for an approval."""
    verdict = f"{dead} runs had no process any more" if dead else "every run has its process"
    if hung:
        verdict += f"; {hung} runs that hung were killed"
    if refused:
        verdict += f"; {refused} approvals were refused, since nobody answered in time"
    return verdict


def publish_recovery(verdict: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Publish the runs that were ended and those started again."""
    publish("recovered", verdict, table(rows, _RUNS) if rows else "")
