"""The runner asks for due runs often, and has Prefect write that it asked seldom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Completed, Pending, Scheduled

from deployments.catalogue import deployments_of
from deployments.serving import warm_runner
from deployments.serving.runner import deployment
from deployments.serving.warm_runner import DueRunsClient
from tests.ml_core.builders import mgc

pytestmark = pytest.mark.usefixtures("prefect_server")

NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def two() -> Iterator[list[UUID]]:
    specs = deployments_of("mgc", mgc())
    made = [
        deployment(spec)
        for spec in specs
        if spec.entrypoint.endswith(("log_outcomes", "check_drift"))
    ][:2]
    for one in made:
        one.schedules = []
    ids: list[Any] = [one.apply() for one in made]
    yield ids
    with get_client(sync_client=True) as client:
        for deployment_id in ids:
            client.delete_deployment(deployment_id)


def add_run(deployment_id: UUID, minutes: int, state: Any = None) -> UUID:
    with get_client(sync_client=True) as client:
        scheduled: Any = Scheduled(scheduled_time=NOW + timedelta(minutes=minutes))
        run = client.create_flow_run_from_deployment(deployment_id, state=scheduled)
        if state is not None:
            client.set_flow_run_state(run.id, state, force=True)
        return run.id


class Counting:
    """A client that counts how often Prefect is made to write that it was asked."""

    def __init__(self, client: Any) -> None:
        self.client, self.notes = client, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    async def get_scheduled_flow_runs_for_deployments(self, *arguments: Any) -> list[FlowRun]:
        self.notes += 1
        due: list[FlowRun] = await self.client.get_scheduled_flow_runs_for_deployments(*arguments)
        return due


async def _due_runs(ids: list[UUID], times: int) -> tuple[list[list[UUID]], int]:
    async with get_client() as client:
        counting = Counting(client)
        asking: Any = DueRunsClient(counting)  # type: ignore[arg-type]
        due = [
            await asking.get_scheduled_flow_runs_for_deployments(
                deployment_ids=ids, scheduled_before=NOW + timedelta(minutes=10)
            )
            for _ in range(times)
        ]
        return [[run.id for run in runs] for runs in due], counting.notes


def test_both_ways_of_asking_return_the_same_due_runs_earliest_first(two: list[UUID]) -> None:
    first, other = two
    later, sooner = add_run(first, 5), add_run(first, -5)
    add_run(first, 60)
    ended: tuple[Any, ...] = (Pending(), Completed(), Cancelled())
    for state in ended:
        add_run(first, 1, state)
    elsewhere = add_run(other, 2)
    noted, read, read_again = asyncio.run(_due_runs([first], 3))[0]
    assert noted == read == read_again == [sooner, later]
    assert asyncio.run(_due_runs(two, 2))[0] == [[sooner, elsewhere, later]] * 2


def test_prefect_writes_it_down_at_first_and_then_after_a_while(
    two: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asyncio.run(_due_runs(two, 4))[1] == 1
    monkeypatch.setattr(warm_runner, "READY_SECONDS", 0.0)
    assert asyncio.run(_due_runs(two, 4))[1] == 4


def test_it_is_written_well_before_prefect_takes_the_deployments_for_not_served() -> None:
    foreman = get_current_settings().server.services.foreman
    assert foreman.deployment_last_polled_timeout_seconds >= 2 * warm_runner.READY_SECONDS
