"""The catalogue of all features; each is declared next to its function."""

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
Unit = Literal["", "ticks", "ATR", "R", "basis points", "sigma", "minutes", "days", "share"]


_UP_AND_DOWN = (1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Mirror:
    """How a feature changes when prices are turned upside down: highs are lows, UP is DOWN.

    Attributes
    ----------
    about
        The value that the feature is reflected about: 0 turns a move round, 0.5 a share of a
        range.
    of
        Name of the feature whose value it takes: the distance above a low takes the distance above
        the high. "" means the feature itself.
    codes
        Whether 1 and 2, its codes for up and down, are swapped.
    """

    about: float | None = None
    of: str = ""
    codes: bool = False

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn the values of the feature named by ``of`` upside down, shape (n,)."""
        if self.codes:
            return np.where(np.isin(values, _UP_AND_DOWN), sum(_UP_AND_DOWN) - values, values)
        return values if self.about is None else 2.0 * self.about - values


TURNS = Mirror(about=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnColumn:
    """What a dataset and a version record about an own feature, which no release contains.

    Attributes
    ----------
    name, words, unit, mirror
        As the feature was declared.
    code
        SHA-256 of the file that declares it, hex.
    """

    name: str
    words: str
    unit: str
    code: str
    mirror: Mirror | None = TURNS


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its name, its description for a trader, and the function that computes it.

    Attributes
    ----------
    name
        Column name: the name of the function.
    group
        The file it is defined in.
    words
        What it measures, in a trader's words; the value is appended to them.
    unit
        Unit of its values.
    categorical
        Whether its values are small integer codes without order.
    instead
        The feature that replaces it in new versions; "" if it is not retired. A retired feature is
        still computed for the versions that learned from it.
    mirror
        How it changes when prices are turned upside down; None if it stays as it is. The default
        is to turn about 0, which costs a column if that is wrong.
    compute
        Takes a view of n decisions and returns float64 of shape (n,), NaN where missing.
    code
        SHA-256 of the file that declares an own feature; "" for a shipped one.
    news
        Whether it reads scheduled news, which a home may not have; "all" leaves such features out.
    """

    name: str
    group: str
    words: str
    unit: Unit
    categorical: bool
    compute: FeatureFunction
    instead: str = ""
    mirror: Mirror | None = TURNS
    code: str = ""
    news: bool = False

    def values(self, view: View) -> NDArray[np.float64]:
        """Compute it for every row of a view, shape (n,); only one that says so reads news."""
        return np.asarray(self.compute(view.with_news if self.news else view), np.float64)

    @property
    def own_column(self) -> OwnColumn | None:
        """The record kept of an own feature; None for a shipped one."""
        if not self.code:
            return None
        return OwnColumn(
            name=self.name, words=self.words, unit=self.unit, code=self.code, mirror=self.mirror
        )


class UnknownFeatureError(InputError):
    """A recipe names features that the catalogue does not have."""

    unknown: tuple[str, ...]
    available: tuple[str, ...]
    refused: tuple[str, ...] = ()
    template = "no feature named {unknown:, }{_hint}"

    @property
    def _hint(self) -> str:
        """Suggest the closest names, and list the files of own features that could not be read."""
        near = difflib.get_close_matches(self.unknown[0], self.available, n=3)
        meant = f"; did you mean {', '.join(near)}?" if near else ""
        return meant + "".join(f"; {fault}" for fault in self.refused)


class FeatureChangedError(InputError):
    """A version learned from own features whose file has changed since."""

    changed: tuple[str, ...]
    template = (
        "{changed:, }: the file that declares it is not the one that the version was "
        "trained with; restore that file, or give the new feature its own name and train"
    )


class RetiredFeatureError(InputError):
    """A recipe names retired features, which are kept only for older versions."""

    retired: tuple[str, ...]
    instead: tuple[str, ...]
    template = (
        "{retired:, }: only for versions trained with it, no longer for training, since its "
        "unit is not constant over time; name {instead:, } in the recipe instead"
    )


class Catalogue:
    """Features by name, in the order of their declaration.

    Own features come after the shipped ones and are not part of "all".
    """

    def __init__(self) -> None:
        self._features: dict[str, Feature] = {}
        self._refused: tuple[str, ...] = ()

    def with_own(self, own: Iterable[Feature], refused: Iterable[str] = ()) -> Catalogue:
        """Return a catalogue of these features and a trader's own features.

        Parameters
        ----------
        own
            Own features (with ``code``), whose names are not taken yet.
        refused
            Errors in files of own features, shown when a feature is not found.
        """
        whole = Catalogue()
        whole._features = {**self._features, **{feature.name: feature for feature in own}}
        whole._refused = tuple(refused)
        return whole

    def feature(
        self,
        words: str,
        *,
        unit: Unit = "",
        categorical: bool = False,
        instead: str = "",
        mirror: Mirror | None = TURNS,
        news: bool = False,
    ) -> Callable[[FeatureFunction], FeatureFunction]:
        """Declare the decorated function as the feature of the same name.

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
            self._features[name] = Feature(
                name, group, words, unit, categorical, compute, instead, mirror, news=news
            )
            return compute

        return declare

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: str) -> bool:
        return name in self._features

    def names(self) -> tuple[str, ...]:
        """Return the names of "all": neither retired nor own, and reading no news; in order."""
        return tuple(
            name
            for name, feature in self._features.items()
            if not feature.instead and not feature.code and not feature.news
        )

    def news_names(self) -> tuple[str, ...]:
        """Return the names of the shipped features that read scheduled news, in order."""
        return tuple(name for name, one in self._features.items() if one.news and not one.code)

    def own(self) -> tuple[Feature, ...]:
        """Return the trader's own features, in order."""
        return tuple(feature for feature in self._features.values() if feature.code)

    def retired(self) -> tuple[str, ...]:
        """Return the names of the retired features, which are kept only for older versions."""
        return tuple(name for name, feature in self._features.items() if feature.instead)

    def own_names(self) -> tuple[str, ...]:
        """Return the names of the trader's own features that are not retired."""
        return tuple(feature.name for feature in self.own() if not feature.instead)

    def every(self) -> tuple[Feature, ...]:
        """Return all features, including retired ones."""
        return tuple(self._features.values())

    def to_learn(self, names: Iterable[str] | Literal["all"]) -> tuple[Feature, ...]:
        """Return the features of these names for a training.

        Raises
        ------
        RetiredFeatureError
            One of them is retired.
        UnknownFeatureError
            A name the catalogue does not have.
        """
        features = self.select(names)
        if retired := [feature for feature in features if feature.instead]:
            raise RetiredFeatureError(
                tuple(feature.name for feature in retired),
                tuple(feature.instead for feature in retired),
            )
        return features

    def select(self, names: Iterable[str] | Literal["all"]) -> tuple[Feature, ...]:
        """Return the features of these names, in the order named.

        "all", by itself or among names, means every shipped feature that is not retired and does
        not read news.

        Raises
        ------
        UnknownFeatureError
            A name the catalogue does not have.
        """
        named = ("all",) if names == "all" else tuple(names)
        wanted = dict.fromkeys(
            one for name in named for one in (self.names() if name == "all" else (name,))
        )
        unknown = tuple(name for name in wanted if name not in self._features)
        if unknown:
            available = (*self.names(), *self.news_names(), *self.own_names())
            raise UnknownFeatureError(unknown, available, self._refused)
        return tuple(self._features[name] for name in wanted)

    def select_with_own(self) -> tuple[Feature, ...]:
        """Return every feature that is not retired, those of news and own features last."""
        return self.select(("all", *self.news_names(), *self.own_names()))

    def learned(self, names: Iterable[str], own: Iterable[OwnColumn]) -> tuple[Feature, ...]:
        """Return the features that a version learned from, exactly as they were then.

        Parameters
        ----------
        names
            Names of its columns, in order.
        own
            Those of them that were own features.

        Raises
        ------
        UnknownFeatureError
            A feature no longer exists.
        FeatureChangedError
            The file that declares one has changed.
        """
        features = self.select(names)
        codes = {column.name: column.code for column in own}
        changed = [
            feature.name for feature in features if feature.code != codes.get(feature.name, "")
        ]
        if changed:
            raise FeatureChangedError(tuple(changed))
        return features


CATALOGUE = Catalogue()
feature = CATALOGUE.feature


def compute(view: View, features: Iterable[Feature]) -> NDArray[np.float64]:
    """Compute features for every row of the view, shape (n, k), NaN where missing."""
    features = tuple(features)
    if not len(view):  # a market whose price never changes has no usable range
        return np.empty((0, len(features)))
    columns = [feature.values(view) for feature in features]
    return np.column_stack(columns) if columns else np.empty((len(view), 0))
