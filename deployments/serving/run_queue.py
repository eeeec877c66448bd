"""Runs of heavy flows begin only when one of their places is free; until then no process starts.

A run without a place goes into Prefect's state AwaitingConcurrencySlot, which it leaves when its
time comes: at once when a place is freed, and by itself after ``LOOKS_AGAIN`` if the runner that
put it there is gone. It holds nothing, so that it can be cancelled like any scheduled run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.logging import get_logger
from prefect.states import AwaitingConcurrencySlot

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

LOOKS_AGAIN = timedelta(minutes=5)
"""After this time a waiting run is considered again, whatever happened to its runner."""

_CALLED_SECONDS = 15.0
"""How long a place is reserved for the run that it was freed for."""


@dataclass(slots=True, eq=False)
class RunQueue:
    """Runs of some flows, of which only so many have a process at a time.

    Attributes
    ----------
    entrypoints
        Their flows.
    places
        How many may run at a time.
    """

    entrypoints: frozenset[str]
    places: int
    _running: set[UUID] = field(default_factory=set)
    _waiting: dict[UUID, None] = field(default_factory=dict)  # in order
    _called: dict[UUID, float] = field(default_factory=dict)

    def enter(self, run: UUID, under_way: Collection[UUID]) -> bool:
        """Return whether a run may start now; otherwise it waits behind those that wait already.

        Parameters
        ----------
        run
            The run.
        under_way
            The runner's runs that are being started or have a process.
        """
        self._running.intersection_update(under_way)
        recent = time.monotonic() - _CALLED_SECONDS
        self._called = {other: at for other, at in self._called.items() if at > recent}
        reserved = len(self._called.keys() - {run})
        if len(self._running) + reserved >= self.places:
            self._waiting.setdefault(run)
            return False
        self._running.add(run)
        self._waiting.pop(run, None)
        self._called.pop(run, None)
        return True

    def leave(self, run: UUID) -> UUID | None:
        """Free a run's place; return the run that has waited longest, which is to be called."""
        self._running.discard(run)
        self._called.pop(run, None)
        following = next(iter(self._waiting), None)
        if following is not None:
            del self._waiting[following]
            self._called[following] = time.monotonic()
        return following


class QueuedProposer:
    """Prefect's proposer of states, which makes runs of some flows wait for their place.

    Parameters
    ----------
    proposer
        Prefect's own, to which everything else goes.
    queues
        The queues; a flow without one never waits.
    entrypoints
        Entrypoint of each deployment, by id.
    under_way
        Returns the runs that are being started or have a process.
    """

    def __init__(
        self,
        proposer: Any,
        queues: tuple[RunQueue, ...],
        entrypoints: Mapping[UUID, str],
        under_way: Callable[[], Collection[UUID]],
    ) -> None:
        self._proposer, self._entrypoints = proposer, entrypoints
        self._queues, self._under_way = queues, under_way

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proposer, name)

    async def propose_pending(self, flow_run: FlowRun) -> bool:
        """Return whether a run may start; one without a place is put off."""
        queue = self._queue(flow_run)
        if queue is None:
            return bool(await self._proposer.propose_pending(flow_run))
        if not queue.enter(flow_run.id, self._under_way()):
            await _postpone(flow_run)
            return False
        begins = bool(await self._proposer.propose_pending(flow_run))
        if not begins:
            await self.ended(flow_run)
        return begins

    async def ended(self, flow_run: FlowRun) -> None:
        """Free the place of a run that has ended for the next one."""
        queue = self._queue(flow_run)
        following = None if queue is None else queue.leave(flow_run.id)
        while queue is not None and following is not None and not await _call(following):
            following = queue.leave(following)

    def _queue(self, flow_run: FlowRun) -> RunQueue | None:
        entrypoint = self._entrypoints.get(flow_run.deployment_id or flow_run.id)
        return next((queue for queue in self._queues if entrypoint in queue.entrypoints), None)


async def _postpone(flow_run: FlowRun) -> None:
    state: State[Any] = AwaitingConcurrencySlot(
        scheduled_time=datetime.now(UTC) + LOOKS_AGAIN,
        message="It waits until another heavy run ends.",
    )
    try:
        async with get_client() as client:
            await client.set_flow_run_state(flow_run.id, state)
    except Exception as error:  # noqa: BLE001 - it is asked again at the next look at due runs
        _log().warning("run %s could not be put off: %s", flow_run.name, error)


async def _call(run: UUID) -> bool:
    """Let a waiting run start now; return whether it still waits."""
    try:
        async with get_client() as client:
            waiting = (await client.read_flow_run(run)).state
            now: State[Any] = AwaitingConcurrencySlot(scheduled_time=datetime.now(UTC))
            if waiting is None or waiting.name != now.name:
                return False  # cancelled meanwhile
            await client.set_flow_run_state(run, now)
    except Exception as error:  # noqa: BLE001 - it starts by itself after a while
        _log().warning("run %s could not be called: %s", run, error)
        return False
    return True


def _log() -> Any:
    return get_logger("runner")
