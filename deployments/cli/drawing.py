"""Consoles, tables and texts of rich: for who draws, since rich takes a while to import."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Console", "Text", "plain_table", "ruled_table"]


def plain_table(*, padding: tuple[int, int] | tuple[int, int, int, int] = (0, 1)) -> Table:
    """Return a table without lines; ``padding`` as in CSS, in characters."""
    return Table(box=None, pad_edge=False, padding=padding)


def ruled_table(*headings: str) -> Table:
    """Return a table with a line below its headings."""
    return Table(*headings, box=SIMPLE_HEAD)
