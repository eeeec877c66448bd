"""The trading day in a browser page: Streamlit, on loopback, reading and never writing."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.dashboard import charts as charts
    from deployments.dashboard import serving as serving
    from deployments.dashboard import shell as shell
else:
    __getattr__ = modules_of(__name__)
