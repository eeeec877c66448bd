"""A Prefect runner whose flow runs start warm, forked from a process with all imports done.

Prefect starts ``python -m prefect.engine`` for each run, and its imports take seconds. Here each
run is a child of a fork server that did the imports once. Everything else (polling, limits,
cancelling, crashes, hooks) is Prefect's own runner. A crash affects only the child.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import UUID

import anyio
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runner import Runner
from prefect.runner._process_manager import ProcessHandle  # has no public name

from deployments.serving.run_queue import QueuedProposer, RunQueue
from deployments.serving.warm_child import flow_of, run_in_child
from tasks import notices, runs
from tasks.runs.process_mark import kill_process
from tasks.runs.time_limits import GRACE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnProcess

    from anyio.abc import TaskStatus
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.deployments.runner import RunnerDeployment

    from deployments.serving.registration import Registered

PRELOADED = ["deployments.serving.warm_imports", "deployments.serving.warm_child"]
LOWER = 10
"""Added to the niceness of runs that are not intraday."""

POLL_SECONDS = 0.5

READY_SECONDS = 30.0
"""How often Prefect hears that the deployments are served; it waits 60 s for that."""


class DueRunsClient:
    """Prefect's client, whose question for due runs writes nothing most of the time.

    With each answer, Prefect's server notes for all deployments when they were last asked for.
    With 650 deployments, which fifty markets have, that took 0.2 s of processor and the write
    lock of its SQLite database, twice a second. Here it is done every ``READY_SECONDS``; between,
    the same runs are read without it.

    Parameters
    ----------
    client
        Prefect's own, to which everything else goes.
    """

    def __init__(self, client: PrefectClient) -> None:
        self._prefect_client = client
        self._noted_at = float("-inf")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prefect_client, name)

    async def get_scheduled_flow_runs_for_deployments(
        self, deployment_ids: list[UUID], scheduled_before: datetime
    ) -> list[FlowRun]:
        """Return the deployments' runs that are scheduled before a time, earliest first."""
        if time.monotonic() - self._noted_at >= READY_SECONDS:
            due = await self._prefect_client.get_scheduled_flow_runs_for_deployments(
                deployment_ids, scheduled_before
            )
            self._noted_at = time.monotonic()
            return due
        return await self._prefect_client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=deployment_ids)),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(
                    before_=scheduled_before
                ),
            ),
            sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
        )


class WarmRunner(Runner):
    """Prefect's runner with warm children.

    Parameters
    ----------
    intraday
        Entrypoints whose runs keep the runner's own priority; others yield to them.
    queues
        Flows of which only so many runs may have a process at a time.
    grace_seconds
        Seconds that a run has after its time limit to end by itself.
    options
        Options of Prefect's runner.
    """

    def __init__(
        self,
        *,
        intraday: frozenset[str],
        queues: tuple[RunQueue, ...] = (),
        grace_seconds: float = GRACE_SECONDS,
        **options: Any,
    ) -> None:
        super().__init__(query_seconds=POLL_SECONDS, **options)
        self._intraday, self._queues = intraday, queues
        self._grace_seconds = grace_seconds
        self._entrypoints: dict[UUID, str] = {}
        self._context = _forking()

    async def serve_deployment(
        self, deployment: RunnerDeployment, registered: Registered | None = None
    ) -> UUID:
        """Serve a deployment; register it unless Prefect already has it as specified."""
        if registered is not None and registered.is_as(deployment):
            deployment_id = registered.deployment.id
            self._deployment_registry.register_deployment(deployment_id, deployment.name)
        else:
            deployment_id = await self.aadd_deployment(deployment)
        self._entrypoints[deployment_id] = str(deployment.entrypoint)
        return deployment_id

    async def __aenter__(self) -> Self:
        """Start as Prefect's runner does, then replace its cold starter by the warm one."""
        await super().__aenter__()
        poller = self._scheduled_run_poller
        poller._client = DueRunsClient(poller._client)  # type: ignore[assignment]  # noqa: SLF001
        poller._resolve_starter = self._starter  # noqa: SLF001 - see tests
        self._proposer = QueuedProposer(
            poller._state_proposer,  # noqa: SLF001
            self._queues,
            self._entrypoints,
            lambda: poller._submitting_flow_run_ids,  # noqa: SLF001
        )
        poller._state_proposer = self._proposer  # type: ignore[assignment]  # noqa: SLF001
        return self

    def _starter(self, flow_run: FlowRun) -> WarmStarter:
        run_id = flow_run.deployment_id
        if run_id is None or run_id not in self._entrypoints:
            message = f"run {flow_run.name} is of a deployment that is not served here"
            raise RuntimeError(message)
        entrypoint = self._entrypoints[run_id]
        time_limit = flow_of(entrypoint).timeout_seconds
        return WarmStarter(
            self._context,
            entrypoint,
            str(self._deployment_registry.get_deployment_name(run_id) or ""),
            0 if entrypoint in self._intraday else LOWER,
            self._control_channel,
            lives_for=None if time_limit is None else time_limit + self._grace_seconds,
            grace_seconds=self._grace_seconds,
            ended=self._proposer.ended,
        )


