"""Exact exit probabilities of a rounded Gaussian walk, by dynamic programming on ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of minutes with constant parameters of the walk.

    Attributes
    ----------
    minutes
        Number of minutes.
    sigma
        Standard deviation of a minute's step before rounding, ticks.
    drift
        Mean of a minute's step before rounding, ticks.
    silent
        Probability that a minute does not trade: no step, and no close that could break out.
    """

    minutes: int
    sigma: float
    drift: float
    silent: float


@lru_cache(maxsize=4096)
def _step_law(width: int, sigma: float, drift: float) -> tuple[NDArray[np.float64], ...]:
    """Return the transition matrix in a corridor of ``width`` ticks, and exit probabilities.

    A step is a Gaussian rounded to whole ticks: P(j) = Phi((j + .5 - m)/s) - Phi((j - .5 - m)/s).
    """
    places = np.arange(-width, width + 2) - 0.5
    scaled = (places - drift) / (sigma * math.sqrt(2.0))
    below = 0.5 * (1.0 + np.array([math.erf(z) for z in scaled.tolist()]))
    chance = np.diff(below)  # probability of steps -width .. width
    here = np.arange(width + 1)
    inside = chance[here[None, :] - here[:, None] + width]
    up = 1.0 - below[width - here + 1 + width]
    down = below[width - here]
    return inside, up, down


def exit_chances(width: int, start: int, path: list[Stretch]) -> tuple[float, float, float]:
    """Return P(first close above), P(first close below), P(neither) for a corridor.

    Parameters
    ----------
    width
        High minus low of the corridor, ticks; a close on its edge is inside.
    start
        Start of the walk, ticks above the low, 0..width.
    path
        The spans from the start on.
    """
    mass = np.zeros(width + 1)
    mass[start] = 1.0
    up = down = 0.0
    for stretch in path:
        inside, above, below = _step_law(width, stretch.sigma, stretch.drift)
        trades = 1.0 - stretch.silent
        for _ in range(stretch.minutes):
            up += trades * float(mass @ above)
            down += trades * float(mass @ below)
            mass = stretch.silent * mass + trades * (mass @ inside)
            left = float(mass.sum())
            if left < _NEGLIGIBLE:
                return up, down, left
    return up, down, float(mass.sum())
