"""The retries of tasks: only for transient errors, with growing and randomised delays."""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from ml_core.errors import TransientError


async def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Return whether a retry can help without anybody correcting anything."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, TransientError)


RETRIED: dict[str, Any] = {
    "retries": 4,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_transient,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}
"""Keyword arguments of every task here; results are files and rows, never in Prefect's store."""
