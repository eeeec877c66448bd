"""How far something long is, on the error stream: with the time left where the total is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from deployments.cli.terminal import err

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, Task

_DETAIL = 28
"""Characters of a step's name that fit beside the rest on a line of 80."""


class Pace:
    """The time gone by and the time left, going by what was done in which time.

    Parameters
    ----------
    clock
        Gives seconds that only grow.

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
        """Count from here: ``share`` of the work was done before."""
        self._since, self._had, self._ends = self._clock(), share, None

    def reached(self, share: float) -> None:
        """Note that ``share`` of the work, 0 to 1, is done now."""
        if share >= 1:
            self._ends = None
        elif share > self._had:
            spent = self._clock() - self._since
            self._ends = self._since + spent * (1 - self._had) / (share - self._had)

    @property
    def words(self) -> str:
        """The time left if it is known, else the time gone by."""
        now = self._clock()
        if self._ends is not None and now <= self._ends:
            return f"{_told(self._ends - now)} left"
        return f"{_told(now - self._began)} so far"


class Bar:
    """What moves as the work goes on.

    Parameters
    ----------
    shown, words, total, pace
        The bar drawn, what is being done, of how much, and how fast it goes.
    """

    def __init__(self, shown: Progress, words: str, total: float | None, pace: Pace) -> None:
        self._shown, self._pace, self._total, self._words = shown, pace, total, words
        self._task = shown.add_task(words, total=total, detail="")

    def at(self, done: float, total: float | None = None, detail: str = "") -> None:
        """Move to ``done`` of ``total``; a total told before holds."""
        self._total = total or self._total
        if self._total:
            self._pace.reached(done / self._total)
        detail = detail[:_DETAIL]
        self._shown.update(self._task, completed=done, total=self._total, detail=detail)

    def share(self, share: float, words: str) -> None:
        """Move to a share from 0 to 1 of what ``words`` name; other words begin anew."""
        if words != self._words:
            self._words = words
            self._pace.begin(share)
        self._pace.reached(share)
        self._shown.update(self._task, completed=share, total=1.0, description=words)

    def say(self, words: str) -> None:
        """Print a line above the bar, or without it where there is none."""
        self._shown.console.print(words, markup=False, soft_wrap=True)


@contextlib.contextmanager
def progress(words: str, total: float | None = None) -> Iterator[Bar]:
    """Show on the error stream that something long runs; nothing where that is no terminal.

    With a total: how far it is, and the time left if it goes on as it went. Without: the time gone
    by. What is printed on the error stream meanwhile stands above the bar, whole.

    Parameters
    ----------
    words
        What is being done.
    total
        Of what is counted, if it is known from the start.
    """
    from rich.progress import (  # noqa: PLC0415 - after --help
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
    )

    console, pace = err(), Pace(time.monotonic)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        _clock_of(pace),
        TextColumn("{task.fields[detail]}", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,  # results are not to land on the error stream
        disable=not console.is_terminal,
    ) as shown:
        yield Bar(shown, words, total, pace)


@contextlib.contextmanager
def flow_progress(words: str) -> Iterator[Bar]:
    """Show how far a flow of this process is: each bar that it moves in the UI, or the time."""
    from tasks.runs.watching import watched  # noqa: PLC0415 - after --help

    with progress(words) as bar, watched(bar.share):
        yield bar


def _clock_of(pace: Pace) -> ProgressColumn:
    from rich.progress import ProgressColumn  # noqa: PLC0415 - after --help
    from rich.text import Text  # noqa: PLC0415

    class Clock(ProgressColumn):
        """The time left or gone by; drawn anew with each frame."""

        def render(self, task: Task) -> Text:
            share = f"{task.percentage:3.0f} % " if task.total else ""
            return Text(f"{share}{pace.words}", style="progress.remaining")

    return Clock()


def _told(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
