"""Where folds are worked on: processes of this machine, or a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_core.errors import InputError
from tasks.settings import Settings

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner


class NoDaskError(InputError):
    """Dask asked for and not installed."""

    def __str__(self) -> str:
        return (
            "ORBCAST_TASK_RUNNER=dask needs the package prefect-dask: install the extra with "
            "pip install 'orbcast[dask]', or leave the setting out to use processes"
        )


def task_runner(where: Settings) -> TaskRunner[Any]:
    """Give the task runner that the settings choose; the numbers are the same on each.

    Raises
    ------
    NoDaskError
        Dask is asked for and not installed.
    """
    if where.task_runner == "threads":
        from prefect.task_runners import ThreadPoolTaskRunner  # noqa: PLC0415 - the one chosen

        return ThreadPoolTaskRunner(max_workers=where.workers)
    if where.task_runner == "processes":
        from prefect.task_runners import ProcessPoolTaskRunner  # noqa: PLC0415

        return ProcessPoolTaskRunner(max_workers=where.workers)
    try:
        from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise NoDaskError from error
    if where.dask_address:
        return DaskTaskRunner(address=where.dask_address)
    local = {
        "n_workers": where.workers,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": None,
    }
    return DaskTaskRunner(cluster_kwargs=local)
