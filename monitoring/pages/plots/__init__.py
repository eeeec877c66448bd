"""Plots, one file for each page or topic, the same for pages and artifacts."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring.pages.plots import drift as drift
    from monitoring.pages.plots import opening_range as opening_range
    from monitoring.pages.plots import record as record
    from monitoring.pages.plots import scores as scores
    from monitoring.pages.plots import study as study
    from monitoring.pages.plots import tuning as tuning
    from monitoring.pages.plots import version as version
else:
    __getattr__ = modules_of(__name__)
