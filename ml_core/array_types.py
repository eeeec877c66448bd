"""Array types by content."""

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
"""Whole numbers: ticks, minutes, positions."""

FloatArray = NDArray[np.float64]
"""Numbers; NaN if missing."""

BoolArray = NDArray[np.bool_]
"""Truth values."""
