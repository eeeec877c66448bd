"""A trader's own features: from Python files in the home and from installed packages.

Each creates a ``Catalogue`` and declares functions in it, as ``ml_core/features/groups`` does in
the shipped one. A model learns only from the features that its recipe names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import InputError
from ml_core.features.all import CATALOGUE
from ml_core.features.catalogue import Catalogue, Feature
from ml_core.features.view import View
from ml_core.files import sha256_of, sha256_of_code
from ml_core.learning.models.inputs import FROM_SIDE, SIDE

GROUP = "orbcast.features"
"""Entry-point group of packages that provide features; each entry is a ``Catalogue``."""

RESERVED = frozenset(
    (
        "market trading_day opening_range decision_time decision_minute exclusion contract high "
        "low close break_direction break_time entry stop target outcome exit r_gross r_net "
        "resolved_at label baseline_p_up baseline_p_win baseline_net_r close_position size_ticks "
        f"sigma_ticks said_p_up all {SIDE}"
    ).split()
)
"""Names of columns that a dataset, or a version's stored part of one, already has."""


class FeatureFileError(InputError):
    """Error for a file or package of own features that cannot be used."""

    origin: str
    fault: str
    template = "own features of {origin} are refused: {fault}"


class OwnFeatureError(InputError):
    """Error for an own feature that cannot be computed."""

    name: str
    fault: str
    template = "your own feature {name} fails: {fault}"


@dataclass(frozen=True, slots=True)
class OwnFeatures:
    """A trader's own features, and why some of their files or packages cannot be used."""

    features: tuple[Feature, ...]
    refused: tuple[FeatureFileError, ...]

    def catalogue(self) -> Catalogue:
        """Return the shipped features and the own ones."""
        return CATALOGUE.with_own(self.features, map(str, self.refused))


def own_features(folder: Path) -> OwnFeatures:
    """Read a trader's own features by running the files that declare them.

    A file that is refused does not affect the others. It is read again once it has changed.

    Parameters
    ----------
    folder
        Its ``*.py`` files, except those that begin with ``_``, are read in order of their names.
        Each file is independent: its hash is the hash of its features.
    """
    files = tuple(
        (path, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.glob("*.py"))
        if not path.name.startswith("_")
    )
    return _read(files)


@lru_cache(maxsize=8)
def _read(files: tuple[tuple[Path, int, int], ...]) -> OwnFeatures:
    features: dict[str, Feature] = {}
    refused: list[FeatureFileError] = []
    for origin, declared in _origins([path for path, *_ in files]):
        try:
            features_there = declared()
            _require_new(origin, features_there, features)
        except FeatureFileError as error:
            refused.append(error)
        else:
            features |= {feature.name: feature for feature in features_there}
    return OwnFeatures(tuple(features.values()), tuple(refused))


def _origins(paths: list[Path]) -> Iterator[tuple[str, Callable[[], tuple[Feature, ...]]]]:
    for path in paths:
        yield str(path), partial(_of_file, path)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        yield _package(entry), partial(_of_package, entry)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _of_file(path: Path) -> tuple[Feature, ...]:
    """Run a file and return the features it declares; no bytecode is written beside it."""
    code = sha256_of(path)
    module = ModuleType(f"orbcast_own_features_{path.stem}_{code[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look up their annotations here
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - its use
    except SyntaxError as error:
        raise FeatureFileError(str(path), f"line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise FeatureFileError(str(path), _fault_of(error, str(path))) from error
    made = {id(value): value for value in vars(module).values() if isinstance(value, Catalogue)}
    made.pop(id(CATALOGUE), None)
    return _features_of(str(path), made.values(), path.stem, code)


def _of_package(entry: EntryPoint) -> tuple[Feature, ...]:
    origin = _package(entry)
    try:
        catalogue = entry.load()
        root = import_module(entry.module.partition(".")[0])
    except Exception as error:  # code written by others may raise anything
        fault = f"{entry.value} cannot be imported ({type(error).__name__}: {error})"
        raise FeatureFileError(origin, fault) from error
    if not isinstance(catalogue, Catalogue) or catalogue is CATALOGUE:
        raise FeatureFileError(origin, f"{entry.value} is not a Catalogue of its own")
    code = sha256_of_code(Path(str(root.__file__)))
    return _features_of(origin, [catalogue], entry.name, code)


def _features_of(
    origin: str, catalogues: Iterable[Catalogue], group: str, code: str
) -> tuple[Feature, ...]:
    features = [feature for catalogue in catalogues for feature in catalogue.every()]
    if not features:
        fault = (
            "it declares no feature: make one with mine = Catalogue(), and write "
            '@mine.feature("what it measures") above a function of a view'
        )
        raise FeatureFileError(origin, fault)
    return tuple(
        replace(feature, group=group, code=code, compute=partial(_computed, feature))
        for feature in features
    )


def _computed(feature: Feature, view: View) -> NDArray[np.float64]:
    """Compute an own feature.

    Raises
    ------
    OwnFeatureError
        It fails, or does not return a number for each decision.
    """
    try:
        values = np.asarray(feature.compute(view), np.float64)
    except Exception as error:
        fault = _fault_of(error, feature.compute.__code__.co_filename)
        raise OwnFeatureError(feature.name, fault) from error
    if values.shape != (len(view),):
        fault = f"it returns shape {values.shape} for {len(view)} decisions; wanted ({len(view)},)"
        raise OwnFeatureError(feature.name, fault)
    if np.isinf(values).any():
        fault = "it returns infinity; divide by positive(...), which makes that missing"
        raise OwnFeatureError(feature.name, fault)
    return values


def _fault_of(error: BaseException, file: str) -> str:
    """Return an error as text, with the line of the file in which it occurred."""
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    place = f"line {lines[-1]}: " if lines else ""
    return f"{place}{type(error).__name__}: {error}"


def _require_new(
    origin: str, features: tuple[Feature, ...], before: Mapping[str, Feature]
) -> None:
    """Refuse features whose names are already in use."""
    for number, feature in enumerate(features):
        name = feature.name
        if name in CATALOGUE:
            fault = f"{name} is a shipped feature's name; give yours another"
        elif name in RESERVED or name.endswith(FROM_SIDE):
            fault = f"{name} is a column's name already; give the feature another"
        elif name in before or name in {other.name for other in features[:number]}:
            fault = f"{name} is declared twice; give one of them another name"
        else:
            continue
        raise FeatureFileError(origin, fault)
