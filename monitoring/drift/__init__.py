"""Drift: logged rows by day, how far they moved, the report and its verdict."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring.drift import columns as columns
else:
    __getattr__ = modules_of(__name__)
