"""A gate: one thing that has to be so, its figure, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One thing that has to be so; ``change`` is the least that would make it so."""

    name: str
    passed: bool
    words: str
    change: str = ""
