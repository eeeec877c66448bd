"""The progress bar as rich draws it, with the time left at its end."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text


class Clock(ProgressColumn):
    """The time left or elapsed, redrawn with each frame.

    Parameters
    ----------
    words
        Returns the time in words.
    """

    def __init__(self, words: Callable[[], str]) -> None:
        super().__init__()
        self._words = words

    def render(self, task: Task) -> Text:
        """Return the share that is done, if the total is known, and the time."""
        share = f"{task.percentage:3.0f} % " if task.total else ""
        return Text(f"{share}{self._words()}", style="progress.remaining")


def drawn_bar(console: Console, time_in_words: Callable[[], str]) -> Progress:
    """Return a bar that is drawn while its context is entered, and only at a terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        Clock(time_in_words),
        TextColumn("{task.fields[detail]}", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,  # results must not go to the error stream
        disable=not console.is_terminal,
    )
