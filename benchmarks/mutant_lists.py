"""The committed lists of mutants: read, and checked against the code."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LISTS = PROJECT / "benchmarks" / "mutations"

_FIELDS = {"file", "find", "replace", "tests", "why"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A fault to insert into a file, and the tests that must detect it.

    Attributes
    ----------
    file
        Path below the project, such as ``registry/chains/chain.py``.
    find, replace
        A fragment that occurs exactly once in the file, and its faulty replacement.
    tests
        Arguments of pytest: files, node ids, options.
    why
        The fault this stands for.
    source
        The list it comes from.
    """

    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    why: str
    source: str = ""


def read_lists(paths: Sequence[Path], only: str = "") -> tuple[list[Mutant], list[str]]:
    """Return the entries whose file, reason or list contains ``only``, and the malformed ones."""
    mutants, refused = [], []
    for path in paths:
        for number, entry in enumerate(tomllib.loads(path.read_text("utf-8"))["mutant"], 1):
            if set(entry) != _FIELDS or not entry["tests"]:
                refused.append(f"{path.name} entry {number} needs {', '.join(sorted(_FIELDS))}")
                continue
            mutant = Mutant(**{**entry, "tests": tuple(entry["tests"])}, source=path.name)
            if only in f"{path.name} {mutant.file} {mutant.why}":
                mutants.append(mutant)
    return mutants, refused


def rot(mutant: Mutant, project: Path) -> str | None:
    """Return why an entry does not fit the current code; None if it can be applied."""
    try:
        text = (project / mutant.file).read_text("utf-8")
    except OSError:
        return "the file is not there"
    if (count := text.count(mutant.find)) != 1:
        return f"the fragment occurs {count} times, not once: {mutant.find.strip()}"
    try:
        broken = ast.dump(ast.parse(text.replace(mutant.find, mutant.replace)))
    except SyntaxError as error:
        return f"the replacement does not compile ({error.msg}): {mutant.replace.strip()}"
    return "the replacement means the same" if broken == ast.dump(ast.parse(text)) else None
