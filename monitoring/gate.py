"""A gate: one requirement, its figure, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A requirement; ``change`` is the least that would fulfil it."""

    name: str
    passed: bool
    words: str
    change: str = ""
