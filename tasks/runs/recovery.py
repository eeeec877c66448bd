"""Recovery: runs whose process is gone, slots they held, and what is started again.

Prefect learns of a death only from whoever watches the process. If both were killed, the run stays
Running for ever, holds its deployment's only slot, and nothing of its kind runs any more.
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
from tasks.runs.ended_runs import ended_run
from tasks.runs.process_mark import LABEL, is_gone
from tasks.runs.restarts import start_again
from tasks.runs.retrying import RETRIED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

OURS = "orbcast"
"""The tag of every deployment of Orbcast."""

HEARTBEATS = "orbcast-heartbeats"
"""The tag of deployments whose runs a worker starts, and Prefect ends when they go silent."""

WENT_SILENT = "it went silent: its process was killed, or its machine is gone"
"""Message of the state that it puts them in."""

TOLD = "orbcast.told"
"""Label of a silent run that was told of, and started again where it should be."""

LOOKED_BACK = timedelta(days=1)
"""How long ago a silent run may have ended: after a longer night its work is not caught up."""

WORKER_BEGINS_WITHIN = timedelta(minutes=15)
"""As ``BEGINS_WITHIN``, of a worker elsewhere that may have to start a container first."""

BEGINS_WITHIN = timedelta(minutes=2)
"""A run that was handed to a runner and has not begun by then never will."""

LATE = timedelta(minutes=1)
"""A scheduled run that is this late was due while nothing ran."""

_Kind = TypeVar("_Kind")
_BUSY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_PAGE = 200
_PLAIN = frozenset({"Scheduled", "Late"})


@dataclass(frozen=True, slots=True)
class Dead:
    """A run whose process is gone, and the name of the run started in its stead, if any."""

    ended: EndedRun
    again: str | None


@task(
    name="find runs whose process is gone",
    task_run_name="find runs whose process is gone",
    **RETRIED,
)
def mark_crashed_runs(begins_within: timedelta = BEGINS_WITHIN) -> list[Dead]:
    """Mark runs of this machine as crashed whose process is gone; start again what should be.

    Runs that wait for a person have no process, and none of these states: they are left alone. So
    are runs of other machines, whose processes cannot be seen from here.

    Parameters
    ----------
    begins_within
        A run that a runner of this home took this long ago, and that has not begun, never will.
        Nothing for a runner that comes up: whoever took it before is gone, on another machine
        too, since a home has one `orbcast up`.

    Returns
    -------
    list of Dead
        In no order; subflows died with their parents and are not among them.
    """
    ended: list[Dead] = []
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
                ended.append(Dead(ended_run(flow, run, state), again))
        ended += _silent_ones(client)
        free_slots(client)
    return ended


def _silent_ones(client: SyncPrefectClient) -> list[Dead]:
    """Start again what Prefect itself marked as crashed, since nobody saw it end; each once."""
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
        # last: what is done twice makes no second run and no second notice
        client.update_flow_run_labels(run.id, {TOLD: True})
        ended.append(Dead(ended_run(client.read_flow(run.flow_id).name, run, run.state), again))
    return ended


def drop_superseded(deployments: Iterable[UUID] | None, at: datetime) -> int:
    """Cancel scheduled runs that were due while nothing ran, but for the last of each kind.

    A kind is a deployment with its parameters: after a night switched off, outcomes are logged
    once and not thirty times; a prediction's own slot is long over, and its row says `missed`.

    Parameters
    ----------
    deployments
        Those whose runs are looked at; all of Orbcast if None.
    at
        Aware time, now.

    Returns
    -------
    int
        How many were cancelled.
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
                words = "Orbcast was not running then; a later run of the same does its work"
                client.set_flow_run_state(before.id, Cancelled(message=words))
                dropped += 1
    return dropped


def free_slots(client: SyncPrefectClient) -> int:
    """Free slots of our deployments that no run holds any more; give how many.

    Looked at twice, slots before runs: a run that begins or ends meanwhile keeps its own.
    """
    once, twice = _unheld(client), _unheld(client)
    freed = 0
    for name, slots in once.items():
        if sure := min(slots, twice.get(name, 0)):
            client.release_concurrency_slots([name], sure, 1.0)  # of seconds: it asks for some
            freed += sure
    return freed


def _unheld(client: SyncPrefectClient) -> dict[str, int]:
    """Return the slots taken of each of our deployments' limits beyond the runs that hold one."""
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
    """Return the runs that look as if a process were at work on them."""
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_BUSY)),
    )
    return all_pages(partial(client.read_flow_runs, flow_run_filter=wanted))


def all_pages(read: Callable[..., list[_Kind]]) -> list[_Kind]:
    """Return all that there is of what the server gives out by pages.

    Parameters
    ----------
    read
        Reads a page: it takes ``limit`` and ``offset``.
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
    """Return why a run that looks busy is dead; None if it lives, or if that cannot be known."""
    mark = _mark_of(client, run)
    if mark is not None:
        gone = is_gone(mark)
        if gone is None and not begins_within and _is_of_up(client, run):
            return "it ran on a machine, or in a container, whose place this one has taken"
        return "its process is gone: killed, or the machine stopped" if gone else None
    since = run.state.timestamp if run.state else None
    if OURS not in run.tags or since is None:
        return None
    if run.work_pool_name:
        if run.state_type != StateType.PENDING:
            return None  # it is a worker's, and Prefect hears from it, or does not
        begins_within = WORKER_BEGINS_WITHIN
    silent = datetime.now(UTC) - since  # Prefect's own time, whatever ours is
    # a run of ours is marked before it begins
    return (
        "it never began: the runner that took it was stopped" if silent > begins_within else None
    )


def _is_of_up(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Return whether a run, or what it is part of, is one that `orbcast up` alone starts."""
    if run.parent_task_run_id is not None:
        parent = client.read_task_run(run.parent_task_run_id).flow_run_id
        return parent is not None and _is_of_up(client, client.read_flow_run(parent))
    return OURS in run.tags and run.deployment_id is not None and not run.work_pool_name


def end_run(client: SyncPrefectClient, run: FlowRun, state: State[Any]) -> bool:
    """Put a run into its last state; False if it ended by itself meanwhile, or cannot be.

    Prefect (3.9.1 as 3.8) answers 500 to the end of a run whose deployment was deleted with the
    slot that the run holds; that one shall not hide the others.
    """
    try:
        return client.set_flow_run_state(run.id, state).status == SetStateStatus.ACCEPT
    except PrefectHTTPStatusError as error:
        get_logger(__name__).warning("run %s cannot be ended: %s", run.name, error)
        return False


def _mark_of(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Return a run's mark; of a subflow killed before it was marked, its parent's."""
    if LABEL not in run.labels and run.parent_task_run_id is not None:
        parent = client.read_task_run(run.parent_task_run_id).flow_run_id
        return None if parent is None else _mark_of(client, client.read_flow_run(parent))
    mark = run.labels.get(LABEL)
    return None if mark is None else str(mark)
