"""Recovery: find runs whose process is gone, free their slots, and start work again.

Prefect learns that a run's process died only from the runner that watches it. If both were killed,
the run stays Running for ever and holds its deployment's only slot, so that the deployment never
runs again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_logger
from prefect.states import Cancelled, Crashed

from monitoring.notices import EndedRun
from tasks.runs.process_mark import LABEL, is_gone
from tasks.runs.recovery.ended_runs import ended_run
from tasks.runs.recovery.restarts import start_again
from tasks.runs.retrying import RETRIED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

OURS = "orbcast"
"""The tag of every Orbcast deployment."""

HEARTBEATS = "orbcast-heartbeats"
"""The tag of deployments whose runs a worker starts and Prefect ends when they go silent."""

WENT_SILENT = "it stopped responding: its process was killed, or its machine is gone"
"""Message of the state in which Prefect puts such runs."""

TOLD = "orbcast.told"
"""Label of a silent run that was reported, and restarted if it should be."""

LOOKED_BACK = timedelta(days=1)
"""How long ago a silent run may have ended; older work is not caught up."""

WORKER_BEGINS_WITHIN = timedelta(minutes=15)
"""Like ``BEGINS_WITHIN``, for a remote worker that may have to start a container first."""

BEGINS_WITHIN = timedelta(minutes=2)
"""A run that was given to a runner and has not started by then never will."""

LATE = timedelta(minutes=1)
"""A scheduled run that is later than this was due while no runner was running."""

_Kind = TypeVar("_Kind")
_BUSY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_PAGE = 200
_PLAIN = frozenset({"Scheduled", "Late", "AwaitingConcurrencySlot"})


@dataclass(frozen=True, slots=True)
class CrashedRun:
    """A run whose process is gone, and the name of the run started in its place, if any."""

    ended: EndedRun
    again: str | None


@task(
    name="find runs without a process",
    task_run_name="find runs without a process",
    **RETRIED,
)
def mark_crashed_runs(begins_within: timedelta = BEGINS_WITHIN) -> list[CrashedRun]:
    """Mark this machine's runs whose process is gone as crashed; restart those that should be.

    Runs that wait for an approval have no process and are in none of the states checked here, so
    they are left alone. So are runs of other machines, whose processes are not visible here.

    Parameters
    ----------
    begins_within
        A run that a runner of this home accepted longer ago, and that has not started, never will.
        Zero for a runner that has just started: whichever runner accepted the run before is gone,
        even one on another machine, since a home has one `orbcast up`.

    Returns
    -------
    list of CrashedRun
        In no particular order, without subflows, which died with their parents.
    """
    ended: list[CrashedRun] = []
    with get_client(sync_client=True) as client:
        for run in busy_runs(client):
            why = _death_of(client, run, begins_within)
            if why is None:
                continue
            state: State[Any] = (
                Cancelled(message=why)
                if run.state_type == StateType.CANCELLING
                else Crashed(message=why)
            )
            if not end_run(client, run, state):
                continue
            flow = client.read_flow(run.flow_id).name
            again = start_again(client, run) if state.is_crashed() else None
            if run.parent_task_run_id is None:
                ended.append(CrashedRun(ended_run(flow, run, state), again))
        ended += _silent_ones(client)
        free_slots(client)
    return ended


def _silent_ones(client: SyncPrefectClient) -> list[CrashedRun]:
    """Restart, once each, runs that Prefect marked as crashed because they went silent."""
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED])),
        tags=FlowRunFilterTags(all_=[HEARTBEATS]),
        end_time=FlowRunFilterEndTime(after_=datetime.now(UTC) - LOOKED_BACK),
    )
    ended = []
    for run in all_pages(partial(client.read_flow_runs, flow_run_filter=wanted)):
        if run.state is None or run.state.message != WENT_SILENT or TOLD in run.labels:
            continue
        again = start_again(client, run)
        # last: the steps before can be repeated without a second run or notice
        client.update_flow_run_labels(run.id, {TOLD: True})
        ended.append(
            CrashedRun(ended_run(client.read_flow(run.flow_id).name, run, run.state), again)
        )
    return ended


def drop_superseded(deployments: Iterable[UUID] | None, at: datetime) -> int:
    """Cancel scheduled runs that were due while no runner was running, except the last of a kind.

    A kind is a deployment with its parameters: after a night switched off, outcomes are logged
    once and not thirty times. A prediction's own slot is long over, and its row says `missed`.

    Parameters
    ----------
    deployments
        The deployments whose runs are checked; None for all of Orbcast.
    at
        Aware time, now.

    Returns
    -------
    int
        Number of cancelled runs.
    """
    last: dict[tuple[Any, ...], FlowRun] = {}
    dropped = 0
    with get_client(sync_client=True) as client:
        served = None if deployments is None else frozenset(deployments)
        for run in _overdue(client, served, at):
            kind = (run.deployment_id, repr(sorted(run.parameters.items())))
            before = last.get(kind)
            last[kind] = run
            if before is not None:
                words = "Orbcast was not running then; a later run of the same flow does its work"
                client.set_flow_run_state(before.id, Cancelled(message=words))
                dropped += 1
    return dropped


def free_slots(client: SyncPrefectClient) -> int:
    """Free our deployments' slots that no run holds any more, and return their number.

    This is checked twice, slots before runs, so that a run that starts or ends meanwhile keeps
    its slot.
    """
    once, twice = _unheld(client), _unheld(client)
    freed = 0
    for name, slots in once.items():
        if sure := min(slots, twice.get(name, 0)):
            client.release_concurrency_slots([name], sure, 1.0)  # the API requires seconds
            freed += sure
    return freed


def _unheld(client: SyncPrefectClient) -> dict[str, int]:
    """Return, for each of our deployments' limits, the taken slots that no run holds."""
    limits = {
        deployment.id: deployment.global_concurrency_limit
        for deployment in all_pages(client.read_deployments)
        if OURS in deployment.tags and deployment.global_concurrency_limit is not None
    }
    held = Counter(run.deployment_id for run in busy_runs(client))
    return {
        limit.name: limit.active_slots - held[run_id]
        for run_id, limit in limits.items()
        if limit.active_slots > held[run_id]
    }


