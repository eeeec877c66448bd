"""Consoles, tables and texts of rich, in a module of their own because rich is slow to import."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from deployments.cli.plain_text import fit_to_show

__all__ = ["Console", "Text", "borderless_table", "ruled_table"]


class Console(RichConsole):
    """Rich's console, with control characters in the text made harmless."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render, with the text of each segment made fit to show."""
        for segment in super().render(renderable, options):
            # a table consists of blanks for the most part
            harmless = segment.control or not segment.text.strip(" \n")
            yield segment if harmless else segment._replace(text=fit_to_show(segment.text))


def borderless_table(
    *words: str, figures: Iterable[str] = (), whole: bool = False, gap: int | None = None
) -> Table:
    """Return a table without lines.

    Parameters
    ----------
    words, figures
        Headings of the left-aligned columns, and of the right-aligned columns after them.
    whole
        Whether to forbid line breaks within cells.
    gap
        Characters between two columns; default: one on either side.
    """
    padding = (0, 1) if gap is None else (0, gap, 0, 0)
    table = Table(box=None, pad_edge=False, padding=padding)
    for heading in words:
        table.add_column(heading, no_wrap=whole)
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=whole)
    return table


def ruled_table(*headings: str) -> Table:
    """Return a table with a line below its headings."""
    return Table(*headings, box=SIMPLE_HEAD)
