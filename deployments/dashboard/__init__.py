"""The dashboard: the trading day in a browser page, by Streamlit, on loopback, read-only."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.dashboard import charts as charts
    from deployments.dashboard import serving as serving
    from deployments.dashboard import shell as shell
else:
    __getattr__ = modules_of(__name__)
