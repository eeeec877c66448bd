"""The frame of every page: choice of the market, its state, and help for an empty home."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from deployments.cli.errors import error_line
from ml_core.errors import OrbcastError
from ml_core.market.market import Market
from ml_core.market_events import Stage
from monitoring.breaker import BreakerState
from tasks.health.breaker import breaker_of
from tasks.rollout.stage import stage_of
from tasks.settings import Settings, current_settings, now

FRESH = timedelta(seconds=15)
"""How long data is shown before it is read again."""

STAGE_WORDS: dict[Stage, str] = {
    "off": "nothing is predicted",
    "shadow": "predictions are logged and not traded",
    "advisory": "predictions are shown as advice",
    "hybrid": "the model scales the size of the rules' trades",
    "auto": "order intents are written; Orbcast places no orders",
}


@dataclass(frozen=True, slots=True)
class View:
    """The subject of a page: one market at one moment.

    Attributes
    ----------
    settings
        The settings; their database is opened read-only.
    name, market
        The market's file name and its definition.
    at
        Aware UTC time at which the page is shown.
    """

    settings: Settings
    name: str
    market: Market
    at: datetime

    @property
    def symbol(self) -> str:
        """The market's symbol, the key of its rows."""
        return self.market.symbol


_NO_RAW_EXPORT = '<style>[aria-label="Download as CSV"] { display: none; }</style>'
"""Hides Streamlit's own export, which would pass formulas to a spreadsheet; ours does not."""


def choose_market() -> None:
    """Offer the markets if there are several; called before the page, since all pages share it."""
    names = current_settings().markets
    if len(names) > 1:
        st.sidebar.selectbox("Market", names, key="market", format_func=str.upper)


def view() -> View:
    """Return the page's subject: the market chosen in the menu, as of now."""
    settings = current_settings()
    name = st.session_state.get("market", settings.markets[0])
    return View(settings, name, settings.market(name), now())


def framed(page: Callable[[View], None]) -> Callable[[], None]:
    """Return a page that reports an error in one line, with the command to run."""

    @functools.wraps(page)
    def framed_page() -> None:
        st.html(_NO_RAW_EXPORT)
        with show_errors():
            if is_new(current_settings()):
                _welcome()
                return
            seen = view()
            _banner(seen)
            page(seen)

    # Streamlit distinguishes pages by the function's name
    framed_page.__name__ = framed_page.__qualname__ = page.__module__.rpartition(".")[2]
    return framed_page


@contextlib.contextmanager
def show_errors() -> Iterator[None]:
    """Show an error in one line with its remedy; a part that reruns by itself needs its own."""
    try:
        yield
    except (OrbcastError, OSError) as error:
        st.error(error_line(error), icon=":material/error:")


def nothing_yet(what: str, command: str) -> None:
    """Print that something does not exist yet, and the command that makes it."""
    st.info(f"{what} Run:", icon=":material/info:")
    st.code(command, language="sh")


def is_new(settings: Settings) -> bool:
    """Return whether a home has no database yet."""
    if settings.database_url:
        return False
    return not (settings.home / "orbcast.sqlite").is_file()


def _welcome() -> None:
    st.title("This home is empty")
    st.write(
        "Orbcast has no bars, no models and no predictions in this home. Try it on a simulated "
        "market, which needs none of your data:"
    )
    st.code("orbcast demo", language="sh")
    st.write("Or bring your own 1-minute bars, then start the scheduled work:")
    st.code("orbcast ingest --help\norbcast up", language="sh")


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=50)
def _stage_and_breaker(name: str) -> tuple[Stage, BreakerState]:
    settings = current_settings()
    symbol = settings.market(name).symbol
    return stage_of(settings, symbol, now())[0], breaker_of(settings, symbol, now())


def _banner(view: View) -> None:
    stage, breaker = _stage_and_breaker(view.name)
    words = f"**{view.symbol}** · stage **{stage}**: {STAGE_WORDS[stage]}"
    if breaker.state == "closed":
        st.info(f"{words} · breaker closed", icon=":material/flag:")
        return
    cause = f"{breaker.cause}: {breaker.detail}" if breaker.cause else "no reason recorded"
    st.error(f"{words} · breaker **{breaker.state}**, {cause}", icon=":material/block:")
