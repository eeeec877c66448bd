"""The input columns of the trees: the features, and the side a question is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import TURNS, Mirror, OwnColumn
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.version_folder import Question

SIDE = "side"
"""Name of the column of the side in question: +1 long or UP, -1 short or DOWN."""

FROM_SIDE = "_from_side"
"""Suffix of a feature's name when it is seen from the side in question."""

_MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Inputs:
    """The columns that the trees of one model read.

    Without mirroring, the direction model predicts UP and has no side. In a mirrored recipe it
    predicts the breakout through the edge that is nearer at t0, and all three models get a second
    copy of every feature that flips when prices are turned upside down, as seen from the side in
    question. An effect of the nearer edge, or of a trade's own side, then takes one split of a
    tree instead of two, neither of which says anything alone. The direction model also gets a copy
    of the other numbers, multiplied by the side, because their meaning for UP is reversed when the
    low is the nearer edge.

    Attributes
    ----------
    features, categorical
        Names of the dataset's k columns, and those of them that hold codes.
    question, mirrored
        Which model it is, and whether the recipe is mirrored.
    own
        The own features among them.
    """

    features: tuple[str, ...]
    categorical: tuple[str, ...]
    question: Question
    mirrored: bool
    own: tuple[OwnColumn, ...] = ()

    @property
    def has_side(self) -> bool:
        """Whether the model's question is about a side."""
        return self.mirrored or self.question != "directional"

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        seen = [name + FROM_SIDE for name in _turning(self)]
        return [*self.features, *seen, *([SIDE] if self.has_side else [])]

    @property
    def codes(self) -> list[int]:
        """Positions of the columns that hold codes."""
        categorical = {*self.categorical, *(name + FROM_SIDE for name in self.categorical)}
        return [index for index, name in enumerate(self.names) if name in categorical]

    def of(
        self, features: NDArray[np.float64], side: NDArray[np.float64] | float
    ) -> NDArray[np.float64]:
        """Return the columns of n rows.

        Parameters
        ----------
        features
            Shape (n, k).
        side
            +1 or -1, one for all rows or shape (n,).
        """
        if not self.has_side:
            return features
        sides = np.broadcast_to(np.asarray(side, np.float64), (len(features),))
        columns = dict(zip(self.features, features.T, strict=True))
        seen = [
            np.where(sides > 0, columns[name], mirror(columns[mirror.of or name]))
            for name, mirror in _turning(self).items()
        ]
        return np.column_stack([features, *seen, sides])


@lru_cache(maxsize=32)
def _turning(inputs: Inputs) -> dict[str, Mirror]:
    """Return the features that flip with prices, without those whose counterpart is missing.

    The result is cached because every prediction needs it.
    """
    if not inputs.mirrored:
        return {}
    mirrors = {name: _mirror_of(name, inputs) for name in inputs.features}
    return {
        name: mirror
        for name, mirror in mirrors.items()
        if mirror is not None and (not mirror.of or mirror.of in inputs.features)
    }


def _mirror_of(name: str, inputs: Inputs) -> Mirror | None:
    own = {column.name: column.mirror for column in inputs.own}
    mirror = own[name] if name in own else _shipped_mirror_of(name)
    if mirror is None and inputs.question == "directional" and name not in inputs.categorical:
        # an effect towards UP, whichever edge is nearer, then takes one split too
        return TURNS
    return mirror


def _shipped_mirror_of(name: str) -> Mirror | None:
    return CATALOGUE.select([name])[0].mirror if name in CATALOGUE else TURNS


def nearer_side(data: Dataset) -> NDArray[np.float64]:
    """Return the edge of the range nearer to the price at t0: +1 high, -1 low, shape (n,)."""
    return np.where(data.close_position >= _MIDDLE, 1.0, -1.0)


def feature_of(column: str) -> str:
    """Return the feature that a column is derived from.

    >>> feature_of("change_5d_from_side"), feature_of("atr_trend")
    ('change_5d', 'atr_trend')
    """
    return column.removesuffix(FROM_SIDE)
