"""A flow that holds a slot of heavy work until it is told to end, and the runner that serves it.

Run as ``python -m tests.flows.taking_turns``, with PREFECT_API_URL and ORBCAST_HOME set.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from prefect import flow
from prefect.types.entrypoint import EntrypointType

from deployments.serving.run_queue import RunQueue
from deployments.serving.warm_runner import WarmRunner
from tasks.notices.notify import REPORTED
from tasks.runs import heavy_work as turns
from tasks.settings import current_settings

TIME_LIMIT_SECONDS = 20.0
GRACE_SECONDS = 2.0
PLACES = 2
"""Runs with a process; each still takes the machine's one slot before its work."""

LEASE_SECONDS = 60.0
"""The least that Prefect takes."""


@flow(name="take-turns", timeout_seconds=TIME_LIMIT_SECONDS, **REPORTED)
def take_turns(folder: Path, name: str, market: str | None = None) -> None:
    """Hold a slot from the file ``NAME.holds`` on until there is a file ``NAME.ends``."""
    turns.LEASE_SECONDS = LEASE_SECONDS
    with turns.heavy_work(current_settings(), retrain_of=market):
        (folder / f"{name}.holds").touch()
        while not (folder / f"{name}.ends").exists():
            time.sleep(0.05)
    (folder / f"{name}.done").touch()


@flow(name="be-in-time", timeout_seconds=TIME_LIMIT_SECONDS, **REPORTED)
def be_in_time() -> None:
    """Ask for no slot, as a prediction does."""


async def serve() -> None:
    """Serve both flows."""
    runner = WarmRunner(
        name="turns",
        limit=8,
        pause_on_shutdown=False,
        intraday=frozenset(),
        queues=(RunQueue(frozenset({str(DEPLOYMENTS[0].entrypoint)}), PLACES),),
        grace_seconds=GRACE_SECONDS,
    )
    for made in DEPLOYMENTS:
        await runner.serve_deployment(made)
    await runner.start()


if __name__ == "__main__":
    from tests.flows.taking_turns import be_in_time as punctual  # by the module's name
    from tests.flows.taking_turns import take_turns as served

    DEPLOYMENTS = [
        it.to_deployment(name="turns", entrypoint_type=EntrypointType.MODULE_PATH)
        for it in (served, punctual)
    ]
    asyncio.run(serve())
