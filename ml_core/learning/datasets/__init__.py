"""Datasets: one row per opening range, built from bars; and their splits by time."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning.datasets import assemble as assemble
else:
    __getattr__ = modules_of(__name__)
