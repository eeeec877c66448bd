"""Report the progress of this process's run to watchers, such as a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

Watcher = Callable[[float, str], None]
"""Receives a share from 0 to 1 and the words for the work that it is a share of."""

_watchers: list[Watcher] = []


@contextlib.contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Report every progress bar to ``watcher`` within this context."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def report_progress(share: float, words: str) -> None:
    """Report to each watcher that ``share`` of the work named by ``words`` is done."""
    for watcher in _watchers:
        watcher(share, words)
