"""A flow that hangs in one way or another, and the warm runner that serves it.

Run as ``python -m tests.flows.hanging``, with PREFECT_API_URL and ORBCAST_HOME set.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from typing import Literal

from prefect import flow, task
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.types.entrypoint import EntrypointType

from deployments.serving.warm_runner import WarmRunner
from tasks.notices.notify import REPORTED

How = Literal["not at all", "in a sleep", "in C", "whatever it is told"]
TIME_LIMIT_SECONDS = 1.0
GRACE_SECONDS = 3.0


@task
def sleep_long() -> None:
    time.sleep(600)


@flow(name="hang", timeout_seconds=TIME_LIMIT_SECONDS, **REPORTED)
def hang(how: How, market: str | None = None) -> None:
    """Hang; ``market`` distinguishes one run's notice from another's."""
    del market
    if how == "in a sleep":
        sleep_long()
    if how == "in C":
        libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)  # a deadlock that no signal interrupts
    while how == "whatever it is told":
        try:
            time.sleep(600)
        except BaseException as error:  # noqa: BLE001 - the point
            print(f"never mind {type(error).__name__}")  # noqa: T201 - the runner's log


async def serve() -> None:
    """Serve the flow, one run at a time."""
    runner = WarmRunner(
        name="hanging",
        limit=2,
        pause_on_shutdown=False,
        intraday=frozenset(),
        grace_seconds=GRACE_SECONDS,
    )
    await runner.serve_deployment(DEPLOYMENT)
    await runner.start()


if __name__ == "__main__":
    from tests.flows.hanging import hang as served  # by the module's name, for its entrypoint

    DEPLOYMENT = served.to_deployment(
        name="test",
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    asyncio.run(serve())
