"""What pushed an answer, drawn for an artifact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

from monitoring import pages
from tasks.runs.artifacts import pictures

_AXIS = "toward DOWN (left) or UP (right), in log-odds"
_LONGEST = 48
_VALUE = re.compile(r" \([^()]*\)$")
_WORDS = "What pushed the answer toward UP or DOWN, the corridor first of all"


def reasons_plot(pushes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Draw what pushed an answer, as its row has it in the ledger; nothing without reasons."""
    if not pushes:
        return []

    shares = {short_words(each["words"]): float(each["contribution"]) for each in pushes}
    return pictures(
        [pages.document.Chart("reasons", _WORDS, "", pages.plots.importance_plot(shares, _AXIS))]
    )


def short_words(words: str) -> str:
    """Return a reason's words as the label of a bar, which has the push beside it.

    >>> short_words("volume of the window's later half against its first (log) (1.25): +0.35")
    "volume of the window's later half against its…"
    >>> short_words("day of the week (sine) (0.975): +0.04")
    'day of the week (sine)'
    """
    name = _VALUE.sub("", words.rpartition(":")[0].partition(";")[0])
    return shorten(name, _LONGEST, placeholder="…")