def busy_runs(client: SyncPrefectClient) -> list[FlowRun]:
    """Return the runs whose state says that a process works on them."""
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_BUSY)),
    )
    return all_pages(partial(client.read_flow_runs, flow_run_filter=wanted))


def all_pages(read: Callable[..., list[_Kind]]) -> list[_Kind]:
    """Return all items of what the server returns in pages.

    Parameters
    ----------
    read
        Reads one page; it takes ``limit`` and ``offset``.
    """
    gathered: list[_Kind] = []
    while len(page := read(limit=_PAGE, offset=len(gathered))) == _PAGE:
        gathered += page
    return gathered + page


def _overdue(
    client: SyncPrefectClient, deployments: frozenset[UUID] | None, at: datetime
) -> list[FlowRun]:
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        tags=FlowRunFilterTags(all_=[OURS]),
    )
    late = [
        run
        for run in all_pages(partial(client.read_flow_runs, flow_run_filter=wanted))
        if (deployments is None or run.deployment_id in deployments)
        and run.state_name in _PLAIN
        and run.next_scheduled_start_time is not None
        and run.next_scheduled_start_time < at - LATE
    ]
    return sorted(late, key=lambda run: run.next_scheduled_start_time or at)


def _death_of(client: SyncPrefectClient, run: FlowRun, begins_within: timedelta) -> str | None:
    """Return why a busy run is dead; None if it is alive or that cannot be known."""
    mark = _mark_of(client, run)
    if mark is not None:
        gone = is_gone(mark)
        if gone is None and not begins_within and _is_of_up(client, run):
            return "it ran on a machine, or in a container, that this one has replaced"
        return "its process is gone: killed, or the machine stopped" if gone else None
    since = run.state.timestamp if run.state else None
    if OURS not in run.tags or since is None:
        return None
    if run.work_pool_name:
        if run.state_type != StateType.PENDING:
            return None  # a worker runs it, and Prefect watches its heartbeats
        begins_within = WORKER_BEGINS_WITHIN
    silent = datetime.now(UTC) - since  # Prefect's clock, which no simulated clock changes
    # our runs are marked before they start
    return (
        "it never started: the runner that took it was stopped" if silent > begins_within else None
    )


def _is_of_up(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Return whether a run, or its parent, is one that only `orbcast up` starts."""
    if run.parent_task_run_id is not None:
        parent = client.read_task_run(run.parent_task_run_id).flow_run_id
        return parent is not None and _is_of_up(client, client.read_flow_run(parent))
    return OURS in run.tags and run.deployment_id is not None and not run.work_pool_name


def end_run(client: SyncPrefectClient, run: FlowRun, state: State[Any]) -> bool:
    """Set a run's final state; False if it ended by itself meanwhile or the state cannot be set.

    Prefect (3.8 and 3.9.1) replies 500 when the run's deployment was deleted together with the
    slot that the run holds. Such a run must not stop the handling of the others.
    """
    try:
        return client.set_flow_run_state(run.id, state).status == SetStateStatus.ACCEPT
    except PrefectHTTPStatusError as error:
        get_logger(__name__).warning("run %s cannot be ended: %s", run.name, error)
        return False


def _mark_of(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Return a run's mark; for a subflow killed before it was marked, its parent's mark."""
    if LABEL not in run.labels and run.parent_task_run_id is not None:
        parent = client.read_task_run(run.parent_task_run_id).flow_run_id
        return None if parent is None else _mark_of(client, client.read_flow_run(parent))
    mark = run.labels.get(LABEL)
    return None if mark is None else str(mark)
