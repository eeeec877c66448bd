"""One document model, written as markdown or as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from ml_core.files import written_atomically
from ml_core.on_demand import library
from monitoring.pages.figure_style import to_inline_svg
from monitoring.pages.formatting import utc_minute
from monitoring.pages.markdown import code, readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

jinja2 = library("jinja2")

Finding = Literal["better", "worse", "same", "none"]
"""The verdict on the model against its baseline, which sets the colour of the page's head."""

State = Literal["holds", "fails", "unknown"]

Escape = Callable[[object], str]

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell with more than its text.

    Attributes
    ----------
    text
        The main text.
    detail
        Additional text, smaller and below: an interval, a count.
    is_code
        Whether it is text to copy: a hash, a path.
    state
        State of a condition; sets colour and weight.
    """

    text: str
    detail: str = ""
    is_code: bool = False
    state: State | None = None


CellText = str | Cell


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its title and caption.

    Attributes
    ----------
    name
        Name, letters only.
    title, words
        Text above and below the figure.
    figure
        None if there is nothing to draw, as ``words`` then explain.
    """

    name: str
    title: str
    words: str
    figure: Figure | None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class BulletList:
    """A list of sentences."""

    kind: ClassVar[str] = "bullet_list"
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms with their meanings."""

    kind: ClassVar[str] = "definitions"
    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FactTable:
    """A table of names and values."""

    kind: ClassVar[str] = "fact_table"
    rows: Mapping[str, CellText]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its head, rows whose first cell names the row, and a note below.

    ``is_text`` aligns its cells to the left. ``folded`` hides the rows of a long table behind its
    title, on the page only.
    """

    kind: ClassVar[str] = "table"
    head: tuple[str, ...]
    rows: tuple[tuple[CellText, ...], ...]
    title: str = ""
    note: str = ""
    is_text: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Charts:
    """Figures; markdown gets only their titles and words, since it cannot hold an SVG."""

    kind: ClassVar[str] = "charts"
    charts: tuple[Chart, ...]


Block = Paragraph | BulletList | Definitions | FactTable | Table | Charts


@dataclass(frozen=True, slots=True)
class Section:
    """A section under a heading; it is left out if it has no blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document: the verdict, then its sections.

    Attributes
    ----------
    title
        Title of the browser's tab.
    names
        The document's subjects, shown above the verdict and at the foot.
    verdict, lines
        One sentence, and the sentences that follow it; empty ones are left out.
    finding
        Sets the colour of the verdict.
    sections
        The sections, in reading order.
    made_at
        Aware time, printed at the foot; without it, the same inputs give the same bytes.
    """

    title: str
    names: tuple[str, ...]
    verdict: str
    lines: tuple[str, ...] = ()
    finding: Finding = "none"
    sections: tuple[Section, ...] = ()
    made_at: datetime | None = None


def split_verdict(sentence: str) -> tuple[str, str]:
    """Return an evaluation's verdict as the headline and the sentence below it.

    >>> split_verdict("no skill is shown: log loss 0.51 against 0.50")
    ('no skill is shown.', 'Log loss 0.51 against 0.50')
    """
    headline, colon, detail = sentence.partition(": ")
    return headline + ("." if colon else ""), detail[:1].upper() + detail[1:]


def to_html(document: Document) -> str:
    """Return a document as one HTML page without scripts, links or outside hosts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"svg": _svg, "utc_minute": utc_minute}
    html: str = environment.get_template("document.html.jinja").render(document=document)
    return html


def to_markdown(document: Document) -> str:
    """Return a document as markdown, with all text escaped."""
    parts = [f"# {readable(' · '.join(document.names))}", f"**{readable(document.verdict)}**"]
    parts += [readable(line) for line in document.lines]
    for section in document.sections:
        if section.blocks:
            parts += [f"## {readable(section.title)}", *map(block_markdown, section.blocks)]
    if document.made_at is not None:
        parts.append(f"*Made {utc_minute(document.made_at)}.*")
    return "\n\n".join(part for part in parts if part) + "\n"


def write_html(document: Document, path: Path) -> None:
    """Write a document as an HTML page, atomically; replace an existing file."""
    _write(path, to_html(document))


def write_markdown(document: Document, path: Path) -> None:
    """Write a document as markdown, atomically; replace an existing file."""
    _write(path, to_markdown(document))


def _write(path: Path, text: str) -> None:
    with written_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _svg(chart: Chart) -> str:
    """Return a chart as an ``svg`` element, whose text is already escaped."""
    if chart.figure is None:
        return ""
    return to_inline_svg(chart.figure, chart.name, f"{chart.title}. {chart.words}")


def block_markdown(block: Block, escape: Escape = readable) -> str:
    """Return one block as markdown.

    Parameters
    ----------
    block
        The block.
    escape
        Function that escapes text: ``readable`` for markdown that is also read as plain text,
        ``escaped`` for markdown that a browser shows.
    """
    match block:
        case Paragraph(text):
            return escape(text)
        case BulletList(sentences):
            return "\n".join(f"- {escape(sentence)}" for sentence in sentences)
        case Definitions(terms):
            return "\n".join(f"- **{escape(term)}**: {escape(words)}" for term, words in terms)
        case FactTable(rows, title):
            return _titled(escape(title), _table(("", ""), rows.items(), escape))
        case Table(head, rows, title, note):
            return _titled(escape(title), _table(head, rows, escape), escape(note))
        case Charts(charts):
            return "\n".join(
                f"- **{escape(chart.title)}**: {escape(chart.words)}" for chart in charts
            )


def _titled(title: str, *texts: str) -> str:
    top = f"### {title}" if title else ""
    return "\n\n".join(text for text in (top, *texts) if text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[CellText, ...]], escape: Escape) -> str:
    cells = ((_cell(cell, escape) for cell in row) for row in rows)
    return "\n".join([_line(map(escape, head)), "|" + " --- |" * len(head), *map(_line, cells)])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: CellText, escape: Escape) -> str:
    if isinstance(cell, str):
        return escape(cell)
    # a vertical bar would end the cell even in code
    text = code(cell.text).replace("|", "\\|") if cell.is_code else escape(cell.text)
    return f"{text} ({escape(cell.detail)})" if cell.detail else text
