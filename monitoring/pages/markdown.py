"""Text that stands in markdown as it is, whatever a file or a symbol is called."""

from __future__ import annotations

import re
from itertools import groupby

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")
_IN_A_LINE = re.compile(r"([\\`*_{}\[\]<>|~&])")
_BEGINS_A_BLOCK = re.compile(r"^([-=](?=[-=\s]|$)|\d+[.)](?=\s|$))")


def escaped(text: object) -> str:
    r"""Make text stand as it is in markdown, whatever a file or a symbol is called.

    >>> print(escaped("a|b<script>"))
    a\|b\<script\>
    """
    plain = " ".join(_MARKUP.sub(r"\\\1", str(text)).splitlines()).strip()
    return _BEGINS_A_BLOCK.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", plain)


def readable(text: object) -> str:
    r"""Escape what could do something within a line and no more, for text also read as it is.

    A bracket does nothing once no square one is before it, nor a mark that begins no line.

    >>> print(readable("(+0.1) [a](b) <b> # 1"))
    (+0.1) \[a\](b) \<b\> # 1
    >>> print(readable("# no heading"))
    \# no heading
    """
    plain = " ".join(_IN_A_LINE.sub(r"\\\1", str(text)).splitlines()).strip()
    if plain[:1] in {"#", "+"}:
        return f"\\{plain}"
    return _BEGINS_A_BLOCK.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", plain)


def code(text: object) -> str:
    """Return text that is to be copied, such as a path or a command, whatever it holds.

    A link to a file would do nothing: a browser follows none from a page of the UI.

    >>> print(code("/home/me/report.html"))
    `/home/me/report.html`
    """
    inner = " ".join(str(text).split())
    longest = max((len(list(run)) for mark, run in groupby(inner) if mark == "`"), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{room}{inner}{room}{fence}"
