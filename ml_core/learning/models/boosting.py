"""LightGBM, imported alone.

It imports scikit-learn, pandas and more wherever they are installed, for interfaces that are not
used here; that takes five times as long as LightGBM itself. Whoever needs LightGBM takes ``lgb``
from here.
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
    """Hides the optional packages from one thread; others import them meanwhile as ever."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse an optional package to this thread; leave everything else to the next finder."""
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
