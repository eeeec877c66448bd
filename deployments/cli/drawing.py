"""Consoles, tables and texts of rich: for who draws, since rich takes a while to import."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from deployments.cli.plain_text import fit_to_show

__all__ = ["Console", "Text", "plain_table", "ruled_table"]


class Console(RichConsole):
    """Rich's console; what stands in the text it draws cannot act on the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Draw, the text of each segment made fit to show."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=fit_to_show(segment.text))


def plain_table(*, padding: tuple[int, int] | tuple[int, int, int, int] = (0, 1)) -> Table:
    """Return a table without lines; ``padding`` as in CSS, in characters."""
    return Table(box=None, pad_edge=False, padding=padding)


def ruled_table(*headings: str) -> Table:
    """Return a table with a line below its headings."""
    return Table(*headings, box=SIMPLE_HEAD)
