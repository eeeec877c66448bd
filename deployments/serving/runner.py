"""The process that runs scheduled and triggered flows; `orbcast up` starts it.

Run as ``python -m deployments.serving.runner`` with PREFECT_API_URL set.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.context import AsyncClientContext
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

import deployments
import tasks
from deployments.catalogue import DeploymentSpec, entrypoint_of
from deployments.serving.prefect_server.health import wait_until_healthy
from deployments.serving.registration import Registered, pause_left_over, registered
from deployments.serving.run_queue import RunQueue
from deployments.serving.warm_child import flow_of
from deployments.serving.warm_runner import WarmRunner, warm_up
from deployments.shared_schedules import deployments_together
from tasks import notices, rollout, runs
from tasks.settings import Settings, api_url, current_settings

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.deployments.runner import RunnerDeployment

INTRADAY = frozenset(
    map(entrypoint_of, ("refresh-data", "shadow-predict", "predict-together", "log-outcomes"))
)
"""Entrypoints of short runs that must not be delayed; all other runs yield to them."""


HEAVY = frozenset(map(entrypoint_of, ("nightly-retrain", "walk-forward", "tune", "replay")))
"""Entrypoints of the flows that call `heavy_work`; without a place they have no process."""

CHECKS = frozenset(map(entrypoint_of, ("audit", "check-drift")))
"""Entrypoints of daily checks, which are due for all markets at once and can wait as well."""

NO_SERVER = "the Prefect server does not answer"


def deployment(spec: DeploymentSpec) -> RunnerDeployment:
    """Return Prefect's form of a deployment."""
    result: RunnerDeployment = flow_of(spec.entrypoint).to_deployment(
        name=spec.name,
        description=spec.description,
        parameters=spec.parameters,
        tags=list(spec.tags),
        schedules=[
            Cron(
                schedule.cron,
                timezone=schedule.timezone,
                parameters=schedule.parameters,
                slug=schedule.slug,
            )
            for schedule in spec.schedules
        ],
        concurrency_limit=None
        if spec.limit is None
        else ConcurrencyLimitConfig(
            limit=spec.limit, collision_strategy=ConcurrencyLimitStrategy(spec.collision)
        ),
        triggers=[
            DeploymentEventTrigger(
                expect={trigger.event},
                match=trigger.match,
                within=timedelta(seconds=trigger.hush),
            )
            for trigger in spec.triggers
        ],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return result


def served_deployments(settings: Settings) -> tuple[DeploymentSpec, ...]:
    """Return every deployment of the served markets, and those that belong to no market."""
    markets = {name: settings.market(name) for name in settings.markets}
    return deployments_together(markets, tasks.settings.now().year)


def main() -> None:
    """Register every deployment of the served markets, and run due flows forever.

    It may be started together with the server; it imports while the server starts.
    """
    settings = current_settings()
    warming = Thread(target=warm_up)
    warming.start()
    specs = served_deployments(settings)
    # outside the event loop, because inside it Prefect returns coroutines
    made = [deployment(spec) for spec in specs]
    if not wait_until_healthy(str(api_url())):
        raise SystemExit(NO_SERVER)
    _ensure_automations(settings)
    had = registered()
    pause_left_over(had, made)
    asyncio.run(_serve(made, had, sum(spec.limit or 1 for spec in specs), warming))


async def _serve(
    made: list[RunnerDeployment],
    had: dict[tuple[str, str], Registered],
    limit: int,
    warming: Thread,
) -> None:
    """Serve deployments, each with its own limit: a common limit would delay predictions."""
    places = current_settings().heavy_runs
    runner = WarmRunner(
        name="orbcast",
        limit=limit,
        pause_on_shutdown=False,
        intraday=INTRADAY,
        queues=(RunQueue(HEAVY, places), RunQueue(CHECKS, places)),
    )
    async with AsyncClientContext.get_or_create():  # one client for all, not two for each
        served = [
            await runner.serve_deployment(wanted, had.get((str(wanted.entrypoint), wanted.name)))
            for wanted in made
        ]
    await asyncio.to_thread(_catch_up, served)
    await asyncio.to_thread(warming.join)
    await runner.start()


def _catch_up(served: list[UUID]) -> None:
    """Clean up after a kill or a shutdown, before any new run begins.

    Runs that became due in the meantime begin now: data, outcomes and a retrain are made up for,
    each once. Predictions are not; their rows say that they were missed.
    """
    for dead in runs.recovery.crashed_runs.mark_crashed_runs.fn(timedelta(0)):
        notices.notify.report_ended(dead.ended)
    rollout.approval.expire_approvals(current_settings(), tasks.settings.now())
    dropped = runs.recovery.crashed_runs.drop_superseded(served, datetime.now(UTC))
    if dropped:
        words = "runs that were due while nothing ran were cancelled: later ones do their work"
        _log(f"{dropped} {words}")


def _ensure_automations(settings: Settings) -> None:

    try:
        deployments.automations.ensure_automations(
            notices.channels.channels(settings.channels_file)
        )
    except Exception as error:  # noqa: BLE001 - a faulty channel must not stop the runner from starting
        _log(f"no automation could be written: {error}")


def _log(words: str) -> None:
    """Write a line to the runner's log, which is its output."""
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    main()
