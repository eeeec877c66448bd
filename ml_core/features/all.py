"""Imports every feature group, so that the catalogue is complete and in order."""

from ml_core.features.catalogue import CATALOGUE, compute
from ml_core.features.groups import (  # noqa: F401 - imported for what they declare
    clock,
    corridor,
    cost,
    levels,
    momentum,
    news,
    previous_ranges,
    range_shape,
    sessions,
    volatility,
)

__all__ = ["CATALOGUE", "compute"]
