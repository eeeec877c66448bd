"""The names of flow runs and task runs, read back from the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import tags
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.flow_engine import run_flow
from prefect.states import Pending, Scheduled

from deployments.catalogue import HOUSEKEEPING
from deployments.serving.runner import deployment
from flows.recover import recover
from flows.shadow_predict import shadow_predict
from tasks.runs import run_names
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("prefect_server")

WEDNESDAY = datetime(2024, 11, 20, 11, 6)  # noqa: DTZ001 - on the market's clock


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


def tasks_of(client: SyncPrefectClient, run: FlowRun, count: int) -> set[str]:
    """Return the names of a run's task runs; the server stores them a moment later."""
    within = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    task_runs: list[TaskRun] = []

    def are_there() -> bool:
        task_runs[:] = client.read_task_runs(flow_run_filter=within)
        return len(task_runs) >= count

    wait_until(are_there, lambda: task_runs)
    return {task_run.name for task_run in task_runs}


def test_a_prediction_and_its_steps_are_called_by_their_slot(
    own: Path, client: SyncPrefectClient
) -> None:
    del own
    tag = str(uuid4())  # the server also holds the runs of other tests, some of them still due
    with tags(tag):
        shadow_predict("mgc", "1100", as_of=WEDNESDAY)
    tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[tag]))
    (run,) = client.read_flow_runs(flow_run_filter=tagged)
    assert run.name == "MGC 1100 2024-11-20 replay"
    steps = {"predict MGC 1100 2024-11-20", "rules on MGC 1100 2024-11-20"}
    assert tasks_of(client, run, len(steps)) == steps


def test_a_run_that_a_schedule_made_is_called_anew_as_it_begins(
    home: Path, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setattr(run_names, "now", lambda: datetime(2026, 11, 29, 23, 4, tzinfo=UTC))
    served = deployment(HOUSEKEEPING[0]).apply()
    due = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(seconds=1))
    run = client.create_flow_run_from_deployment(served, state=due)
    drawn = run.name
    client.set_flow_run_state(run.id, Pending())
    run_flow(recover, flow_run=client.read_flow_run(run.id))
    assert client.read_flow_run(run.id).name == "recover 2026-11-29 23:04"
    assert not drawn.startswith("recover")
    steps = {"find runs without a process", "end hanging runs"}
    assert tasks_of(client, run, len(steps)) == steps
    client.delete_deployment(served)
