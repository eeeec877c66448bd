"""LightGBM, imported without its optional packages.

LightGBM imports scikit-learn, pandas and more wherever they are installed, for interfaces that are
not used here; this takes five times as long as importing LightGBM itself. Code that needs LightGBM
imports ``lgb`` from here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["lgb"]

_OPTIONAL = frozenset({"dask", "graphviz", "joblib", "matplotlib", "pandas", "sklearn"})


class _Hidden(MetaPathFinder):
    """Hides the optional packages from one thread; other threads import them as usual."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse optional packages to this thread; leave all else to the next finder."""
        del path, target
        if fullname in _OPTIONAL and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(fullname, name=fullname)
        return None


@contextmanager
def _alone() -> Iterator[None]:
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)


with _alone():
    import lightgbm as lgb
