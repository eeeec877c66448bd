"""HTML from parts: what is not markup is escaped, always."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, *content: object, **attributes: str) -> Html:
    """Return an element; content that is not :class:`Html` is text and escaped.

    A trailing underscore in an attribute's name is dropped, one within becomes a dash.

    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{shown}>{join(content)}</{name}>")


def join(content: Iterable[object]) -> Html:
    """Put parts after one another, escaping those that are text."""
    return Html(
        "".join(each if isinstance(each, Html) else html.escape(str(each)) for each in content)
    )


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]], name: str = "") -> Html:
    """Return a table whose first column names the row.

    Each cell carries its column's name, so that a narrow page can lay a row out as a list.
    """
    lines = []
    for first, *rest in rows:
        cells = [
            element("td", each, data_label=label)
            for label, each in zip(head[1:], rest, strict=True)
        ]
        lines.append(element("tr", element("th", first, scope="row"), *cells))
    top = element("tr", *(element("th", each, scope="col") for each in head))
    header = element("thead", top) if any(head) else Html()
    whole = element("table", header, element("tbody", *lines), class_=name)
    return element("div", whole, class_="scroll")
