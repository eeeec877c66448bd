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
def _minute_law(width: int, sigma: float, drift: float, silent: float) -> NDArray[np.float64]:
    """Return the transition matrix of a minute, whose last two states are exits above and below.

    A step is a Gaussian rounded to whole ticks: P(j) = Phi((j + .5 - m)/s) - Phi((j - .5 - m)/s).
    """
    places = np.arange(-width, width + 2) - 0.5
    scaled = (places - drift) / (sigma * math.sqrt(2.0))
    below = 0.5 * (1.0 + np.array([math.erf(z) for z in scaled.tolist()]))
    chance = np.diff(below)  # probability of steps -width .. width
    here = np.arange(width + 1)
    law = np.eye(width + 3)
    law[:-2, :-2] *= silent
    law[:-2, :-2] += (1.0 - silent) * chance[here[None, :] - here[:, None] + width]
    law[:-2, -2] = (1.0 - silent) * (1.0 - below[width - here + 1 + width])
    law[:-2, -1] = (1.0 - silent) * below[width - here]
    return law


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
    mass = np.zeros(width + 3)
    mass[start] = 1.0
    for stretch in path:
        law = _minute_law(width, stretch.sigma, stretch.drift, stretch.silent)
        for _ in range(stretch.minutes):
            mass = mass @ law
        if mass[-2] + mass[-1] > 1.0 - _NEGLIGIBLE:
            break
    return float(mass[-2]), float(mass[-1]), float(mass[:-2].sum())
