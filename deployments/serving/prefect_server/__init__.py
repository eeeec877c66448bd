"""Prefect's server: its process, whether it answers, which one is used, and runs on it."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.serving.prefect_server import health as health
    from deployments.serving.prefect_server import process as process
    from deployments.serving.prefect_server import runs as runs
    from deployments.serving.prefect_server import served_run as served_run
    from deployments.serving.prefect_server import session as session
else:
    __getattr__ = modules_of(__name__)
