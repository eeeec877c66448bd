"""Who waits at the terminal is told how far the run is that this process makes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

Watcher = Callable[[float, str], None]
"""Told a share from 0 to 1 and what it is a share of."""

_watchers: list[Watcher] = []


@contextlib.contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Have ``watcher`` told of every bar that moves while this holds."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def report_progress(share: float, words: str) -> None:
    """Report to each watcher that ``share`` of what ``words`` name is done."""
    for watcher in _watchers:
        watcher(share, words)
