"""The pages, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from deployments.dashboard import (
    drift_and_data,
    gates,
    models,
    performance,
    predictions,
    today,
)
from deployments.dashboard.shell import View, choose_market, framed

PAGES: tuple[tuple[str, str, str, Callable[[View], None]], ...] = (
    ("Today", "today", ":material/today:", today.page),
    ("Performance", "performance", ":material/show_chart:", performance.page),
    ("Predictions", "predictions", ":material/table_rows:", predictions.page),
    ("Models", "models", ":material/account_tree:", models.page),
    ("Gates", "gates", ":material/stairs:", gates.page),
    ("Drift and data", "data", ":material/monitoring:", drift_and_data.page),
)
"""Title, path, icon and page, in the order of the menu."""

ICON = Path(__file__).with_name("icon.png")
"""A file of ours: an icon by name would be fetched from a host outside."""


def show() -> None:
    """Show the page that was asked for."""
    st.set_page_config(page_title="Orbcast", page_icon=ICON, layout="wide")
    choose_market()
    shown = [
        st.Page(framed(page), title=title, url_path=path, icon=icon, default=path == "today")
        for title, path, icon, page in PAGES
    ]
    st.navigation(shown).run()
