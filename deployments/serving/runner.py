"""The process that runs scheduled and triggered flows; `orbcast up` starts it.

Run as ``python -m deployments.serving.runner`` with PREFECT_API_URL set.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING

from deployments.catalogue import HOUSEKEEPING, DeploymentSpec, deployments_of
from deployments.serving.prefect_health import answers_in_time
from tasks.settings import Settings, api_url, current_settings

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.deployments.runner import RunnerDeployment

INTRADAY = frozenset(
    f"flows.{each}.{each}" for each in ("refresh_data", "shadow_predict", "log_outcomes")
)
"""Entrypoints whose runs are short and whose time counts: the others yield to them."""


NO_SERVER = "the Prefect server does not answer"


def deployment(spec: DeploymentSpec) -> RunnerDeployment:
    """Return Prefect's form of a deployment."""
    from prefect.client.schemas.objects import (  # noqa: PLC0415 - heavy, and after the settings
        ConcurrencyLimitConfig,
        ConcurrencyLimitStrategy,
    )
    from prefect.events import DeploymentEventTrigger  # noqa: PLC0415
    from prefect.schedules import Cron  # noqa: PLC0415
    from prefect.types.entrypoint import EntrypointType  # noqa: PLC0415

    from deployments.serving.warm_child import flow_of  # noqa: PLC0415

    found = flow_of(spec.entrypoint).to_deployment(
        name=spec.name,
        description=spec.description,
        parameters=spec.parameters,
        tags=list(spec.tags),
        schedules=[
            Cron(
                each.cron,
                timezone=each.timezone,
                parameters=each.parameters,
                slug=each.slug,
            )
            for each in spec.schedules
        ],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=spec.limit, collision_strategy=ConcurrencyLimitStrategy(spec.collision)
        ),
        triggers=[
            DeploymentEventTrigger(
                expect={each.event},
                match={"prefect.resource.id": each.resource},
                within=timedelta(seconds=each.hush),
            )
            for each in spec.triggers
        ],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    result: RunnerDeployment = found
    return result


def main() -> None:
    """Register every deployment of the served markets, and run what is due, for ever.

    It may be started with the server: what can be imported is imported while that comes up.
    """
    from deployments.serving.warm_runner import warm_up  # noqa: PLC0415 - reads the environment

    settings = current_settings()
    warming = Thread(target=warm_up)
    warming.start()
    specs = [
        spec for name in settings.markets for spec in deployments_of(name, settings.market(name))
    ]
    specs += HOUSEKEEPING
    # made outside the event loop, in which Prefect would hand out coroutines instead
    made = [deployment(spec) for spec in specs]
    if not answers_in_time(str(api_url())):
        raise SystemExit(NO_SERVER)
    _tell_of_dead_runs(settings)
    asyncio.run(_serve(made, sum(each.limit for each in specs), warming))


async def _serve(deployments: list[RunnerDeployment], limit: int, warming: Thread) -> None:
    """Serve deployments; each has a limit of its own, one over all would let a prediction wait."""
    from deployments.serving.warm_runner import WarmRunner  # noqa: PLC0415 - reads the environment

    runner = WarmRunner(name="orbcast", limit=limit, pause_on_shutdown=False, intraday=INTRADAY)
    served = [await runner.serve_deployment(each) for each in deployments]
    await asyncio.to_thread(_catch_up, served)
    await asyncio.to_thread(warming.join)
    await runner.start()


def _catch_up(deployments: list[UUID]) -> None:
    """Clear up after what was killed or switched off, before anything new begins.

    Runs that were due meanwhile are still there, and begin now: data, outcomes and a retrain are
    caught up, each once. Predictions are not: their rows say that they were missed.
    """
    from tasks.notices.notify import tell_of  # noqa: PLC0415
    from tasks.rollout.approval import expire_approvals  # noqa: PLC0415 - reads the environment
    from tasks.runs.recovery import bury_the_dead, drop_superseded  # noqa: PLC0415
    from tasks.settings import now  # noqa: PLC0415

    for each in bury_the_dead.fn(timedelta(0)):
        tell_of(each.ended)
    expire_approvals(current_settings(), now())
    dropped = drop_superseded(deployments, datetime.now(UTC))
    if dropped:
        print(f"{dropped} runs that were due while nothing ran are done by later ones")  # noqa: T201


def _tell_of_dead_runs(settings: Settings) -> None:
    from deployments.automations import ensure_automations  # noqa: PLC0415 - Prefect's settings
    from tasks.notices.channels import channels  # noqa: PLC0415

    try:
        ensure_automations(channels(settings.channels_file))
    except Exception as error:  # noqa: BLE001 - no channel keeps the runner from starting
        print(f"no automation could be written: {error}")  # noqa: T201 - the runner's log


if __name__ == "__main__":
    main()
