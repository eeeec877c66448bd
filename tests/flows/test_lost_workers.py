"""Runs of workers on lost machines, on a real server: ended, reported, and restarted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Crashed, Pending, Running

from deployments.automations import END_SILENT, ensure_silent_runs_end
from deployments.catalogue import HOUSEKEEPING, deployments_of
from deployments.prefect_yaml import entry
from deployments.serving.runner import deployment
from tasks.runs.recovery import crashed_runs
from tasks.runs.recovery.crashed_runs import HEARTBEATS, WENT_SILENT, mark_crashed_runs
from tests.flows.begun_runs import ELSEWHERE, begun, others_of, state_of
from tests.ml_core.builders import mgc

pytestmark = pytest.mark.usefixtures("prefect_server", "home")


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


@pytest.fixture
def of_a_worker(client: SyncPrefectClient) -> Iterator[UUID]:
    """The deployments of log-outcomes and recover, as prefect.yaml makes them."""
    (spec,) = [
        candidate
        for candidate in deployments_of("mgc", mgc())
        if "outcomes" in candidate.entrypoint
    ]
    housekeeping = deployment(HOUSEKEEPING[0]).apply()
    client.create_work_pool(WorkPoolCreate(name="elsewhere", type="process"))
    tagged = replace(spec, tags=tuple(entry(spec)["tags"]))
    deployed: UUID = deployment(tagged).apply(work_pool_name="elsewhere", image=None)
    mark_crashed_runs.fn(timedelta(0))  # clears what earlier tests left on the server
    yield deployed
    client.delete_deployment(deployed)
    client.delete_deployment(housekeeping)
    client.request("DELETE", "/work_pools/elsewhere")


def test_a_run_that_prefect_saw_go_silent_is_started_again_and_reported_once(
    client: SyncPrefectClient, of_a_worker: UUID
) -> None:
    run = begun(client, of_a_worker, ELSEWHERE, Pending(), Running())
    assert mark_crashed_runs.fn() == []
    client.set_flow_run_state(run.id, Crashed(message=WENT_SILENT))
    other = begun(client, of_a_worker, ELSEWHERE, Pending(), Running())
    client.set_flow_run_state(other.id, Crashed(message="seen by its worker, which told"))
    (dead,) = mark_crashed_runs.fn()
    (again,) = others_of(client, run)
    assert (dead.ended.run, dead.again) == (run.name, again.name)
    assert mark_crashed_runs.fn() == []
    assert len(others_of(client, run)) == 1
    assert others_of(client, other) == []


def test_what_a_worker_took_and_never_began_has_crashed_after_a_longer_time(
    client: SyncPrefectClient, of_a_worker: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = begun(client, of_a_worker, None, Pending())
    assert mark_crashed_runs.fn(timedelta(0)) == []
    monkeypatch.setattr(crashed_runs, "WORKER_BEGINS_WITHIN", timedelta(0))
    (dead,) = mark_crashed_runs.fn()
    assert (dead.ended.run, state_of(client, taken)) == (taken.name, "Crashed")
    running = begun(client, of_a_worker, None, Pending(), Running())
    assert mark_crashed_runs.fn() == []
    client.delete_flow_run(running.id)


def test_the_automation_that_ends_silent_runs_is_written_once_and_then_left_alone(
    client: SyncPrefectClient, of_a_worker: UUID
) -> None:
    """If it were rewritten, it would forget the runs that it waits for."""
    del of_a_worker

    def written() -> list[dict[str, Any]]:
        automations: list[dict[str, Any]] = client.request(
            "POST", "/automations/filter", json={}
        ).json()
        return [automation for automation in automations if automation["name"] == END_SILENT]

    ensure_silent_runs_end()
    (first,) = written()
    assert first["trigger"]["within"] == 90
    assert first["trigger"]["match_related"]["prefect.resource.id"] == f"prefect.tag.{HEARTBEATS}"
    assert "prefect.flow-run.Suspended" in first["trigger"]["expect"]
    ensure_silent_runs_end()
    assert written() == [first]
    ensure_silent_runs_end(gone_after=timedelta(seconds=120))
    (changed,) = written()
    assert changed["trigger"]["within"] == 120
