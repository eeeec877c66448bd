"""The page."""

from __future__ import annotations

import streamlit as st

from deployments.dashboard.shell import view


def page() -> None:
    """Show the page."""
    shown = view()
    st.title("predictions")
    st.write(shown.symbol)
