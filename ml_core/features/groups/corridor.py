"""Gambler's ruin seen from t0: what a driftless price would do, and how far it overshoots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import Mirror, feature
from ml_core.features.groups.range_shape import close_position
from ml_core.features.view import View


@feature(
    "chance that a driftless price leaves through the high", unit="share", mirror=Mirror(about=0.5)
)
def corridor_p_up(view: View) -> NDArray[np.float64]:
    """(x + d)/(1 + 2d) with d = sigma/height: the corridor baseline at k = 1."""
    overshoot = view.sigma / view.size
    return (close_position(view) + overshoot) / (1.0 + 2.0 * overshoot)


@feature("a minute's typical move against the range height", unit="share", mirror=None)
def minute_move_share(view: View) -> NDArray[np.float64]:
    """sigma/height: how far beyond the edge a breaking close is expected."""
    return view.sigma / view.size
