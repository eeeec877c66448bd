"""Types of arrays, by what they hold."""

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
"""Whole numbers: ticks, minutes, positions."""

FloatArray = NDArray[np.float64]
"""Numbers; NaN where there is none."""

BoolArray = NDArray[np.bool_]
"""Whether something holds."""
