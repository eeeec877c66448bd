"""The process that runs scheduled and triggered flows; `orbcast up` starts it.

Run as ``python -m deployments.runner`` with PREFECT_API_URL set.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from deployments.catalogue import DeploymentSpec, deployments_of
from tasks.settings import Settings, settings

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

AT_ONCE = 4
"""Flow runs at once: a shadow prediction never waits behind a retrain."""


def deployment(spec: DeploymentSpec) -> RunnerDeployment:
    """Give Prefect's form of a deployment."""
    from prefect.client.schemas.objects import (  # noqa: PLC0415 - heavy, and after the settings
        ConcurrencyLimitConfig,
        ConcurrencyLimitStrategy,
    )
    from prefect.events import DeploymentEventTrigger  # noqa: PLC0415
    from prefect.schedules import Cron  # noqa: PLC0415
    from prefect.types.entrypoint import EntrypointType  # noqa: PLC0415

    found = _flow(spec.entrypoint).to_deployment(
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
                expect={each.event}, match={"prefect.resource.id": each.resource}
            )
            for each in spec.triggers
        ],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    result: RunnerDeployment = found
    return result


def main() -> None:
    """Register every deployment of the served markets, and run what is due, for ever."""
    from prefect import serve  # noqa: PLC0415 - reads the environment

    where = settings()
    specs = [spec for name in where.markets for spec in deployments_of(name, where.market(name))]
    _tell_of_dead_runs(where)
    serve(
        *(deployment(spec) for spec in specs),
        limit=AT_ONCE,
        pause_on_shutdown=False,
        print_starting_message=False,
    )


def _tell_of_dead_runs(where: Settings) -> None:
    from deployments.automations import ensure_automations  # noqa: PLC0415 - Prefect's settings
    from tasks.channels import channels  # noqa: PLC0415

    try:
        ensure_automations(channels(where.channels_file))
    except Exception as error:  # noqa: BLE001 - no channel keeps the runner from starting
        print(f"no automation could be written: {error}")  # noqa: T201 - the runner's log


def _flow(entrypoint: str) -> Any:
    module, _, name = entrypoint.rpartition(".")
    return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    main()
