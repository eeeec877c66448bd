"""The page of events lists exactly what the code sends for each event."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from tasks.notices.events import ARRIVED, EVENTS, Event
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "events.md").read_text("utf-8")
SECTIONS = dict(
    re.findall(r"^### (orbcast\.\S+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
)
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    date: "day",
    datetime: "time",
    tuple[str, ...]: "list of text",
    type(None): "null",
}


def words_of(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    return WORDS[kind] if kind in WORDS else " or ".join(words_of(one) for one in get_args(kind))


def test_the_page_has_every_event_and_no_other() -> None:
    assert set(SECTIONS) == {event.name for event in EVENTS}
    assert ARRIVED in PAGE


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_a_table_has_the_keys_and_types_of_the_payload(event: type[Event]) -> None:
    rows = {key: kind for key, kind, _ in ROW.findall(SECTIONS[event.name])}
    hints = get_type_hints(event)
    assert rows == {field.name: words_of(hints[field.name]) for field in fields(event)}


def test_the_types_of_keys_are_distinguished() -> None:
    assert words_of(str | None) == "text or null"
    assert words_of(Literal["up", "down"]) == "`up` or `down`"
    assert len(set(WORDS.values())) == len(WORDS)
