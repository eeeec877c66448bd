"""Markdown at a terminal."""

from __future__ import annotations

import typer
from rich.markdown import Markdown

from deployments.cli.plain_text import fit_to_show
from deployments.cli.terminal import out


def print_markdown(text: str) -> None:
    """Print markdown: laid out at a terminal, unchanged into a file or a pipe."""
    console = out()
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        typer.echo(fit_to_show(text.rstrip("\n")))
