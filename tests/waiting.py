"""Wait for another process, as long as the slowest machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable

AT_MOST_SECONDS = 600.0
"""Only a fault takes this long, however slow or busy the machine is."""


def wait_until(holds: Callable[[], object], message: Callable[[], object] = lambda: None) -> None:
    """Return once a condition holds; fail with the given message if it never does."""
    deadline = time.monotonic() + AT_MOST_SECONDS
    pause = 0.01
    while not holds():
        assert time.monotonic() < deadline, message()
        time.sleep(pause)
        pause = min(1.5 * pause, 0.25)  # asking a server costs processor time, too
