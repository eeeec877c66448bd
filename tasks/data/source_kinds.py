"""The kinds of source: Orbcast's own, and those that installed packages provide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract

from ml_core.bars.sources.built_in import BUILT_IN
from ml_core.bars.sources.kind import RESERVED, Source
from ml_core.errors import InputError, OperatorError

GROUP = "orbcast.sources"
"""Entry-point group in which packages register kinds of source."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class UnknownKindError(InputError):
    """Error for a kind of source that neither Orbcast nor an installed package provides."""

    kind: str
    available: tuple[str, ...]
    template = (
        "no source is called {kind!r}; use one of {available:, }, or install a package that "
        "brings it (`orbcast bars sources` lists what there is)"
    )


class PluginError(OperatorError):
    """Error for an installed package whose kind of source cannot be used."""

    kind: str
    package: str
    fault: str
    template = (
        "source {kind} of package {package} cannot be used: {fault}; mend or reinstall that "
        "package"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledKind:
    """A registered kind of source, usable or not.

    Attributes
    ----------
    name, package
        Name of the kind; name and version of the package that provides it.
    source
        The class; None if it cannot be used.
    fault
        Why it cannot be used, in words.
    """

    name: str
    package: str
    source: type[Source] | None
    fault: str = ""


def kind_names() -> tuple[str, ...]:
    """Return the names of all kinds, Orbcast's own first; no package is imported."""
    return (*BUILT_IN, *sorted({entry.name for entry in _entries()} - set(BUILT_IN)))


def installed_kinds() -> tuple[InstalledKind, ...]:
    """Return all kinds; one that cannot be used states why and does not affect the others."""
    own = [
        InstalledKind(name=name, package="orbcast", source=kind) for name, kind in BUILT_IN.items()
    ]
    return (*own, *(_installed(entry) for entry in sorted(_entries(), key=_order)))


@lru_cache(maxsize=32)
def source_class(name: str) -> type[Source]:
    """Return a kind of source by name; packages that provide other kinds are not imported.

    Raises
    ------
    UnknownKindError
        Neither Orbcast nor an installed package provides it.
    PluginError
        The package cannot be imported, or does not provide a kind of source.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    entry_points = [entry for entry in _entries() if entry.name == name]
    if not entry_points:
        raise UnknownKindError(name, kind_names())
    packages = sorted({_package(entry) for entry in entry_points})
    if len(packages) > 1:
        fault = f"{' and '.join(packages)} both bring a source of that name"
        raise PluginError(name, packages[0], fault)
    return _loaded(entry_points[0])


def _entries() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _order(entry: EntryPoint) -> tuple[str, str]:
    return entry.name, _package(entry)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"


def _installed(entry: EntryPoint) -> InstalledKind:
    package = _package(entry)
    if entry.name in BUILT_IN:
        fault = "that name is Orbcast's own"
        return InstalledKind(name=entry.name, package=package, source=None, fault=fault)
    try:
        return InstalledKind(name=entry.name, package=package, source=source_class(entry.name))
    except PluginError as error:
        return InstalledKind(name=entry.name, package=package, source=None, fault=error.fault)


def _loaded(entry: EntryPoint) -> type[Source]:
    package = _package(entry)
    try:
        kind = entry.load()
    except Exception as error:  # another package's code may raise anything
        fault = f"{entry.value} cannot be imported ({type(error).__name__}: {error})"
        raise PluginError(entry.name, package, fault) from error
    if fault := _fault_of(entry.name, kind):
        raise PluginError(entry.name, package, f"{entry.value} {fault}")
    checked: type[Source] = kind
    return checked


def _fault_of(name: str, kind: object) -> str:
    """Return why an object is not a kind of source of that name; empty if it is one."""
    if not (isinstance(kind, type) and issubclass(kind, Source)):
        return "is no subclass of ml_core.bars.sources.kind.Source"
    if isabstract(kind):
        return "has no method batches"
    if getattr(kind, "name", None) != name or not _NAME.fullmatch(name):
        return f"calls itself {getattr(kind, 'name', None)!r}, not {name!r}"
    if not getattr(kind, "reads", ""):
        return "does not say what it reads"
    for option in kind.options:
        if option.name in RESERVED or not _NAME.fullmatch(option.name):
            return f"has an option {option.name!r}, which no option can be called"
    return ""
