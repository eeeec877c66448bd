"""Tabs of which only the open one is computed: the others cost nothing until they are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from deployments.dashboard.shell import show_errors


@st.fragment
@show_errors()
def lazy_tabs(key: str, fillings: Mapping[str, Callable[[], None]]) -> None:
    """Show tabs; opening one runs only its filling, not the rest of the page.

    Parameters
    ----------
    key
        Key of the tabs, unique on their page.
    fillings
        Title -> function that fills the tab; the first tab is open at first.
    """
    tabs = st.tabs(list(fillings), key=key, on_change="rerun")
    for tab, fill in zip(tabs, fillings.values(), strict=True):
        if tab.open:
            with tab:
                fill()
