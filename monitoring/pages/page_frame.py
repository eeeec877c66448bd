"""The frame that reports share: one page, whole in itself, the verdict first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from monitoring.pages.findings import Figures, finding, money
from monitoring.pages.markup import Html, element, join

_STYLE = Path(__file__).with_name("report.css")


def document(title: str, parts: Iterable[Html]) -> str:
    """Return one HTML document without scripts, links or outside hosts."""
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Html(_STYLE.read_text("utf-8"))),
    )
    page = element("html", head, element("body", element("main", *parts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def section(title: str, *content: Html) -> Html:
    """Return a part of the page under its heading; nothing where there is no content."""
    if not any(content):
        return Html()
    return element("section", element("h2", title), *content)


def card(title: str, content: Html, words: str = "") -> Html:
    """Return content on a card of its own, a title above and a note below where there are any."""
    note = element("p", words, class_="small") if words else Html()
    style = "margin-bottom:1rem"
    top = element("h3", title) if title else Html()
    return element("div", top, content, note, class_="card", style=style)


def verdict(evaluation: Figures, names: Sequence[str], *sentences: str) -> Html:
    """Return in plain sentences what was shown, before anything else.

    Parameters
    ----------
    evaluation
        Its verdict comes first, then what trading would have brought.
    names
        What is judged, above the verdict.
    sentences
        What else belongs there; empty ones are left out.
    """
    headline, colon, detail = evaluation["verdict"].partition(": ")
    lines = [element("h1", headline + ("." if colon else ""))]
    said = (detail[:1].upper() + detail[1:], money(evaluation["trading"]), *sentences)
    lines += [element("p", each) for each in said if each]
    return element(
        "header",
        element("div", " · ".join(("Orbcast", *names)), class_="eyebrow"),
        element("div", *lines, class_=f"verdict {finding(evaluation)}"),
    )


def bullets(sentences: Iterable[str]) -> Html:
    """Return sentences as a list."""
    return element("ul", *(element("li", each) for each in sentences))


def reading(terms: Iterable[tuple[str, str]]) -> Html:
    """Return terms with what they mean."""
    items = [join((element("dt", term), element("dd", words))) for term, words in terms]
    return element("dl", *items)


def foot(names: Sequence[str], made_at: datetime | None) -> Html:
    """Close the page: what it is about, when it was made, and what it is not."""
    when = () if made_at is None else (f"made {made_at:%Y-%m-%d %H:%M} UTC",)
    words = " · ".join(("Orbcast", *names, *when))
    return element("footer", words, " · figures of the past; nothing here places an order.")
