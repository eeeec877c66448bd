"""Make text from outside fit for a terminal: no control characters, no secrets."""

from __future__ import annotations

import re

from tasks.runs.known_secrets import hide_secrets

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # a terminal executes these: colours, titles, the cursor
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # these change the direction of text
    "\ud800-\udfff]"  # halves of a character, from file names that are not UTF-8
)


def printable(text: str) -> str:
    r"""Return text with its control characters written out, except line ends and tabs.

    >>> printable("red \x1b[31mname")
    'red \\x1b[31mname'
    """
    return _CONTROL.sub(_escaped, text)


def fit_to_show(text: str) -> str:
    """Return text without control characters and without secrets."""
    return printable(hide_secrets(text))


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")
