"""Long-running processes: the Prefect server, the runner and the web pages."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.serving import prefect_server as prefect_server
    from deployments.serving import supervisor as supervisor
    from deployments.serving import terminal_log as terminal_log
else:
    __getattr__ = modules_of(__name__)
