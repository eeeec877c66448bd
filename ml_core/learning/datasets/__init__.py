"""Datasets: a row for each opening range, made from bars; the splits by time."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.learning.datasets import assemble as assemble
else:
    __getattr__ = modules_of(__name__)
