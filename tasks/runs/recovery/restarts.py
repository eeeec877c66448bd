"""Restart crashed runs, a limited number of times."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow

TRIES = 2
"""How often a crashed run of a schedule or trigger is restarted."""

RESTARTS = "orbcast.restarts"
"""Label of a run that is restarted if it crashes, although no schedule started it."""

_AGAIN = "orbcast again "


def restart_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Restart a crashed run; Prefect's runner calls this hook with these keyword arguments."""
    del flow, state
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):  # deleted meanwhile
        start_again(client, client.read_flow_run(flow_run.id))


def start_again(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Start a new run of the same work unless a user started it; return the new run's name.

    A run started by a schedule, a trigger or this function is restarted with the same parameters,
    at most twice. A user restarts their own runs. Two calls start only one new run.
    """
    first, tries = lineage(run)
    if run.deployment_id is None or tries >= TRIES or not began_by_itself(run):
        return None
    started = client.create_flow_run_from_deployment(
        run.deployment_id,
        parameters=run.parameters,
        tags=run.tags,
        idempotency_key=f"{_AGAIN}{tries + 1} {first}",
    )
    return str(started.name)


def began_by_itself(run: FlowRun) -> bool:
    """Return whether a schedule, a trigger or a restart started a run, and not a user."""
    return (
        run.auto_scheduled
        or (run.created_by is not None and run.created_by.type in {"SCHEDULE", "AUTOMATION"})
        or lineage(run)[1] > 0
        or RESTARTS in run.labels
    )


def by_itself() -> bool:
    """Return whether the current run began by itself; False outside a run."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and began_by_itself(run)


def lineage(run: FlowRun) -> tuple[str, int]:
    """Return the id of the original run, and how often it was restarted since."""
    key = run.idempotency_key or ""
    if not key.startswith(_AGAIN):
        return str(run.id), 0
    tries, first = key.removeprefix(_AGAIN).split(" ", 1)
    return first, int(tries)
