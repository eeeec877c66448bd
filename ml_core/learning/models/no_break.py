"""P(no breakout by the scan end), by opening range and by the range's height over volatility.

A range that is high relative to a minute's usual move is broken later or, in a short session, not
at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.learning.models.gain import blocks_of_days, gain_over_days

SHRUNK_BY = 20
"""Weight, in rows, of the coarser share in each cell: a quiet day is not enough for a cell."""

_PARTS = 3
_FOLDS = 5
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBreak:
    """Smoothed shares of ranges without a breakout.

    Attributes
    ----------
    overall
        Share over all ranges, for a range not seen in training.
    by_range
        Share of each opening range.
    edges
        Boundaries between the three parts of ``by_height``, in units of sigma; none without it.
    by_height
        For each opening range, the shares of low, middle and high ranges; empty where the training
        rows do not show that they predict better than ``by_range``.
    """

    overall: float
    by_range: Mapping[str, float]
    edges: tuple[float, ...] = ()
    by_height: Mapping[str, tuple[float, ...]] | None = None

    def of(
        self, opening_range: NDArray[np.str_], height: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return P(no breakout), shape (n,), of ranges ``height`` sigma high."""
        shares = [self.by_range.get(str(name), self.overall) for name in opening_range]
        constant = np.array(shares, np.float64)
        if not self.by_height:
            return constant
        part = np.searchsorted(self.edges, height)
        own = [self.by_height.get(str(name)) for name in opening_range]
        return np.array(
            [
                constant[row] if cells is None else cells[part[row]]
                for row, cells in enumerate(own)
            ],
            np.float64,
        )


def fit_no_break(
    none: NDArray[np.bool_],
    opening_range: NDArray[np.str_],
    height: NDArray[np.float64],
    day: NDArray[np.datetime64],
) -> NoBreak:
    """Fit the shares; those by height are kept only if they beat those by range on unseen days.

    Both are fitted on four fifths of the days and scored on the remaining fifth, five times. The
    gain in log loss must exceed one standard error over days.

    Parameters
    ----------
    none, opening_range, height, day
        Shape (n,): whether a range had no breakout, its name, its height in units of sigma, and
        its trading day.
    """
    constant = _by_range(none, opening_range)
    with_height = _by_height(constant, none, opening_range, height)
    if not none.any() or none.all():
        return constant
    fold = blocks_of_days(day, _FOLDS)
    saved = np.zeros(len(none))
    for left_out in range(_FOLDS):
        rows, others = fold == left_out, fold != left_out
        if not others.any():
            return constant
        coarse = _by_range(none[others], opening_range[others])
        fine = _by_height(coarse, none[others], opening_range[others], height[others])
        of_coarse, of_fine = (
            _loss(shares.of(opening_range[rows], height[rows]), none[rows])
            for shares in (coarse, fine)
        )
        saved[rows] = of_coarse - of_fine
    return with_height if gain_over_days(saved, day).exceeds_one_error else constant


def _by_range(none: NDArray[np.bool_], opening_range: NDArray[np.str_]) -> NoBreak:
    overall = float((none.sum() + 0.5) / (len(none) + 1.0))
    by_range = {
        str(name): _share(none[opening_range == name], overall)
        for name in np.unique(opening_range)
    }
    return NoBreak(overall=overall, by_range=by_range)


def _by_height(
    coarse: NoBreak,
    none: NDArray[np.bool_],
    opening_range: NDArray[np.str_],
    height: NDArray[np.float64],
) -> NoBreak:
    shares = np.arange(1, _PARTS) / _PARTS
    edges = tuple(float(f"{edge:.6g}") for edge in np.quantile(height, shares))
    part = np.searchsorted(edges, height)
    by_height = {
        name: tuple(
            _share(none[(opening_range == name) & (part == index)], share)
            for index in range(_PARTS)
        )
        for name, share in coarse.by_range.items()
    }
    return NoBreak(
        overall=coarse.overall, by_range=coarse.by_range, edges=edges, by_height=by_height
    )


def _share(none: NDArray[np.bool_], coarser: float) -> float:
    return float((none.sum() + SHRUNK_BY * coarser) / (len(none) + SHRUNK_BY))


def _loss(p: NDArray[np.float64], none: NDArray[np.bool_]) -> NDArray[np.float64]:
    p = np.clip(p, _LEAST, 1.0 - _LEAST)
    loss: NDArray[np.float64] = -np.log(np.where(none, p, 1.0 - p))
    return loss
