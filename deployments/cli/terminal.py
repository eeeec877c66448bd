"""What commands share of the terminal: consoles, options, progress, days and times."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from ml_core.errors import InputError

MarketOption = Annotated[str, typer.Option(help="Name of a market file.")]


class NotATimeError(InputError):
    """Text that is no day or time."""

    def __init__(self, option: str, text: str, example: str) -> None:
        super().__init__(option, text, example)
        self.option, self.text, self.example = option, text, example

    def __str__(self) -> str:
        return f"{self.option} {self.text!r} is no time that can be read; write {self.example}"


def out() -> Console:
    """Give the console for results; plain when piped."""
    return Console(highlight=False)


def err() -> Console:
    """Give the console for progress and remarks."""
    return Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress(words: str, total: int | None = None) -> Iterator[_Bar]:
    """Show a bar on the error stream while something long runs; a line each when piped."""
    console = err()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn() if total is not None else TextColumn("{task.completed}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        yield _Bar(shown, words, total)


class _Bar:
    def __init__(self, shown: Progress, words: str, total: int | None) -> None:
        self._shown = shown
        self._task = shown.add_task(words, total=total, detail="")

    def at(self, done: int, total: int | None = None, detail: str = "") -> None:
        """Move to ``done`` of ``total``."""
        self._shown.update(self._task, completed=done, total=total, detail=detail[:30])


def day_of(text: str | None, option: str) -> date | None:
    """Read a day such as 2025-06-30.

    Raises
    ------
    NotATimeError
        It is none.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotATimeError(option, text, "a day such as 2025-06-30") from None


def time_of(text: str, option: str) -> datetime:
    """Read a time such as 2025-06-30T09:05, with or without a zone.

    Raises
    ------
    NotATimeError
        It is none.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        example = "one such as 2025-06-30T09:05 or 2025-06-29T23:05+00:00"
        raise NotATimeError(option, text, example) from None
