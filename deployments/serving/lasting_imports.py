"""Imports at the start of a long-running process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Look for no garbage during imports, nor later among what they made, which all stays.

    Otherwise a fifth of the time of the imports would pass in looking for it.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
