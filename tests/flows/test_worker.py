"""The other way to run: prefect.yaml, a work pool, Prefect's own worker, a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL

from tests.waiting import AT_MOST_SECONDS

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


def prefect(home: Path, *arguments: str) -> str:
    """Run Prefect's own command line against the tests' server."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "ORBCAST_HOME": str(home),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=AT_MOST_SECONDS,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    ("kind", "file"),
    [("kubernetes", "kubernetes/job-template.json"), ("docker", "docker-job-template.json")],
)
def test_prefect_takes_the_job_templates(client: SyncPrefectClient, kind: str, file: str) -> None:
    template = PROJECT / "deployments" / "containers" / file
    job = json.loads(template.read_text("utf-8"))
    name = f"on-{kind}"
    made = WorkPoolCreate(name=name, type=kind, base_job_template=job)
    assert client.create_work_pool(made).base_job_template == job
    client.request("DELETE", f"/work_pools/{name}")


def test_what_prefect_yaml_deploys_is_run_by_prefects_own_worker(
    client: SyncPrefectClient, home: Path
) -> None:
    client.create_work_pool(WorkPoolCreate(name="local", type="process"))
    printed = prefect(home, "--no-prompt", "deploy", "--name", "orbcast")
    assert "successfully created" in printed
    served = client.read_deployment_by_name("recover/orbcast")
    assert (served.work_pool_name, len(served.schedules)) == ("local", 1)
    run = client.create_flow_run_from_deployment(served.id)
    prefect(home, "worker", "start", "--pool", "local", "--run-once")
    done = client.read_flow_run(run.id)
    assert done.state_name == "Completed"
    client.delete_deployment(served.id)
    client.request("DELETE", "/work_pools/local")
