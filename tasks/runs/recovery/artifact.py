"""The Prefect artifact of a recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.notices import EndedRun
from tasks.runs.artifacts import publish, table
from tasks.runs.recovery.crashed_runs import CrashedRun

_RUNS = {
    "flow": "Flow",
    "run": "Run",
    "state": "Now",
    "words": "Why",
    "again": "Started again as",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredRun:
    """A run that was ended, why, and the name of the run started in its place, if any."""

    flow: str
    run: str
    state: str
    words: str
    again: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Result of a run of recover.

    Attributes
    ----------
    verdict
        The result in one line.
    dead
        Runs that hung or whose process was gone.
    refused
        Requests for approval that were not answered in time.
    """

    verdict: str
    dead: tuple[RecoveredRun, ...]
    refused: tuple[str, ...]


def recovered(hung: Sequence[EndedRun], crashed: Sequence[CrashedRun]) -> tuple[RecoveredRun, ...]:
    """Return the ended runs, those that hung first."""
    ended = [*((run, None) for run in hung), *((run.ended, run.again) for run in crashed)]
    return tuple(
        RecoveredRun(flow=run.flow, run=run.run, state=run.state, words=run.words, again=again)
        for run, again in ended
    )


def recovery_in_words(crashed: int, hung: int, refused: int) -> str:
    """Return in words how many runs had no process, hung, or waited too long for an approval."""
    verdict = f"{crashed} runs no longer had a process" if crashed else "every run has a process"
    if hung:
        verdict += f"; {hung} runs that hung were killed"
    if refused:
        verdict += f"; {refused} approvals were refused, since nobody answered in time"
    return verdict


def publish_recovery(verdict: str, rows: Sequence[RecoveredRun]) -> None:
    """Publish the ended runs and the restarted ones."""
    publish("recovered", verdict, table(rows, _RUNS) if rows else "")
