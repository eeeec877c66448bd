"""The cost of a round trip relative to the risk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import feature
from ml_core.features.view import View


@feature("round-trip cost against the range height", unit="R", mirror=None)
def cost_of_range(view: View) -> NDArray[np.float64]:
    """Cost over the height of the range: the R lost before the trade starts."""
    return view.cost_ticks / view.size


@feature("round-trip cost against the risk expected at entry", unit="R", mirror=None)
def cost_of_entry(view: View) -> NDArray[np.float64]:
    """Cost over height plus a minute's typical move: the risk from where a break closes."""
    return view.cost_ticks / (view.size + view.sigma)
