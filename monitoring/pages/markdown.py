"""Text that stands in markdown as it is, whatever a file or a symbol is called."""

from __future__ import annotations

import re
from itertools import groupby

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")
_IN_A_LINE = re.compile(r"([\\`*_{}\[\]<>|~&])")
_BEGINS_A_BLOCK = re.compile(r"^([-=](?=[-=\s]|$)|\d+[.)](?=\s|$))")


def escaped(text: object) -> str:
    r"""Escape text so that markdown shows it as it is, whatever a file or a symbol is called.

    >>> print(escaped("a|b<script>"))
    a\|b\<script\>
    """
    one_line = " ".join(_MARKUP.sub(r"\\\1", str(text)).splitlines()).strip()
    return _BEGINS_A_BLOCK.sub(lambda match: f"{match[1][:-1]}\\{match[1][-1]}", one_line)


def readable(text: object) -> str:
    r"""Escape only what markdown acts on within a line, for text that is also read unrendered.

    A round bracket has no effect without a square one before it, nor a mark that begins no line.

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
    """Return text that is to be copied, such as a path or a command, whatever it holds.

    A link to a file would do nothing: a browser follows none from a page of the UI.

    >>> print(code("/home/me/report.html"))
    `/home/me/report.html`
    """
    inner = " ".join(str(text).split())
    longest = max((len(list(run)) for mark, run in groupby(inner) if mark == "`"), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{room}{inner}{room}{fence}"
