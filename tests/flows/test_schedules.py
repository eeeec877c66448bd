"""Schedules, on a real server: a deployment's cron lines become runs that are due."""

from __future__ import annotations

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

from deployments.catalogue import deployments_of
from deployments.runner import deployment
from tests.ml_core.builders import mgc

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_the_server_writes_a_run_for_each_time_a_schedule_names() -> None:
    (spec,) = [each for each in deployments_of("mgc", mgc()) if "shadow" in each.entrypoint]
    registered = deployment(spec).apply()
    with get_client(sync_client=True) as client:
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": registered})
        due = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[registered]))
        )
        client.delete_deployment(registered)
    assert {each.state_name for each in due} == {"Scheduled"}
    assert {each.parameters["opening_range"] for each in due} == {
        line.parameters["opening_range"] for line in spec.schedules
    }
