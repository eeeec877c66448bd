"""Escape text so that markdown shows it unchanged, whatever a file or a symbol is called."""

from __future__ import annotations

import re
from itertools import groupby

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")
_IN_A_LINE = re.compile(r"([\\`*_{}\[\]<>|~&])")
_BEGINS_A_BLOCK = re.compile(r"^([-=](?=[-=\s]|$)|\d+[.)](?=\s|$))")


def escaped(text: object) -> str:
    r"""Escape text so that markdown shows it unchanged.

    >>> print(escaped("a|b<script>"))
    a\|b\<script\>
    """
    one_line = " ".join(_MARKUP.sub(r"\\\1", str(text)).splitlines()).strip()
    return _BEGINS_A_BLOCK.sub(lambda match: f"{match[1][:-1]}\\{match[1][-1]}", one_line)


def readable(text: object) -> str:
    r"""Escape only what has an effect within a line, for markdown that is also read as plain text.

    A round bracket has no effect without a square one before it, nor a mark within a line.

    >>> print(readable("(+0.1) [a](b) <b> # 1"))
    (+0.1) \[a\](b) \<b\> # 1
    >>> print(readable("# no heading"))
    \# no heading
    """
    one_line = " ".join(_IN_A_LINE.sub(r"\\\1", str(text)).splitlines()).strip()
    if one_line[:1] in {"#", "+"}:
        return f"\\{one_line}"
    return _BEGINS_A_BLOCK.sub(lambda match: f"{match[1][:-1]}\\{match[1][-1]}", one_line)


def code(text: object) -> str:
    """Return any text to copy, such as a path or a command, as markdown code.

    A link to a file would not work: browsers do not follow such links from a page of the UI.

    >>> print(code("/home/me/report.html"))
    `/home/me/report.html`
    """
    inner = " ".join(str(text).split())
    longest = max((len(list(run)) for mark, run in groupby(inner) if mark == "`"), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{room}{inner}{room}{fence}"
