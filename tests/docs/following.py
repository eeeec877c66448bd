"""Follow a page to the letter, and report where that does not work."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.docs.page import Step
from tests.docs.printed import missing_lines
from tests.docs.terminal import Done, Terminal

_LAST_WORDS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class PageExceptions:
    """Known exceptions, each named by text on a page and with its reason.

    Attributes
    ----------
    excused
        Commands that are not run.
    drawn
        Blocks that are neither a command nor what one prints, by their first line.
    statuses
        Commands that correctly end with a status other than 0.
    rewritten
        Patterns and their replacements, such as the path of a file.
    meanwhile
        What happens before a command, as the page says or assumes.
    """

    excused: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    rewritten: Sequence[tuple[str, str, str]] = ()
    meanwhile: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


Serve = Callable[[Terminal, str], tuple[str, Callable[[], bool]] | None]
"""Returns a command that runs until it is stopped, and its test for ready; None for others."""

Check = Callable[[Step, Terminal], str | None]
"""Returns what is wrong with a block of data; None if nothing is."""


@dataclass(slots=True, kw_only=True)
class Reader:
    """A reader who does everything that a page says.

    Attributes
    ----------
    terminal
        The reader's terminal.
    exceptions
        Known exceptions.
    serve
        Recognises commands that run until they are stopped.
    checks
        Check of a block of data, by its language.
    values
        Replacements of ``{name}`` in a rewritten command.
    """

    terminal: Terminal
    exceptions: PageExceptions
    serve: Serve = lambda _terminal, _command: None
    checks: Mapping[str, Check] = field(default_factory=dict)
    values: dict[str, Callable[[], str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    _namespace: dict[str, Any] = field(default_factory=dict)
    _last: Done = field(default_factory=lambda: Done(0, ""))
    _printed: tuple[int, str] | None = None
    """The block of the last command, and what the commands of that block printed."""

    def follow(self, steps: Sequence[Step]) -> list[str]:
        """Do everything from top to bottom; return what went wrong, and where."""
        try:
            return [f"{step.place}: {fault}" for step in steps for fault in self._do(step)]
        finally:
            self.terminal.stop()

    def _do(self, step: Step) -> list[str]:
        done: Mapping[str, Callable[[Step], list[str]]] = {
            "command": self._command,
            "file": self._file,
            "shown": self._output,
            "python": self._python,
        }
        return done.get(step.kind, self._data)(step)

    def _file(self, step: Step) -> list[str]:
        path = self.terminal.folder / step.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")
        return []

    def _data(self, step: Step) -> list[str]:
        if step.kind not in self.checks:
            return [f"nobody knows what to do with a block of {step.kind or 'no language'}"]
        wrong = self.checks[step.kind](step, self.terminal)
        return [] if wrong is None else [wrong]

    def _command(self, step: Step) -> list[str]:
        command = normalised(step.text)
        if command in self.exceptions.excused:
            return []
        for earlier in self.exceptions.meanwhile.get((step.page, command), ()):
            if faults := self._run(earlier, 0):
                return faults
        self.ran.append(command)
        before = ""
        if self._printed is not None and self._printed[0] == step.block:
            before = self._printed[1]
        again = self.ran.count(command)
        key = command if again == 1 else f"{command} ({again})"
        wanted, _ = self.exceptions.statuses.get(key, (0, ""))
        faults = self._run(step.text, wanted)
        self._printed = step.block, before + self._last.printed
        return faults

    def _run(self, text: str, wanted: int) -> list[str]:
        command = text
        for pattern, instead, _ in self.exceptions.rewritten:
            command = re.sub(pattern, instead, command)
        served = self.serve(self.terminal, command)
        if served is not None:
            self._last = self.terminal.start(*served)
        else:
            for name, value in self.values.items():
                if f"{{{name}}}" in command:
                    command = command.replace(f"{{{name}}}", value())
            self._last = self.terminal.run(command)
        if self._last.status == wanted:
            return []
        words = self._last.printed[-_LAST_WORDS:]
        return [f"{command}\nended with {self._last.status}, not {wanted}:\n{words}"]

    def _output(self, step: Step) -> list[str]:
        if first_line(step.text) in self.exceptions.drawn:
            return []
        if self._printed is None:
            return ["shows what no command above it prints"]
        _, printed = self._printed
        words = printed[-_LAST_WORDS:]
        return [
            f"is shown, not printed: {line}\nprinted:\n{words}"
            for line in missing_lines(step.text, printed)
        ]

    def _python(self, step: Step) -> list[str]:
        try:
            with contextlib.chdir(self.terminal.folder):
                exec(compile(step.text, step.place, "exec"), self._namespace)  # noqa: S102 - as told
        except Exception as error:  # noqa: BLE001 - any error of an example is reported
            return [f"raised {error!r}"]
        return []


def normalised(command: str) -> str:
    """Return a command without its comment, on one line, with single spaces."""
    joined = re.sub(r"\\\n\s*", "", command)
    return " ".join(re.sub(r"\s#\s.*$", "", joined, flags=re.MULTILINE).split())


def first_line(text: str) -> str:
    return text.strip().splitlines()[0].strip()
