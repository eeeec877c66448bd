"""Start a deployment's run on the running server and wait for its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, StateType

from ml_core.errors import InputError, OperatorError, TransientError

Say = Callable[[str], None]

LOOK_EVERY_SECONDS = 0.5
_LIMIT_REACHED = "concurrency limit"  # part of Prefect's message when CANCEL_NEW applies
# for a run elsewhere, only the error's name and message are known
_BUSY = ("DatabaseLockedError", "LakeBusyError")
_TO_MEND = ("SourceError", "BatchRefusedError", "NoSourceError", "SourcesFileError")


class NotBegunError(OperatorError):
    """A run that no runner has started."""

    run: str
    seconds: float
    template = (
        "run {run} was created and has not begun within {seconds:g} s; look at "
        "logs/runner.log in the home. It begins as soon as a runner takes it"
    )


class StillRunningError(TransientError):
    """A run that takes longer than the command may wait."""

    run: str
    seconds: float
    template = "run {run} has not ended within {seconds:g} s, and goes on by itself"


class ServedRunFailedError(OperatorError):
    """A run that failed on the server."""

    run: str
    state: str
    words: str
    template = "run {run} ended {state}: {words}"


class SourceBusyError(TransientError):
    """A run that ended because its source stayed locked."""

    run: str
    words: str
    template = "run {run} gave up: {words}"


class SourceAtFaultError(InputError):
    """A run that ended because its source cannot be used."""

    run: str
    words: str
    template = "run {run} failed: {words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRun:
    """A completed run, and the verdict that its artifact shows."""

    id: str
    name: str
    verdict: str | None


def run_served(deployment: str, parameters: dict[str, Any], wait: float, say: Say) -> ServedRun:
    """Start a deployment's run, after a run that is active, and wait for its end.

    Parameters
    ----------
    deployment
        ``flow-name/deployment-name``.
    parameters
        Parameters that differ from the deployment's own.
    wait
        Seconds to wait in all.
    say
        Called with each change of state, in words.

    Raises
    ------
    prefect.exceptions.ObjectNotFound
        The server has no such deployment.
    NotBegunError, ServedRunFailedError
        The operator must act.
    SourceAtFaultError
        The trader must correct the source.
    StillRunningError, SourceBusyError
        A later try may succeed.
    """
    deadline = time.monotonic() + wait
    with get_client(sync_client=True) as client:
        response = client.read_deployment_by_name(deployment)
        while True:
            _until_none_runs(client, response.id, deadline, say)
            run = client.create_flow_run_from_deployment(response.id, parameters=parameters)
            run = _until_it_ends(client, run, deadline, wait, say)
            if not _cancelled_by_limit(run):
                return _ended(client, run)
            say("another run was faster; waiting for it")


def _until_none_runs(
    client: SyncPrefectClient, deployment: UUID, deadline: float, say: Say
) -> None:

    busy = filters.FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
    wanted = filters.FlowRunFilter(
        deployment_id=filters.FlowRunFilterDeploymentId(any_=[deployment]),
        state=filters.FlowRunFilterState(type=busy),
    )
    remarked = False
    while there := client.read_flow_runs(flow_run_filter=wanted, limit=1):
        if time.monotonic() > deadline:
            return
        if not remarked:
            say(f"{there[0].name} is under way; the new run begins after it")
            remarked = True
        time.sleep(LOOK_EVERY_SECONDS)


def _until_it_ends(
    client: SyncPrefectClient, run: FlowRun, deadline: float, wait: float, say: Say
) -> FlowRun:
    before = None
    while True:
        run = client.read_flow_run(run.id)
        if run.state_name != before:
            before = run.state_name
            say(f"run {run.name}: {before}")
        if run.state is not None and run.state.is_final():
            return run
        if time.monotonic() > deadline:
            begun = run.start_time is not None
            raise (StillRunningError if begun else NotBegunError)(run.name, wait)
        time.sleep(LOOK_EVERY_SECONDS)


def _cancelled_by_limit(run: FlowRun) -> bool:
    """Return whether the deployment's limit, not a person, cancelled a run."""
    state = run.state
    return (
        state is not None
        and state.is_cancelled()
        and _LIMIT_REACHED in (state.message or "").lower()
    )


def _ended(client: SyncPrefectClient, run: FlowRun) -> ServedRun:
    if run.state is None or not run.state.is_completed():
        words = str(run.state.message if run.state else "").removeprefix(
            "Flow run encountered an exception: "
        )
        name, _, text = words.partition(": ")
        if name in _BUSY:
            raise SourceBusyError(run.name, text)
        if name in _TO_MEND:
            raise SourceAtFaultError(run.name, text)
        raise ServedRunFailedError(run.name, str(run.state_name).lower(), words or "no message")
    return ServedRun(id=str(run.id), name=run.name, verdict=_verdict(client, run.id))


def _verdict(client: SyncPrefectClient, run: UUID) -> str | None:

    of_run = filters.ArtifactFilter(flow_run_id=filters.ArtifactFilterFlowRunId(any_=[run]))
    artifacts = client.read_artifacts(artifact_filter=of_run)
    return next((artifact.description for artifact in artifacts if artifact.description), None)
