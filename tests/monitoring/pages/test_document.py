"""A document as a page and as markdown; the content of any name remains text in both."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.pages.document import (
    Block,
    BulletList,
    Cell,
    Chart,
    Charts,
    Definitions,
    Document,
    FactTable,
    Paragraph,
    Section,
    Table,
    to_html,
    to_markdown,
)
from tests.monitoring.pages.outline import read

HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "a closing style": "</style><script>alert(1)</script>",
    "quotes": "\" onmouseover=\"alert(1)\" ' onfocus='alert(1)'",
    "a formula": '=HYPERLINK("javascript:alert(1)")',
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a template": "{{ 7 * 7 }}{% raw %}{# none #}",
    "markdown": "|[a](javascript:b) `c` **d** ![e](f)",
    "an entity": "&lt;b&gt; &amp;",
    "a long word": "w" * 4000,
}


def everywhere(name: str) -> Document:
    """Return a document with the name in every place that accepts text."""
    blocks: tuple[Block, ...] = (
        Paragraph(name),
        BulletList((name,)),
        Definitions(((name, name),)),
        FactTable({name: name, f"{name} ": Cell(name, name, is_code=True)}, name),
        Table((name, name), ((name, Cell(name, name, state="holds")),), name, name),
        Table((name, name), ((name, Cell(name, name)),), name, name, is_text=True, folded=True),
        Charts((Chart("none", name, name, None),)),
    )
    section = Section(name, blocks)
    return Document(title=name, names=(name,), verdict=name, lines=(name,), sections=(section,))


PLACES = 32
"""How often :func:`everywhere` puts a name on a page; two more places are attributes."""


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_name_holds_is_text_on_a_page(name: str) -> None:
    page = to_html(everywhere(name))

    harmless, hostile = read(to_html(everywhere("plain"))), read(page)
    assert hostile.tags == harmless.tags
    assert sum(text.count(name) for text in hostile.text) == PLACES
    assert sum(text.count("plain") for text in harmless.text) == PLACES
    assert set(re.findall(r'<[a-z0-9]+ [^>]*?(\w+)="', page)) == {
        *("lang", "charset", "name", "class", "scope", "label")
    }


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_name_holds_is_text_in_markdown(name: str) -> None:
    text = to_markdown(everywhere(name))

    assert len(text.splitlines()) == len(to_markdown(everywhere("plain")).splitlines())
    outside_code = re.sub(r"(`+).*?\1", "", text)
    unescaped = re.sub(r"\\.", "", outside_code)
    assert "<" not in unescaped
    assert "](" not in unescaped
    assert "&" not in unescaped


@settings(max_examples=40)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30))
def test_any_text_leaves_the_elements_of_a_page_as_they_are(name: str) -> None:
    expected = read(to_html(everywhere("x"))).tags

    assert read(to_html(everywhere(f"x{name}"))).tags == expected


def test_a_long_word_breaks_rather_than_widens_a_page() -> None:
    page = to_html(everywhere("w"))

    for selector in ("h1, p, li, dd", "table.facts td", "table.text td", "code"):
        rules = re.findall(rf"(?m)^{re.escape(selector)} {{([^}}]*)}}", page)
        assert any("overflow-wrap" in rule for rule in rules), selector
    assert ".scroll { overflow-x: auto; }" in page


def test_a_section_without_blocks_is_left_out() -> None:
    document = Document(title="t", names=("n",), verdict="v", sections=(Section("Absent", ()),))

    assert "Absent" not in to_html(document)
    assert "Absent" not in to_markdown(document)


def test_a_page_is_read_out_in_order_with_named_rows_and_columns() -> None:
    table = Table(("range", "accuracy"), (("0900", "71 %"),), "By range")
    page = to_html(
        Document(title="t", names=("n",), verdict="v", sections=(Section("S", (table,)),))
    )

    assert '<html lang="en">' in page
    assert [tag for tag in read(page).tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h3"]
    assert '<th scope="col">accuracy</th>' in page
    assert '<th scope="row">0900</th><td data-label="accuracy">71 %</td>' in page
