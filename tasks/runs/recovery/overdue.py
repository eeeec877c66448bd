"""Runs that exceed their time limit: their process is killed, and a notice is sent.

Prefect's own timeout is an exception in the run's main thread. A run that hangs in code that
never returns to Python, or that swallows the exception, would hold its deployment's slot for
ever. The warm runner ends such runs that it started itself. The flow *recover* ends those left
behind by a killed runner, and those started by Prefect's own worker.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Failed

from monitoring.notices import EndedRun
from tasks.runs.process_mark import LABEL, LIMIT_LABEL, is_gone, kill_process, process_number
from tasks.runs.recovery.crashed_runs import busy_runs, end_run
from tasks.runs.recovery.ended_runs import ended_run
from tasks.runs.retrying import RETRIED
from tasks.runs.time_limits import GRACE_SECONDS

if TYPE_CHECKING:
    from uuid import UUID

TIMED_OUT = "TimedOut"
"""Prefect's name for the state of a run that was ended at its limit."""


@task(name="end hanging runs", task_run_name="end hanging runs", **RETRIED)
def end_overdue(grace_seconds: float = GRACE_SECONDS) -> list[EndedRun]:
    """Kill the processes of this machine's runs that did not end at their limit.

    A run that a user started in a terminal is left alone: the user can stop it.

    Parameters
    ----------
    grace_seconds
        Seconds that a run has after its limit to end by itself.

    Returns
    -------
    list of EndedRun
        The runs that were ended now, in no particular order.
    """
    ended = []
    with get_client(sync_client=True) as client:
        for run in busy_runs(client):
            if not _is_overdue(run, grace_seconds):
                continue
            if (over := _time_out(client, run)) is not None:
                ended.append(over)
                kill_process(process_number(str(run.labels[LABEL])))
    return ended


def time_out(run: UUID) -> EndedRun | None:
    """Mark a run as timed out before its process is killed; None if it has already ended."""
    with get_client(sync_client=True) as client:
        return _time_out(client, client.read_flow_run(run))


def seconds_left(run: UUID, grace_seconds: float) -> float:
    """Return how long a run's process may still live: one that waited for its turn, longer."""
    with get_client(sync_client=True) as client:
        it = client.read_flow_run(run)
    limit = it.labels.get(LIMIT_LABEL)
    if limit is None or it.state is None:
        return 0.0
    return _seconds_left(it.state.timestamp, limit, grace_seconds)


def _seconds_left(since: datetime, limit: object, grace_seconds: float) -> float:
    return float(str(limit)) + grace_seconds - (datetime.now(UTC) - since).total_seconds()


def _time_out(client: SyncPrefectClient, run: FlowRun) -> EndedRun | None:
    limit = float(str(run.labels.get(LIMIT_LABEL, 0.0)))
    why = f"it did not end within {limit / 60.0:g} minutes, nor when cancelled; it was killed"
    if run.state is None or run.state.is_final():
        return None
    state: State[Any] = (
        Cancelled(message=why)
        if run.state.is_cancelling()
        else Failed(name=TIMED_OUT, message=why)
    )
    # marked before the kill, so that the death of the process is not taken for a crash
    if not end_run(client, run, state):
        return None
    return ended_run(client.read_flow(run.flow_id).name, run, state)


def _is_overdue(run: FlowRun, grace_seconds: float) -> bool:
    """Return whether a deployment's run exceeded its limit in a process that can be killed.

    A run that waited for an approval starts again from the top, and so does its time.
    """
    limit, mark = run.labels.get(LIMIT_LABEL), run.labels.get(LABEL)
    if run.deployment_id is None or run.parent_task_run_id is not None or run.state is None:
        return False
    if limit is None or mark is None or is_gone(str(mark)) is not False:
        return False
    return _seconds_left(run.state.timestamp, limit, grace_seconds) < 0.0
