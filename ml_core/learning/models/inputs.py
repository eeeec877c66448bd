"""The columns that trees read: the features, and the side that a question is asked about."""

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
"""Name of the column that holds the side asked about: +1 long or UP, -1 short or DOWN."""

FROM_SIDE = "_from_side"
"""Ending of the name of a feature as it is seen from the side asked about."""

_MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the trees of one model read of a row.

    The model of the direction is asked about UP, without a side. Of a mirrored recipe it is asked
    about the edge that is nearer at t0, and every feature that turns round when prices are turned
    upside down is given to all three models a second time, as seen from the side asked about. What
    follows the nearer edge, or a trade's own side, is then one split of a tree and not two, of
    which neither tells anything by itself. The model of the direction is given the other numbers
    times the side, since what they say of UP is turned round where the low is asked about.

    Attributes
    ----------
    features, categorical
        Names of the dataset's columns, k of them, and which of them hold codes.
    question, mirrored
        Of which model, of what recipe.
    own
        The trader's own among the features.
    """

    features: tuple[str, ...]
    categorical: tuple[str, ...]
    question: Question
    mirrored: bool
    own: tuple[OwnColumn, ...] = ()

    @property
    def has_side(self) -> bool:
        """Whether the model is asked about a side."""
        return self.mirrored or self.question != "directional"

    @property
    def names(self) -> list[str]:
        """Names of the columns in order."""
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
    """Features that turn round with prices; one whose counterpart is not there is left out.

    Remembered, since every prediction asks.
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
        # what sends prices up, whichever edge is nearer, is one split as well
        return TURNS
    return mirror


def _shipped_mirror_of(name: str) -> Mirror | None:
    return CATALOGUE.select([name])[0].mirror if name in CATALOGUE else TURNS


def nearer_side(data: Dataset) -> NDArray[np.float64]:
    """Return which edge of the range the price is nearer to at t0: +1 high, -1 low, shape (n,)."""
    return np.where(data.close_position >= _MIDDLE, 1.0, -1.0)


def feature_of(column: str) -> str:
    """Return the feature that a column is made of.

    >>> feature_of("change_5d_from_side"), feature_of("atr_trend")
    ('change_5d', 'atr_trend')
    """
    return column.removesuffix(FROM_SIDE)
