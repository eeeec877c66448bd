"""Progress bars on the error stream, with the time left if the total is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from deployments import cli
from deployments.cli.terminal import err
from tasks import runs

if TYPE_CHECKING:
    from rich.progress import Progress

_DETAIL = 28
"""Longest name of a step, in characters, that fits on a line of 80 with the rest."""


class Pace:
    """The elapsed time and the time left, estimated from the share that is done.

    Parameters
    ----------
    clock
        Monotonic clock, in seconds.

    Examples
    --------
    >>> seconds = iter([0.0, 10.0, 10.0, 14.0, 61.0])
    >>> pace = Pace(lambda: next(seconds))
    >>> pace.reached(0.25)
    >>> pace.words, pace.words, pace.words
    ('0:00:30 left', '0:00:26 left', '0:01:01 so far')
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = self._since = clock()
        self._had = 0.0
        self._ends: float | None = None

    def begin(self, share: float) -> None:
        """Measure from now; ``share`` of the work was done before."""
        self._since, self._had, self._ends = self._clock(), share, None

    def reached(self, share: float) -> None:
        """Record that ``share`` of the work, 0 to 1, is done now."""
        if share >= 1:
            self._ends = None
        elif share > self._had:
            spent = self._clock() - self._since
            self._ends = self._since + spent * (1 - self._had) / (share - self._had)

    @property
    def words(self) -> str:
        """The time left if it is known, otherwise the elapsed time."""
        now = self._clock()
        if self._ends is not None and now <= self._ends:
            return f"{_clock_words(self._ends - now)} left"
        return f"{_clock_words(now - self._began)} so far"


class Bar:
    """A progress bar.

    Parameters
    ----------
    shown, words, total, pace
        The drawn bar, the name of the work, its total, and its pace.
    """

    def __init__(self, progress: Progress, words: str, total: float | None, pace: Pace) -> None:
        self._shown, self._pace, self._total, self._words = progress, pace, total, words
        self._task = progress.add_task(words, total=total, detail="")

    def at(self, done: float, total: float | None = None, detail: str = "") -> None:
        """Move to ``done`` of ``total``; without a total the earlier one stays."""
        self._total = total or self._total
        if self._total:
            self._pace.reached(done / self._total)
        detail = detail[:_DETAIL]
        self._shown.update(self._task, completed=done, total=self._total, detail=detail)

    def share(self, share: float, words: str) -> None:
        """Move to a share from 0 to 1 of the step named by ``words``; a new name starts again."""
        if words != self._words:
            self._words = words
            self._pace.begin(share)
        self._pace.reached(share)
        self._shown.update(self._task, completed=share, total=1.0, description=words)

    def say(self, words: str) -> None:
        """Print a line, above the bar if there is one."""
        self._shown.console.print(words, markup=False, soft_wrap=True)


@contextlib.contextmanager
def progress(words: str, total: float | None = None) -> Iterator[Bar]:
    """Show a progress bar on the error stream, if that is a terminal.

    With a total it shows the share done and the time left at the present pace; without one, the
    elapsed time. Lines printed on the error stream in the meantime appear whole above the bar.

    Parameters
    ----------
    words
        Name of the work.
    total
        Number of units in all, if it is known from the start.
    """
    pace = Pace(time.monotonic)
    with cli.progress_bar.drawn_bar(err(), lambda: pace.words) as drawn:
        yield Bar(drawn, words, total, pace)


@contextlib.contextmanager
def flow_progress(words: str) -> Iterator[Bar]:
    """Show the progress of a flow in this process: its progress bars in the UI, or the time."""
    with progress(words) as bar, runs.watching.watching(bar.share):
        yield bar


def _clock_words(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
