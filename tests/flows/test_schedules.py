"""Schedules on a real server: a deployment's cron lines become scheduled runs."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError

from deployments.catalogue import deployments_of
from deployments.serving.runner import deployment
from tests.flows.begun_runs import runs_of
from tests.ml_core.builders import mgc

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_the_server_writes_a_run_for_each_time_a_schedule_names() -> None:
    (spec,) = [
        candidate for candidate in deployments_of("mgc", mgc()) if "shadow" in candidate.entrypoint
    ]
    registered = deployment(spec).apply()
    with get_client(sync_client=True) as client:
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": registered})
        due = runs_of(client, registered)
        client.delete_deployment(registered)
    assert {run.state_name for run in due} == {"Scheduled"}
    assert {run.parameters["opening_range"] for run in due} == {
        line.parameters["opening_range"] for line in spec.schedules
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"market": "xyz"}, "xyz"),
        ({"opening_range": "0930"}, "0930"),
        ({"as_of": 7}, "as_of"),
    ],
)
def test_the_server_refuses_a_wrong_value_before_there_is_a_run(
    given: dict[str, Any], message: str
) -> None:
    (spec,) = [
        candidate for candidate in deployments_of("mgc", mgc()) if "shadow" in candidate.entrypoint
    ]
    registered = deployment(spec).apply()
    with get_client(sync_client=True) as client:
        with pytest.raises(PrefectHTTPStatusError, match=message) as refused:
            client.create_flow_run_from_deployment(registered, parameters=given)
        assert refused.value.response.status_code == 409
        assert runs_of(client, registered) == []
        client.delete_deployment(registered)
