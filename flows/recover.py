"""Recovery: runs that hang or whose process is gone are ended, told of, and started again."""

from __future__ import annotations

from typing import Any

from prefect import flow

from tasks.notices.notify import REPORTED, tell_of
from tasks.rollout.approval import expire_approvals
from tasks.runs.overdue import end_overdue
from tasks.runs.recovery import mark_crashed_runs
from tasks.runs.recovery_artifact import publish_recovery, recovery_in_words
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings, now


@flow(
    name="recover",
    flow_run_name=run_name("recover {day} {time}"),
    timeout_seconds=TIME_LIMITS["recover"],
    **REPORTED,
)
def recover() -> dict[str, Any]:
    """Find runs that look busy but hang or whose process was killed; free what they held.

    Runs that wait for a person's approval are left alone until their time is over; then they end
    as refused. `orbcast up` does the same when it starts.
    """
    hung = end_overdue()
    dead = mark_crashed_runs()
    rows = []
    for ended, again in [
        *((run, None) for run in hung),
        *((run.ended, run.again) for run in dead),
    ]:
        tell_of(ended)
        values = {name: getattr(ended, name) for name in ("flow", "run", "state", "words")}
        rows.append({**values, "again": again})
    refused = expire_approvals(current_settings(), now())
    verdict = recovery_in_words(len(dead), len(hung), len(refused))
    if rows or refused:
        publish_recovery(verdict, rows)
    return {"verdict": verdict, "dead": rows, "refused": list(refused)}
