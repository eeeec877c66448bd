"""One document, said once and written twice: as markdown, and as a page whole in itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.pages.findings import Finding
from monitoring.pages.markdown import code, readable
from monitoring.pages.markup import Html, element, join, table
from monitoring.pages.page_frame import bullets, card, document, foot, reading, section
from monitoring.pages.version_figures import Chart, chart_card


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms with what they mean."""

    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values under one another; a value that is to be copied stands in ``copied``."""

    rows: Mapping[str, str]
    title: str = ""
    copied: frozenset[str] = frozenset()


Cell = str | tuple[str, str]
"""What a cell says, and smaller what belongs to it, such as an interval."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its head, rows whose first cell names the row, and a note below.

    ``folded`` hides the rows of a long one behind its title, on the page only.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    note: str = ""
    words: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    """Figures; markdown has their titles and words, since it cannot hold an SVG."""

    charts: tuple[Chart, ...]


Block = Text | Points | Terms | Facts | Grid | Pictures


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the document under its heading; without blocks it is left out."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A document: the verdict, then its parts.

    Attributes
    ----------
    title
        Of the browser's tab.
    names
        What it is about, above the verdict and at the foot.
    verdict, lines
        One sentence, and those that follow it.
    finding
        Colours the verdict: ``better``, ``worse``, ``same`` or ``none``.
    parts
        In the order a reader should meet them.
    made_at
        Aware time, printed at the foot; left out, the same inputs give the same bytes.
    """

    title: str
    names: tuple[str, ...]
    verdict: str
    lines: tuple[str, ...] = ()
    finding: Finding = "none"
    parts: tuple[Part, ...] = field(default=())
    made_at: datetime | None = None


def to_page(paper: Paper) -> str:
    """Write it as one HTML document without scripts, links or outside hosts."""
    head = element(
        "header",
        element("div", " · ".join(("Orbcast", *paper.names)), class_="eyebrow"),
        element(
            "div",
            element("h1", paper.verdict),
            *(element("p", each) for each in paper.lines if each),
            class_=f"verdict {paper.finding}",
        ),
    )
    parts = [section(each.title, *map(_html, each.blocks)) for each in paper.parts]
    return document(paper.title, [head, *parts, foot(paper.names, paper.made_at)])


def to_markdown(paper: Paper) -> str:
    """Write it as markdown, every text of it escaped."""
    lines = [f"# {readable(' · '.join(paper.names))}", f"**{readable(paper.verdict)}**"]
    lines += [readable(each) for each in paper.lines if each]
    for part in paper.parts:
        if part.blocks:
            lines += [f"## {readable(part.title)}", *(_markdown(each) for each in part.blocks)]
    if paper.made_at is not None:
        lines.append(f"*Made {paper.made_at:%Y-%m-%d %H:%M} UTC.*")
    return "\n\n".join(each for each in lines if each) + "\n"


def _html(block: Block) -> Html:  # noqa: PLR0911 - one return for each kind
    match block:
        case Text(words):
            return element("p", words)
        case Points(sentences):
            return bullets(sentences)
        case Terms(terms):
            return reading(terms)
        case Facts():
            cells: Iterable[tuple[object, ...]] = (
                (name, element("code", value) if name in block.copied else value)
                for name, value in block.rows.items()
            )
            return card(block.title, table(("", ""), cells, "words"))
        case Grid():
            rows = (tuple(map(_cell, row)) for row in block.rows)
            shown = table(block.head, rows, "conditions" if block.words else "figures")
            if not block.folded:
                return card(block.title, shown, block.note)
            folded = element("details", element("summary", block.title), shown)
            return card("", folded, block.note)
        case Pictures(charts):
            return element("div", *map(chart_card, charts), class_="plots")


def _markdown(block: Block) -> str:
    match block:
        case Text(words):
            return readable(words)
        case Points(sentences):
            return "\n".join(f"- {readable(each)}" for each in sentences)
        case Terms(terms):
            return "\n".join(f"- **{readable(term)}**: {readable(words)}" for term, words in terms)
        case Facts():
            rows = (
                (readable(name), _copied(value) if name in block.copied else readable(value))
                for name, value in block.rows.items()
            )
            return _titled(block.title, _grid(("", ""), rows))
        case Grid():
            texts = (tuple(map(_text, row)) for row in block.rows)
            shown = _grid(tuple(map(readable, block.head)), texts)
            return _titled(block.title, shown, readable(block.note))
        case Pictures(charts):
            return "\n".join(
                f"- **{readable(each.title)}**: {readable(each.words)}" for each in charts
            )


def _cell(cell: Cell) -> object:
    if isinstance(cell, str):
        return cell
    return join((cell[0], element("span", cell[1], class_="span")))


def _text(cell: Cell) -> str:
    return readable(cell if isinstance(cell, str) else f"{cell[0]} ({cell[1]})")


def _copied(value: str) -> str:
    """Return what is to be copied within a table, where a bar would end the cell even in code."""
    return code(value).replace("|", "\\|")


def _titled(title: str, *texts: str) -> str:
    top = f"### {readable(title)}" if title else ""
    return "\n\n".join(each for each in (top, *texts) if each)


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(each) + " |" for each in rows)])
