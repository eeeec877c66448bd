"""Colours by role, dark and light: as in the reports, so that a line keeps its colour."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from monitoring.pages import figure_style


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``; Okabe and Ito's, which colour-blind readers can tell apart.

    Colour is never the only sign: lines have different dashes, marks different shapes, and words
    repeat it.
    """

    model: str
    corridor: str
    majority: str
    good: str
    bad: str
    quiet: str
    rule: str
    words: str


LIGHT = Theme(
    model=figure_style.MODEL.value,
    corridor=figure_style.CORRIDOR.value,
    majority=figure_style.MAJORITY.value,
    good=figure_style.TRUTH.value,
    bad="#b3261e",
    quiet=figure_style.QUIET.value,
    rule=figure_style.RULE.value,
    words=figure_style.WORDS.value,
)
DARK = Theme(
    model="#62b8f0",
    corridor="#f0a04b",
    majority="#a8b0b8",
    good="#4cc79a",
    bad="#ff8a80",
    quiet="#a3adb7",
    rule="#303841",
    words="#e6eaee",
)


def theme() -> Theme:
    """Return the colours of the theme that the viewer has chosen."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def faint(colour: str, alpha: float = 0.18) -> str:
    """Return a colour made transparent, for a band behind lines.

    >>> faint("#0072b2", 0.5)
    'rgba(0, 114, 178, 0.5)'
    """
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"
