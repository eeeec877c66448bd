"""A start writes only those deployments that Prefect does not already have as required."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, time
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate

from deployments.catalogue import deployments_of
from deployments.serving.registration import Registered, pause_left_over, registered
from deployments.serving.runner import deployment
from deployments.serving.warm_runner import WarmRunner
from deployments.shared_schedules import PREDICT_TOGETHER, deployments_together
from ml_core.market.market import Market
from tests.ml_core.builders import mgc

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

pytestmark = pytest.mark.usefixtures("prefect_server")


def wanted_of(market: Market) -> list[RunnerDeployment]:
    flows = ("shadow_predict", "log_outcomes", "promote")
    return [
        deployment(spec)
        for spec in deployments_of("mgc", market)
        if spec.entrypoint.endswith(flows)
    ]


@pytest.fixture
def wanted() -> Iterator[list[RunnerDeployment]]:
    made = wanted_of(mgc())
    for deployed in made:
        deployed.apply()
    yield made
    with get_client(sync_client=True) as client:
        for deployed in made:
            client.delete_deployment(client.read_deployment_by_name(deployed.full_name).id)


def had(wanted: RunnerDeployment) -> Registered:
    return registered()[(str(wanted.entrypoint), wanted.name)]


def served(wanted: RunnerDeployment) -> UUID:
    runner = WarmRunner(name="test", intraday=frozenset())
    return asyncio.run(runner.serve_deployment(wanted, had(wanted)))


def when_written(wanted: RunnerDeployment) -> datetime | None:
    return had(wanted).deployment.updated


def test_what_was_just_written_is_as_it_is_wanted_and_is_not_written_again(
    wanted: list[RunnerDeployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(wanted) == 3
    monkeypatch.setattr("tasks.runs.recovery.crashed_runs._PAGE", 1)  # every page is full
    for deployed in wanted:
        before = when_written(deployed)
        assert had(deployed).is_as(deployed)
        assert served(deployed) == had(deployed).deployment.id
        assert when_written(deployed) == before


def _describe(client: SyncPrefectClient, it: Registered) -> None:
    client.update_deployment(it.deployment.id, DeploymentUpdate(description="mine"))


def _pause(client: SyncPrefectClient, it: Registered) -> None:
    schedule = it.deployment.schedules[0]
    client.update_deployment_schedule(it.deployment.id, schedule.id, active=False)


def _take_from_limit(client: SyncPrefectClient, it: Registered) -> None:
    client.update_deployment(it.deployment.id, DeploymentUpdate(concurrency_limit=77))


def _drop_triggers(client: SyncPrefectClient, it: Registered) -> None:
    client.delete_resource_owned_automations(f"prefect.deployment.{it.deployment.id}")


@pytest.mark.parametrize("change", [_describe, _pause, _take_from_limit, _drop_triggers])
def test_what_a_person_changed_is_put_back(
    wanted: list[RunnerDeployment],
    change: Callable[[SyncPrefectClient, Registered], None],
) -> None:
    (outcomes,) = [deployed for deployed in wanted if "outcomes" in str(deployed.entrypoint)]
    it = had(outcomes)
    with get_client(sync_client=True) as client:
        change(client, it)
    assert not had(outcomes).is_as(outcomes)
    assert served(outcomes) == it.deployment.id
    assert had(outcomes).is_as(outcomes)


def test_a_market_file_that_changed_is_written(wanted: list[RunnerDeployment]) -> None:
    market = mgc()
    at_half_past = market.ranges[0].model_copy(update={"start": time(9, 30)})
    changed = market.model_copy(update={"ranges": (at_half_past, *market.ranges[1:])})
    of_before = {deployed.entrypoint: deployed for deployed in wanted}
    (predict,) = [
        deployed for deployed in wanted_of(changed) if "predict" in str(deployed.entrypoint)
    ]
    assert had(of_before[predict.entrypoint]).is_as(of_before[predict.entrypoint])
    assert not had(predict).is_as(predict)
    served(predict)
    assert had(predict).is_as(predict)


def test_a_run_of_several_markets_is_paused_when_one_is_left_and_wanted_again_with_two(
    wanted: list[RunnerDeployment],
) -> None:
    two = {"mgc": mgc(), "gc": mgc().model_copy(update={"symbol": "GC"})}
    (together,) = [
        deployment(spec)
        for spec in deployments_together(two, 2026)
        if spec.entrypoint == PREDICT_TOGETHER
    ]
    together.apply()
    pause_left_over(registered(), [*wanted, together])
    assert had(together).is_as(together)
    pause_left_over(registered(), wanted)
    assert had(together).deployment.paused
    assert all(had(own).is_as(own) for own in wanted)
    served(together)
    assert had(together).is_as(together)
    with get_client(sync_client=True) as client:
        client.delete_deployment(had(together).deployment.id)
