"""Parse a page of the documentation into the steps of its reader, from top to bottom."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

from tests.docs.tables import DRAWN

PROGRAMS = (
    *("orbcast", ".venv/bin/orbcast", ".venv/bin/python", "python", "python3", "pip", "prefect"),
    *("make", "source", "export", "mkdir", "cp", "tar", "chmod", "curl", "git", "ssh"),
    *("apt-get", "psql", "pg_dump", "pg_restore", "docker", "kubectl", "systemctl"),
)
"""The first words by which a line of an indented block is a command.

Any other line counts as shown output, and the command above must print it. So a program that is
missing here causes a failure and is not skipped.
"""

_COMMAND = re.compile(
    rf"(\$ )?(([A-Z_]+=\S* )*({'|'.join(map(re.escape, PROGRAMS))})(\s|$)|[A-Z_]+=\S)"
)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Step:
    """One step on a page.

    Attributes
    ----------
    page, line, block
        Its page and line; the line on which its block starts.
    kind
        ``command``; ``shown``: lines that the command above prints; ``file``: a text with the
        name of the file it belongs to; otherwise the language of the block.
    text
        The text as on the page.
    title
        Name of the file.
    """

    page: str
    line: int
    block: int
    kind: str
    text: str
    title: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def steps_of(path: Path) -> tuple[Step, ...]:
    """Return the steps of a page; cached."""
    return tuple(steps_in(path.read_text(encoding="utf-8"), path.name))


def steps_in(text: str, page: str) -> Iterator[Step]:
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        line = (token.map or [0])[0] + 1
        if token.type == "code_block":
            yield from _indented(token.content, page, line)
        elif token.type == "fence":
            language, _, more = token.info.partition(" ")
            title = _TITLE.search(more)
            if title is not None:
                yield Step(page, line, line, "file", token.content, title[1])
            elif language == "sh":
                yield from _commands(token.content.splitlines(), page, line, line + 1)
            else:
                kind = "shown" if language == "text" else language
                yield Step(page, line, line, kind, token.content)


def is_command(line: str) -> bool:
    return _COMMAND.match(line) is not None


def _indented(text: str, page: str, line: int) -> Iterator[Step]:
    """Yield the steps of an indented block: commands, and after an empty line their output."""
    for paragraph in re.finditer(r"(?:^[^\n]*\S[^\n]*\n?)+", text, re.MULTILINE):
        at = line + text[: paragraph.start()].count("\n")
        lines = paragraph[0].splitlines()
        if is_command(lines[0]) and lines[0].strip() not in DRAWN:
            yield from _commands(lines, page, line, at)
        else:
            yield Step(page, at, line, "shown", paragraph[0])


def _commands(lines: list[str], page: str, block: int, line: int) -> Iterator[Step]:
    """Yield each command with its continuation lines."""
    waiting: list[str] = []
    for at, source_line in enumerate(lines, line):
        waiting.append(source_line)
        text = "\n".join(waiting)
        if source_line.rstrip().endswith("\\") or not _is_whole(text):
            continue
        if text.strip() and not text.lstrip().startswith("#"):
            begun = at - len(waiting) + 1
            yield Step(page, begun, block, "command", text.removeprefix("$ "))
        waiting = []
    if waiting:
        yield Step(page, line, block, "command", "\n".join(waiting))


def _is_whole(text: str) -> bool:
    """Return whether a command is complete, by the shell's own parser, which knows quotes."""
    read = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    return "unexpected EOF" not in read.stderr and "unexpected end of file" not in read.stderr
