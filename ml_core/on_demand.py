"""Imports modules when they are first used, not when a file names them.

So a command's help is shown at once, and a command loads only what it uses. There are two ways;
all other imports are at the top of a file.

A module of Orbcast that is needed only sometimes: import its package, which is light, and name the
module where it is used (PEP 562, as in SPEC 1)::

    from tasks import health

    def status() -> None:
        overview = health.market_overview.market_overview_of(...)

A library that takes long to import, in a file that is often imported without using it::

    special = library("scipy.special")

    def power(z: float) -> float:
        return special.ndtr(z)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def modules_of(package: str) -> Callable[[str], ModuleType]:
    """Return the ``__getattr__`` of a package root, which imports the module of that name.

    Under ``if TYPE_CHECKING`` the root lists the modules used in this way, for mypy.

    Parameters
    ----------
    package
        Name of the package, ``__name__`` in its root.

    Examples
    --------
    >>> modules_of("ml_core")("errors").__name__
    'ml_core.errors'
    >>> modules_of("ml_core")("horoscope")
    Traceback (most recent call last):
    ...
    AttributeError: module 'ml_core' has no attribute 'horoscope'
    """

    def module_named(name: str) -> ModuleType:
        full_name = f"{package}.{name}"
        try:
            return _imported(full_name)
        except ModuleNotFoundError as error:
            if error.name != full_name:
                raise  # a dependency of the module itself is not installed
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)

    return module_named


def library(name: str) -> Any:
    """Return a library's module, which is imported at its first use.

    Parameters
    ----------
    name
        Name of the module, such as ``scipy.special``.

    Raises
    ------
    ModuleNotFoundError
        At the first use: the library is not installed.

    Examples
    --------
    >>> library("json").dumps([1])
    '[1]'
    """
    return _Library(name)


class _Library:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(_imported(self._name), attribute)


def _imported(name: str) -> ModuleType:
    __import__(name)  # unlike import_module, shown by ``python -X importtime``
    return sys.modules[name]
