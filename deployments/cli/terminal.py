"""Shared output and input of commands: prose, JSON, consoles, options, days and times."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from deployments import cli
from deployments.cli import completion, plain_text
from ml_core.errors import InputError, ReversedPeriodError
from ml_core.json_values import json_values
from tasks.runs.known_secrets import hide_secrets

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MarketOption = Annotated[
    str, typer.Option(help="Name of a market file.", autocompletion=completion.markets)
]
RecipeOption = Annotated[
    str, typer.Option(help="Name of a recipe file.", autocompletion=completion.recipes)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_KEPT_TOGETHER = re.compile(r"`[^`]+`|[+-]?\d[\d.,]* %")
"""Texts without a line break inside: a command to copy, and a percentage with its sign."""

_NO_TIME = "is not a readable time"

_JOINT = "\N{NO-BREAK SPACE}"


class OptionError(InputError):
    """An option whose value cannot be used."""

    option: str
    value: str
    fault: str
    remedy: str
    template = "{option} {value!r} {fault}; {remedy}"


def out() -> Console:
    """Return the console for results; its output is plain if piped."""
    return cli.drawing.Console(highlight=False)


def err() -> Console:
    """Return the console for progress and remarks."""
    return cli.drawing.Console(stderr=True, highlight=False)


def echo(words: str) -> None:
    """Print a result in prose: wrapped between words at a terminal, one line if piped.

    Lines after the first are indented by two more columns. Words and commands in backticks are
    never broken, so a long path may exceed the line.
    """
    sys.stdout.write(_folded(words, out()))


def remark(words: str) -> None:
    """Print a remark on the error stream, in the same way."""
    sys.stderr.write(_folded(words, err()))


def remark_begin(words: str, server: str | None) -> None:
    """Print a remark that long work begins, and on which server if one is up."""
    remark(f"{words} on {server} ..." if server else f"{words} ...")


def show_table(table: RenderableType) -> None:
    """Print a table without the trailing blanks of its last column."""
    console = out()
    with console.capture() as captured:
        console.print(table)
    lines = (line.rstrip() for line in captured.get().splitlines())
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_json(value: object) -> None:
    """Print exactly one JSON document: no colour, no wrapping, ASCII only.

    Times become ISO 8601 in UTC; NaN and infinity become null.
    """
    sys.stdout.write(json_text(value))


def print_fields(values: Mapping[str, object], *, as_json: bool) -> None:
    """Print the fields of a file, one line each, or as one JSON document."""
    if as_json:
        print_json(values)
        return
    for field, value in values.items():
        echo(f"{field} = {json.dumps(value)}")


def json_text(value: object) -> str:
    """Return the document of :func:`print_json` as text, for a file."""
    text = json.dumps(json_values(value), indent=2, allow_nan=False)
    return f"{hide_secrets(text)}\n"


def day_of(text: str | None, option: str) -> date | None:
    """Read a day such as 2025-06-30.

    Raises
    ------
    OptionError
        The text is not a day.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise OptionError(option, text, _NO_TIME, "write a day such as 2025-06-30") from None


def days_of(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    """Read the first and last day of a period.

    Raises
    ------
    OptionError, ReversedPeriodError
        A text is not a day; the first is after the last.
    """
    begin, end = day_of(first, "--from"), day_of(last, "--to")
    if begin and end and begin > end:
        raise ReversedPeriodError(f"--from {begin}", f"--to {end}")
    return begin, end


def parse_time(text: str, option: str) -> datetime:
    """Read a time such as 2025-06-30T09:05, with or without a zone.

    Raises
    ------
    OptionError
        The text is not a time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        remedy = "write one such as 2025-06-30T09:05 or 2025-06-29T23:05+00:00"
        raise OptionError(option, text, _NO_TIME, remedy) from None


def _folded(words: str, console: Console) -> str:
    words = plain_text.fit_to_show(words)
    # a pipe has no width; COLUMNS can set one
    if not (console.is_terminal or os.environ.get("COLUMNS")):
        return f"{words}\n"
    return "".join(f"{line}\n" for name in words.splitlines() for line in _lines(name, console))


def _lines(words: str, console: Console) -> list[str]:
    lead = words[: len(words) - len(words.lstrip())]
    whole = _KEPT_TOGETHER.sub(lambda match: _joined(match[0], console.width), words.strip())
    folded = textwrap.wrap(
        whole,
        console.width,
        initial_indent=lead,
        subsequent_indent=f"{lead}  ",
        break_long_words=False,
        break_on_hyphens=False,
        fix_sentence_endings=False,
    )
    return [line.replace(_JOINT, " ") for line in folded] or [""]


def _joined(words: str, width: int) -> str:
    return words.replace(" ", _JOINT) if len(words) < width // 2 else words
