"""Limits of heavy work: so many runs at once on a machine, and one retrain of a market.

The limits are Prefect's global concurrency limits. A run holds its slot by a lease that it renews;
a run that was killed loses its slot when its lease expires. Time-critical work (predictions,
outcomes, bars, recovery) takes no slot, and so never waits for one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectAlreadyExists
from prefect.logging import get_logger, get_run_logger

from tasks.runs.environment import is_temporary_server
from tasks.runs.process_mark import LIMIT_LABEL
from tasks.runs.time_limits import time_limit_paused

if TYPE_CHECKING:
    from uuid import UUID

    from tasks.settings import Settings

LEASE_SECONDS = 120.0
"""A killed run's lease expires within this time; Prefect frees its slot some seconds later."""

_WAITS_AT_MOST = 7 * 24 * 3600.0


@contextmanager
def heavy_work(settings: Settings, retrain_of: str | None = None) -> Iterator[None]:
    """Wait for one of this machine's slots for heavy work, and hold it in the context.

    The wait does not count towards the run's time limit, nor towards the one that kills its
    process.

    Parameters
    ----------
    settings
        The installation, with this machine's number of slots.
    retrain_of
        Symbol of the market that is retrained, which no other run retrains meanwhile; None for
        other work.
    """
    if is_temporary_server():
        # serves this command alone, without the service that ends leases of killed runs
        yield
        return
    limits = {f"orbcast-heavy-{socket.gethostname()}": settings.heavy_runs}
    if retrain_of is not None:
        limits[f"orbcast-retrain-{retrain_of}"] = 1
    context = FlowRunContext.get()
    run = context.flow_run.id if context is not None and context.flow_run is not None else None
    with ExitStack() as held:
        with get_client(sync_client=True) as client, time_limit_paused():
            taken = [name for name, limit in limits.items() if _is_taken(client, name, limit)]
            if taken:
                words = "waits until another heavy run ends, which holds %s"
                log = get_run_logger() if run else get_logger(__name__)
                log.info(words, " and ".join(taken))
            began = time.monotonic()
            lives_longer = _limit_of(client, run)
            lives_longer(_WAITS_AT_MOST)
            holder = ConcurrencyLeaseHolder(type="flow_run", id=run) if run else None
            held.enter_context(concurrency([*limits], lease_duration=LEASE_SECONDS, holder=holder))
            lives_longer(round(time.monotonic() - began))
        yield


def _is_taken(client: SyncPrefectClient, name: str, limit: int) -> bool:
    """Create or update a limit; return whether it has no slot free."""
    with suppress(ObjectAlreadyExists):  # another run was faster
        client.upsert_global_concurrency_limit_by_name(name, limit)
    return client.read_global_concurrency_limit_by_name(name).active_slots >= limit


def _limit_of(client: SyncPrefectClient, run: UUID | None) -> Callable[[float], None]:
    """Return a function that lets a run's process live some seconds longer than its limit."""
    limit = client.read_flow_run(run).labels.get(LIMIT_LABEL) if run is not None else None

    def lives_longer(seconds: float) -> None:
        if run is not None and limit is not None:
            client.update_flow_run_labels(run, {LIMIT_LABEL: float(str(limit)) + seconds})

    return lives_longer
