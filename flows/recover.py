"""Recovery: end runs that hang or whose process is gone, report them, start them again."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow

from tasks.notices.notify import REPORTED, report_ended
from tasks.rollout.approval import expire_approvals
from tasks.runs.recovery.artifact import (
    Recovery,
    publish_recovery,
    recovered,
    recovery_in_words,
)
from tasks.runs.recovery.crashed_runs import drop_superseded, mark_crashed_runs
from tasks.runs.recovery.overdue import end_overdue
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings, now


@flow(
    name="recover",
    flow_run_name=run_name("recover {day} {time}"),
    timeout_seconds=TIME_LIMITS["recover"],
    **REPORTED,
)
def recover() -> Recovery:
    """Find runs that hang or whose process was killed; free what they held.

    Runs that wait for a person's approval are left alone until their time is over; then they end
    as refused. Of the runs that were due while nothing ran, only the last of each kind is kept.
    `orbcast up` and a worker do the same when they start.
    """
    hung = end_overdue()
    dead = mark_crashed_runs()
    drop_superseded(None, datetime.now(UTC))  # Prefect's own time, even if ours is set
    rows = recovered(hung, dead)
    for run in (*hung, *(crashed.ended for crashed in dead)):
        report_ended(run)
    refused = expire_approvals(current_settings(), now())
    verdict = recovery_in_words(len(dead), len(hung), len(refused))
    if rows or refused:
        publish_recovery(verdict, rows)
    return Recovery(verdict=verdict, dead=rows, refused=tuple(refused))
