"""Workers for folds: processes or threads on this machine, or a Dask cluster.

They run plain functions: a worker does not import Prefect or call a server.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from ml_core.errors import InputError
from tasks.settings import Settings


class NoDaskError(InputError):
    """Error when Dask is selected but not installed."""

    template = (
        "ORBCAST_TASK_RUNNER=dask needs the package distributed: install the extra with pip "
        "install 'orbcast[dask]', or leave the setting out to use processes"
    )


@contextmanager
def fold_workers(settings: Settings) -> Iterator[Executor]:
    """Yield the workers that the settings select; the results do not depend on the choice.

    Work that has not started when the block ends is cancelled.

    Raises
    ------
    NoDaskError
        Dask is selected but not installed.
    """
    if settings.task_runner == "dask":
        with _dask_cluster(settings) as cluster:
            yield cluster
        return
    pool: Executor
    if settings.task_runner == "threads":
        pool = ThreadPoolExecutor(settings.workers)
    else:
        # spawned: a process with threads must not be forked, and children are killed with it
        context = get_context("spawn")
        pool = ProcessPoolExecutor(settings.workers, context, _end_at_once_by_ctrl_c)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _end_at_once_by_ctrl_c() -> None:
    """Let Ctrl-C, which also reaches the workers, end them without a traceback from each."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _dask_cluster(settings: Settings) -> Iterator[Executor]:
    try:
        distributed: Any = import_module("distributed")  # an optional dependency
    except ModuleNotFoundError as error:
        raise NoDaskError from error
    if settings.dask_address:
        with distributed.Client(settings.dask_address) as client:
            yield client.get_executor(pure=False)
        return
    local = distributed.LocalCluster(
        n_workers=settings.workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with local, distributed.Client(local) as client:
        yield client.get_executor(pure=False)
