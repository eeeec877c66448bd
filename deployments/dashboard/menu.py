"""The pages, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from deployments.dashboard import (
    drift_and_data,
    gates,
    models,
    own_trades,
    performance,
    predictions,
    today,
)
from deployments.dashboard.shell import View, choose_market, framed

_FIRST = "first"

PAGES: tuple[tuple[str, str, str, Callable[[View], None]], ...] = (
    ("Today", _FIRST, ":material/today:", today.page),
    ("Performance", "performance", ":material/show_chart:", performance.page),
    ("Predictions", "predictions", ":material/table_rows:", predictions.page),
    ("Own trades", "trades", ":material/receipt_long:", own_trades.page),
    ("Models", "models", ":material/account_tree:", models.page),
    ("Gates", "gates", ":material/stairs:", gates.page),
    ("Drift and data", "data", ":material/monitoring:", drift_and_data.page),
)
"""Title, path, icon and page, in the order of the menu."""

ICON = Path(__file__).with_name("icon.png")
"""A file of ours: an icon by name would be loaded from another host."""


def show() -> None:
    """Show the requested page."""
    st.set_page_config(page_title="Orbcast", page_icon=ICON, layout="wide")
    choose_market()
    first, *others = (
        st.Page(framed(page), title=title, url_path=path, icon=icon, default=path == _FIRST)
        for title, path, icon, page in PAGES
    )
    # Streamlit serves the first page only at the bare address, and not under its name
    by_name = st.Page(framed(today.page), title="Today", url_path="today", visibility="hidden")
    st.navigation([first, *others, by_name]).run()
