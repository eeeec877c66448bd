"""The catalogue: every feature Orbcast knows, declared beside its function."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.features.view import View

FeatureFunction = Callable[[View], NDArray[np.float64]]
Unit = Literal["", "ticks", "ATR", "R", "sigma", "minutes", "days", "share"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its name, what a trader calls it, and the function that computes it.

    Attributes
    ----------
    name
        Column name, the function's own.
    group
        The file it is defined in.
    words
        What it measures, as a trader would say it, to be followed by its value.
    unit
        What its numbers count.
    categorical
        Whether it holds small integer codes without order.
    compute
        A view of n decisions to float64 of shape (n,), NaN where missing.
    """

    name: str
    group: str
    words: str
    unit: Unit
    categorical: bool
    compute: FeatureFunction


class UnknownFeatureError(InputError):
    """A recipe names features that the catalogue does not have."""

    unknown: tuple[str, ...]
    available: tuple[str, ...]
    template = "no feature named {unknown:, }{_hint}"

    @property
    def _hint(self) -> str:

        near = difflib.get_close_matches(self.unknown[0], self.available, n=3)
        return f"; did you mean {', '.join(near)}?" if near else ""


class Catalogue:
    """Features by name, in the order they were declared."""

    def __init__(self) -> None:
        self._features: dict[str, Feature] = {}

    def feature(
        self, words: str, *, unit: Unit = "", categorical: bool = False
    ) -> Callable[[FeatureFunction], FeatureFunction]:
        """Declare the decorated function as the feature of its own name.

        Raises
        ------
        ValueError
            A feature of that name was declared before.
        """

        def declare(compute: FeatureFunction) -> FeatureFunction:
            name = compute.__name__
            if name in self._features:
                raise ValueError(f"feature {name} is declared twice")
            group = compute.__module__.rpartition(".")[2]
            self._features[name] = Feature(name, group, words, unit, categorical, compute)
            return compute

        return declare

    def __len__(self) -> int:
        return len(self._features)

    def names(self) -> tuple[str, ...]:
        """Return every feature's name, in order."""
        return tuple(self._features)

    def select(self, names: Iterable[str] | Literal["all"]) -> tuple[Feature, ...]:
        """Return the features of these names, in the order named.

        Raises
        ------
        UnknownFeatureError
            A name the catalogue does not have.
        """
        if names == "all":
            return tuple(self._features.values())
        wanted = tuple(names)
        unknown = tuple(name for name in wanted if name not in self._features)
        if unknown:
            raise UnknownFeatureError(unknown, self.names())
        return tuple(self._features[name] for name in wanted)


CATALOGUE = Catalogue()
feature = CATALOGUE.feature


def compute(view: View, features: Iterable[Feature]) -> NDArray[np.float64]:
    """Compute features for every row of the view, shape (n, k), NaN where missing."""
    columns = [np.asarray(feature.compute(view), np.float64) for feature in features]
    return np.column_stack(columns) if columns else np.empty((len(view), 0))
