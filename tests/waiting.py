"""Waiting for what another process does, as long as the slowest machine may need for it."""

from __future__ import annotations

import time
from collections.abc import Callable

AT_MOST_SECONDS = 600.0
"""Nothing takes so long, however slow or busy the machine is: only a fault does."""


def wait_until(holds: Callable[[], object], told: Callable[[], object] = lambda: None) -> None:
    """Return once something holds; fail, with what is told, if it never does."""
    deadline = time.monotonic() + AT_MOST_SECONDS
    pause = 0.01
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(pause)
        pause = min(1.5 * pause, 0.25)  # asking a server costs processor time, too
