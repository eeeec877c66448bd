"""Compare the output shown on a page with the output of its command."""

from __future__ import annotations

import re

_NUMBER = r"[\d,.]*\d"
_VARIES = re.compile(
    r"(?P<hash>\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{6,}\b)"
    r"|(?P<path>(?:/[\w.\-]+){2,})"
    rf"|(?P<signed>(?<![\w)])[+-]{_NUMBER})|(?P<number>{_NUMBER})"
)
_MAY_BE = {
    "hash": "[0-9a-f]{6,}",
    "path": r"(?:/[\w.\-]+)+",
    "signed": rf"[+-]{_NUMBER}",
    "number": rf"{_NUMBER}",
}


def missing_lines(expected: str, printed: str) -> list[str]:
    """Return each shown line that is not printed in this order; numbers may differ.

    A line that ends with ``...`` may continue differently; a line of only ``...`` stands for any
    lines. Line breaks do not matter, since terminals differ in width.
    """
    text = " ".join(printed.split())
    at, missing = 0, []
    for line in expected.splitlines():
        wanted = line.strip()
        match = re.compile(_pattern(wanted.removesuffix("..."))).search(text, at)
        if match is None:
            missing.append(wanted)
        else:
            at = match.end()
    return missing


def _pattern(line: str) -> str:
    return r"\s+".join(_word(word) for word in line.split())


def _word(word: str) -> str:
    parts, at = [], 0
    for match in _VARIES.finditer(word):
        parts.append(re.escape(word[at : match.start()]))
        parts.append(_MAY_BE[str(match.lastgroup)])
        at = match.end()
    return "".join([*parts, re.escape(word[at:])])