class WarmStarter:
    """Starts one flow run as a child of the fork server, with the interface of Prefect's starter.

    A child that outlives the flow's time limit and the grace period is killed.
    """

    def __init__(
        self,
        context: ForkServerContext,
        entrypoint: str,
        deployment: str,
        lower: int,
        control: Any,
        *,
        lives_for: float | None,
        grace_seconds: float,
        ended: Callable[[FlowRun], Awaitable[None]],
    ) -> None:
        self._context, self._entrypoint = context, entrypoint
        self._deployment, self._lower, self._control = deployment, lower, control
        self._lives_for, self._grace_seconds = lives_for, grace_seconds
        self._ended = ended

    async def start(
        self,
        flow_run: FlowRun,
        task_status: TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Fork the child, pass its handle on, and wait for its end; then its place is free."""
        try:
            await self._run(flow_run, task_status)
        finally:
            await self._ended(flow_run)

    async def _run(self, flow_run: FlowRun, task_status: TaskStatus[ProcessHandle]) -> None:
        environment = {
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__DEPLOYMENT_NAME": self._deployment,
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
        }
        with contextlib.suppress(RuntimeError):  # without a listener, cancelling kills the run
            port, token = self._control.register(flow_run.id)
            environment |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        child = self._context.Process(
            target=run_in_child,
            args=(flow_run.model_dump_json(), self._entrypoint, environment, self._lower),
            name=flow_run.name,
        )
        child.start()
        task_status.started(ProcessHandle(cast("SpawnProcess", child)))  # has its methods
        await anyio.to_thread.run_sync(self._join, flow_run.id, child)
        if child.exitcode is None:
            await anyio.to_thread.run_sync(_end_overdue, flow_run.id, child)

    def _join(self, run: UUID, child: ForkServerProcess) -> None:
        """Wait for a child's end, or until it has lived for longer than it may."""
        child.join(self._lives_for)
        with contextlib.suppress(Exception):  # no server to ask: it has lived long enough
            while child.exitcode is None:
                left = runs.recovery.overdue.seconds_left(run, self._grace_seconds)
                if left <= 0.0:
                    return
                child.join(left)


def _end_overdue(run: UUID, child: ForkServerProcess) -> None:
    """Kill a child that did not end in time, even if its run cannot be marked as ended."""
    try:
        ended = runs.recovery.overdue.time_out(run)
    finally:
        kill_process(child.pid or 0)
        child.join()
    if ended is not None:
        notices.notify.report_ended(ended)


def warm_up() -> None:
    """Start the fork server; return when its imports are done."""
    first = _forking().Process(target=_do_nothing)
    first.start()
    first.join()


def _forking() -> ForkServerContext:
    """Return the context that forks; a process has one fork server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _do_nothing() -> None:
    """Do nothing: the first child is started only to have the fork server do its imports."""
