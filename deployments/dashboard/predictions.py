"""The ledger: every prediction and its outcome, to filter, explain and download."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from deployments.dashboard.charts.theme import theme
from deployments.dashboard.shell import FRESH, View, nothing_yet
from deployments.dashboard.why import show_why
from deployments.ledger_export import to_csv, to_parquet
from ml_core.market.market import Market
from monitoring.explain import REASONS
from registry.ledger.browsing import (
    OPEN,
    PAGE,
    LedgerRow,
    PredictionFilter,
    all_rows,
    browse,
    choices,
    matching,
)
from tasks.settings import current_settings

_FILTERS = {
    "opening_range": "Opening range",
    "mode": "Record",
    "role": "Role",
    "recommendation": "Recommended",
    "reason": "Reason for no prediction",
    "outcome": "Outcome",
    "version": "Version",
}
_ALWAYS = {
    "recommendation": ("long", "short", "skip"),
    "reason": tuple(REASONS),
    "outcome": ("WIN", "LOSS", "TIMEOUT", "NONE", OPEN),
}
_LATE = {"any": None, "in time": False, "late": True}
_PLAIN = {
    "p_up": st.column_config.NumberColumn("p(UP)", format="percent"),
    "corridor": st.column_config.NumberColumn("corridor", format="percent"),
    "E[net R]": st.column_config.NumberColumn(format="%+.2f"),
    "net R": st.column_config.NumberColumn(format="%+.2f"),
    "late": st.column_config.CheckboxColumn("late"),
}


def page(view: View) -> None:
    """Show the ledger of a market."""
    st.title("Predictions")
    filter_choices = {**_choices(view.name), **_ALWAYS}
    if not filter_choices["mode"]:
        nothing_yet("No predictions yet.", "orbcast up")
        return
    wanted = _chosen_filters(view, filter_choices)
    match_count = _matching(view.name, wanted)
    if not match_count:
        st.info("Nothing matches these filters.", icon=":material/filter_alt_off:")
        return
    _export(view, wanted, match_count)
    number = _table(view, wanted, match_count)
    if number is None:
        st.caption("Choose a row to see the reasons for its prediction.")
    else:
        show_why(view, number, theme())


def _chosen_filters(view: View, filter_choices: Mapping[str, Sequence[str]]) -> PredictionFilter:
    with st.expander("Filters", icon=":material/filter_alt:"):
        st.button("Reset", on_click=_forget, key="reset_filters", icon=":material/restart_alt:")
        columns = st.columns(4)
        days = columns[0].date_input(
            "Trading days", value=[], key="days", help="First and last day; empty shows all."
        )
        chosen = {
            name: tuple(
                columns[(at + 1) % 4].multiselect(
                    words, filter_choices[name], key=name, bind="query-params", placeholder="all"
                )
            )
            for at, (name, words) in enumerate(_FILTERS.items())
        }
        late = columns[0].selectbox("Late", list(_LATE), key="late", bind="query-params")
    span: Sequence[date] = days if isinstance(days, tuple) else (days,) if days else ()
    return PredictionFilter(
        market=view.symbol,
        first=span[0] if span else None,
        last=span[-1] if span else None,
        late=_LATE[late],
        **chosen,
    )


def _forget() -> None:
    for name in (*_FILTERS, "days", "late", "page", "ledger"):
        st.session_state.pop(name, None)


def _export(view: View, wanted: PredictionFilter, match_count: int) -> None:
    left, csv, parquet = st.columns([3, 1, 1], vertical_alignment="center")
    left.write(f"**{match_count:,}** predictions, newest first")
    for column, words, kind, write in (
        (csv, "CSV", "text/csv", to_csv),
        (parquet, "Parquet", "application/vnd.apache.parquet", to_parquet),
    ):
        column.download_button(
            words,
            data=_file_writer(write, wanted),
            file_name=f"orbcast-{view.symbol}-predictions.{words.lower()}",
            mime=kind,
            key=f"export_{words.lower()}",
            on_click="ignore",
            icon=":material/download:",
            help="Every prediction that matches the filters, not only this page.",
            width="stretch",
        )


def _file_writer(write: Callable[..., bytes], wanted: PredictionFilter) -> Callable[[], bytes]:
    """Return a function that writes the file only when it is requested."""
    settings = current_settings()
    return lambda: write(all_rows(settings.database(), wanted))


def _table(view: View, wanted: PredictionFilter, match_count: int) -> int | None:
    pages = -(-match_count // PAGE)
    number = 1
    if pages > 1:
        number = st.number_input(f"Page, of {pages:,}", 1, pages, key="page")
    rows = _page(view.name, wanted, number - 1)
    chosen = st.dataframe(
        readable_rows(rows, view.market),
        width="stretch",
        hide_index=True,
        key="ledger",
        on_select="rerun",
        selection_mode="single-row",
        column_config=_PLAIN,
    )
    picked = chosen["selection"]["rows"]
    return int(rows[picked[0]].id) if picked and picked[0] < len(rows) else None


def readable_rows(rows: Sequence[LedgerRow], market: Market) -> pd.DataFrame:
    """Return ledger rows in readable form, with times in the market's zone."""
    zone = ZoneInfo(market.zone)
    return pd.DataFrame(
        [
            {
                "day": row.trading_day,
                "range": row.opening_range,
                f"decided ({market.zone})": format(
                    row.decision_time.astimezone(zone), "%d %b %H:%M"
                ),
                "prediction": row.recommendation or f"none: {row.reason}".replace("_", " "),
                "p_up": row.p_up,
                "corridor": row.baseline_p_up,
                "E[net R]": row.expected_net_r,
                "broke": row.direction or "open",
                "outcome": row.outcome or "-",
                "net R": row.r_net,
                "late": row.late,
                "record": row.mode,
                "role": row.role,
                "version": row.version or "-",
            }
            for row in rows
        ]
    )


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _choices(name: str) -> dict[str, tuple[str, ...]]:
    settings = current_settings()
    return choices(settings.database(), settings.market(name).symbol)


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=100)
def _matching(name: str, wanted: PredictionFilter) -> int:
    del name
    return matching(current_settings().database(), wanted)


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=100)
def _page(name: str, wanted: PredictionFilter, number: int) -> list[LedgerRow]:
    del name
    return browse(current_settings().database(), wanted, offset=number * PAGE)
