"""Flow runs in the states, and with the marks, that a dead process leaves."""

from __future__ import annotations

import json
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State

from tasks.runs.process_mark import LABEL, mark
from tasks.runs.recovery.restarts import RESTARTS

HOST, PID, BEGAN = json.loads(mark())
GONE = json.dumps([HOST, PID, BEGAN - 3600.0])  # the same number an hour ago: another process
ELSEWHERE = json.dumps(["another machine", 1, 0.0])


def begun(
    client: SyncPrefectClient,
    served: UUID,
    marked: str | None,
    *states: State[None],
    restarts: bool = True,
) -> FlowRun:
    """Return a run that went through some states and carries a mark."""
    labels = {} if marked is None else {LABEL: marked}
    run = client.create_flow_run_from_deployment(
        served, labels={**labels, **({RESTARTS: "test"} if restarts else {})}
    )
    for state in states:
        client.set_flow_run_state(run.id, state)
    return run


def slots_of(client: SyncPrefectClient, served: UUID) -> int:
    limit = client.read_deployment(served).global_concurrency_limit
    assert limit is not None
    return limit.active_slots


def state_of(client: SyncPrefectClient, run: FlowRun) -> str:
    return str(client.read_flow_run(run.id).state_name)


def runs_of(client: SyncPrefectClient, served: UUID) -> list[FlowRun]:
    """Return a deployment's runs; the server also holds those of other tests."""
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[served]))
    )


def others_of(client: SyncPrefectClient, run: FlowRun) -> list[FlowRun]:
    assert run.deployment_id is not None
    return [
        other
        for other in runs_of(client, run.deployment_id)
        if other.id != run.id and (other.idempotency_key or "").endswith(str(run.id))
    ]
