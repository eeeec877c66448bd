"""Workers for folds and trials: processes or threads on this machine, or a Dask cluster.

They run plain functions: a worker does not import Prefect or call a server. A dataset is written
once, and a worker is given its path.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from ml_core.errors import InputError
from ml_core.files import remove_older
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.dataset_file import read_dataset, write_dataset
from registry.object_store import ObjectStore
from tasks.settings import Settings, current_settings

Given = ParamSpec("Given")
Result = TypeVar("Result")

_STORED = "datasets"
"""Folder of the datasets' files, below the home and in the store."""

_KEPT = timedelta(days=2)
"""How long the file of a dataset stays after its last use; no study or search takes as long."""


class NoDaskError(InputError):
    """Error when Dask is selected but not installed."""

    template = (
        "ORBCAST_TASK_RUNNER=dask needs the package distributed: install the extra with pip "
        "install 'orbcast[dask]', or leave the setting out to use processes"
    )


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers that compute with datasets, which they read from a folder.

    Attributes
    ----------
    pool
        Runs the functions.
    folder
        Folder of the datasets' files.
    store
        Store from which workers on other machines fetch them, if there is one.
    """

    pool: Executor
    folder: Path
    store: ObjectStore | None = None

    def share(self, data: Dataset) -> Path:
        """Write a dataset where the workers read it; return its path. A repeat changes nothing.

        Raises
        ------
        StoreUnreachableError
            The store does not answer or refuses.
        """
        path = write_dataset(data, self.folder)
        remove_older(path, _KEPT)
        if self.store is not None and self.store.put(f"{_STORED}/{path.name}", path, path.stem):
            written = self.store.objects(_STORED)  # dated by the clock of the store
            present = written.get(f"{_STORED}/{path.name}/{path.stem}")
            for key, at in written.items():
                if present is not None and at is not None and at < present - _KEPT:
                    self.store.remove(*key.rsplit("/", 1))
        return path

    def submit(
        self,
        work: Callable[Concatenate[Dataset, Given], Result],
        dataset: Path,
        *given: Given.args,
        **named: Given.kwargs,
    ) -> Future[Result]:
        """Run a function of a dataset that was shared, and of other values, on a worker."""
        call: Callable[[], Result] = partial(_with_dataset, work, dataset, *given, **named)
        return self.pool.submit(call)


def _with_dataset(
    work: Callable[..., Result], dataset: Path, *given: object, **named: object
) -> Result:
    return work(_last_read(dataset), *given, **named)


@lru_cache(maxsize=1)
def _last_read(dataset: Path) -> Dataset:
    """Read a dataset, or return it if this worker read it last; its name follows its content.

    On another machine it is fetched from the store, which that machine's own settings name.
    """
    if not dataset.exists():
        settings = current_settings()
        store, own = settings.object_store(), settings.home / _STORED / dataset.name
        if store is not None:
            store.fetch_missing(f"{_STORED}/{own.name}", own.stem, own)
            dataset = own
    return read_dataset(dataset)


@contextmanager
def fold_workers(settings: Settings) -> Iterator[Workers]:
    """Yield the workers that the settings select; the results do not depend on the choice.

    Work that has not started when the block ends is cancelled.

    Raises
    ------
    NoDaskError
        Dask is selected but not installed.
    """
    folder, store = settings.home / _STORED, settings.object_store()
    if settings.task_runner == "dask":
        with _dask_cluster(settings) as cluster:
            yield Workers(cluster, folder, store)
        return
    pool: Executor
    if settings.task_runner == "threads":
        pool = ThreadPoolExecutor(settings.workers)
    else:
        # spawned: a process with threads must not be forked, and children are killed with it
        context = get_context("spawn")
        pool = ProcessPoolExecutor(settings.workers, context, _end_at_once_by_ctrl_c)
    try:
        yield Workers(pool, folder)  # on this machine, and so with its files
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
