"""First passage of a Brownian motion between two levels: one, the other, or neither in time.

Borodin and Salminen, Handbook of Brownian Motion, 2002, part II, 1.3.0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TERMS = np.arange(1, 25)

_LEAST_TIME = 0.008  # variance over squared width; below it 24 terms are not enough

_CERTAIN = 1e-6  # lower bound of a probability


def first_passage(
    stop: NDArray[np.float64], target: NDArray[np.float64], variance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return P(target before stop and in time) and P(neither in time) of a Brownian motion.

    Parameters
    ----------
    stop, target
        Shape (n,), distances below and above the start, positive.
    variance
        Shape (n,), variance of the motion by the end of the time; values below 0.008 squared
        widths are raised to that.

    Returns
    -------
    p_win, p_timeout
        Shape (n,) each; 1 minus both is the probability of the stop.

    Examples
    --------
    >>> ten, thirty = np.array([10.0, 10.0]), np.array([30.0, 30.0])
    >>> p_win, p_timeout = first_passage(ten, thirty, np.array([1e6, 400.0]))
    >>> p_win.round(3), p_timeout.round(3)
    (array([0.25 , 0.121]), array([0.   , 0.262]))
    """
    width = stop + target
    place = stop / width
    waves = waves_of(place, TERMS) * fading_of(variance / width**2, TERMS)
    odd, even = waves[:, ::2].sum(axis=1), waves[:, 1::2].sum(axis=1)
    p_timeout = np.clip(2.0 * odd, 0.0, 1.0)
    return np.clip(place + even - odd, _CERTAIN, 1.0 - p_timeout - _CERTAIN), p_timeout


def waves_of(place: NDArray[np.float64], terms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the series' terms at the start position, 0..1 of the width: (n, terms)."""
    waves: NDArray[np.float64] = np.sin(np.pi * np.multiply.outer(place, terms))
    return waves * (2.0 / np.pi / terms)


def fading_of(time: NDArray[np.float64], terms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the factor each term decays by in a time in squared widths: (n, terms)."""
    time = np.maximum(time, _LEAST_TIME)
    fading: NDArray[np.float64] = np.exp(np.multiply.outer(time, -0.5 * (np.pi * terms) ** 2))
    return fading
