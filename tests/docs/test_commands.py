"""Every `orbcast` command and option that README and docs name exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from deployments.cli.app import app
from tests.conftest import PROJECT

PAGES = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
PLACEHOLDER = re.compile(r"^[A-Z][A-Z_\-]*$|^\.\.\.$|^…$|<.+>")
"""Placeholders such as SLOT, which the reader replaces."""


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line of code, and each code span, that begins with `orbcast`."""
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        line = (block.map or [0])[0] + 1
        if block.type in {"fence", "code_block"}:
            joined = re.sub(r"\\\n\s*", "", block.content)
            yield from ((line, command) for command in _orbcast(joined.splitlines()))
        spans = [child for child in block.children or [] if child.type == "code_inline"]
        yield from ((line, command) for command in _orbcast(_texts(spans)))


def _texts(spans: list[Token]) -> list[str]:
    return [span.content for span in spans]


def _orbcast(lines: list[str]) -> Iterator[str]:
    for line in lines:
        command_line = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
        if command_line.startswith("orbcast "):
            yield command_line.split(" && ")[0].split(" | ")[0].split("; ")[0]


def fault_of(line: str) -> str | None:
    """Return the part of a command that does not exist; None if all of it does."""
    words = shlex.split(line, comments=True)[1:]
    at: Any = typer.main.get_command(app)
    while words:
        word = words.pop(0)
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            option = next(
                (
                    parameter
                    for parameter in at.params
                    if name in parameter.opts + parameter.secondary_opts
                ),
                None,
            )
            if option is None and name not in {"--help", "-h", "--debug"}:
                return f"{at.name} has no option {name}"
            flag = option is None or getattr(option, "is_flag", False)
            if not flag and "=" not in word and words:
                words.pop(0)
        elif hasattr(at, "commands") and not PLACEHOLDER.search(word):
            subcommand = at.commands.get(word)
            if subcommand is None:
                return f"there is no command {word!r}"
            at = subcommand
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_on_a_page_exists(page: Path) -> None:
    faults = [
        f"{page.name}:{line}: {command}: {fault}"
        for line, command in commands(page.read_text(encoding="utf-8"))
        if (fault := fault_of(command))
    ]
    assert faults == []


def test_a_command_that_does_not_exist_is_reported() -> None:
    page = "Run `orbcast levitate`:\n\n    orbcast status --loudly\n    orbcast drift check\n"
    assert [fault_of(command) for _, command in commands(page)] == [
        "there is no command 'levitate'",
        "status has no option --loudly",
        None,
    ]


def test_every_command_has_an_example_that_exists() -> None:
    def walk(command: Any, path: str) -> Iterator[tuple[str, str]]:
        if hasattr(command, "commands"):
            for name, subcommand in command.commands.items():
                yield from walk(subcommand, f"{path} {name}")
        else:
            yield path, command.help or ""

    without = []
    for path, help_text in walk(typer.main.get_command(app), "orbcast"):
        example = re.search(
            r"Examples?\b[:\s-]*(orbcast .+?)(?= orbcast |$)", " ".join(help_text.split())
        )
        if example is None:
            without.append(path)
        else:
            assert fault_of(example[1].split(";")[0].rstrip(".")) is None, path
    assert without == []
