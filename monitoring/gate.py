"""A gate: one requirement, its figure, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A requirement; ``change`` is the smallest change that would meet it."""

    name: str
    passed: bool
    words: str
    change: str = ""
