"""Whether the market still resembles the training data, and whether the bars are complete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from deployments.dashboard.lazy_tabs import lazy_tabs
from deployments.dashboard.shell import FRESH, View, nothing_yet
from ml_core.json_values import field_values, json_values
from monitoring.notices import KINDS, TRADE_KINDS
from monitoring.pages.formatting import duration, utc_minute
from monitoring.pages.markdown import escaped
from registry.bars.intake_history import (
    batches,
    findings,
    revisions,
    set_aside,
    set_aside_by_reason,
)
from registry.health.drift import DriftRecord, drift_records
from registry.health.parity import latest_parity
from registry.notices import notices
from tasks.settings import current_settings

_MOST = 200


def page(view: View) -> None:
    """Show drift, parity, imported bars and quarantined rows."""
    st.title("Drift and data")
    _drift(view)
    _bars(view)
    _notices(view)


def _drift(view: View) -> None:
    st.header("Drift")
    drift_checks = _drift_records(view.name)
    if not drift_checks:
        nothing_yet("Drift has never been checked.", "orbcast drift check")
    else:
        last = drift_checks[-1]
        words = f"{escaped(last.verdict)} ({utc_minute(last.at)})"
        (st.warning if last.detected else st.success)(words)
        columns = [json_values(column) for column in last.figures.shifts]
        if columns:
            st.dataframe(
                _text_frame(columns), width="stretch", hide_index=True, key="drift_columns"
            )
        with st.expander(f"Earlier reports: {len(drift_checks) - 1}"):
            st.dataframe(
                pd.DataFrame(
                    [
                        {
                            "time": utc_minute(drift_check.at),
                            "days": f"{drift_check.first_day} to {drift_check.last_day}",
                            "rows": drift_check.rows,
                            "drift": "yes" if drift_check.detected else "no",
                            "verdict": drift_check.verdict,
                        }
                        for drift_check in reversed(drift_checks)
                    ]
                ),
                width="stretch",
                hide_index=True,
                key="drift_reports",
            )
    parity = latest_parity(view.settings.database(), view.symbol)
    st.subheader("Parity of logged features")
    if parity is None:
        nothing_yet("No live prediction has been audited yet.", "orbcast run audit")
    else:
        text = f"{escaped(parity.verdict)} ({utc_minute(parity.at)})"
        (st.warning if parity.unexplained else st.success)(text)


def _bars(view: View) -> None:
    st.header("Bars")
    lake = view.settings.lake().status(view.symbol)
    if not lake.bars or lake.last is None:
        nothing_yet("There are no bars in the lake.", "orbcast ingest --help")
        return
    columns = st.columns(4)
    columns[0].metric("Bars", f"{lake.bars:,}")
    columns[1].metric("Last bar", f"{lake.last:%H:%M} UTC")
    columns[1].caption(f"{lake.last:%Y-%m-%d}, {duration(view.at - lake.last)} ago")
    columns[2].metric("Quarantined", f"{lake.quarantined:,}")
    columns[3].metric("Revised", f"{lake.revisions:,}")
    database, symbol = view.settings.database(), view.symbol

    def odd() -> None:
        _records(findings(database, symbol)[:_MOST], "findings", "Nothing unusual was found.")
        st.caption("Unusual, but imported. A minute without a trade has no bar and is not a gap.")

    def aside() -> None:
        counts = set_aside_by_reason(database, symbol)
        if counts:
            st.write(" · ".join(f"{escaped(name)}: **{n:,}**" for name, n in counts.items()))
        rows = set_aside(database, symbol, limit=_MOST)
        _records(rows, "quarantine", "No rows were quarantined.")

    def revised() -> None:
        rows = revisions(database, symbol, limit=_MOST)
        _records(rows, "revisions", "No bars were revised.")

    def batches_read() -> None:
        _records(batches(database, symbol, limit=_MOST), "batches", "Nothing was imported.")

    lazy_tabs(
        "bars",
        {
            "Imported batches": batches_read,
            "Gaps and unusual bars": odd,
            "Quarantined rows": aside,
            "Revised bars": revised,
        },
    )


def _notices(view: View) -> None:
    st.header("Notices")
    rows = [
        {
            "time": utc_minute(notice.notice.at),
            "subject": notice.notice.subject,
            "text": notice.notice.body,
            "delivered to": ", ".join(
                sorted({delivery.channel for delivery in notice.deliveries if delivery.delivered})
            )
            or "-",
        }
        for notice in notices(
            view.settings.database(),
            market=view.symbol,
            kinds=[kind for kind in KINDS if kind not in TRADE_KINDS],
        )
    ]
    _rows(rows, "notices", "No notices.")


def _records(records: Sequence[object], key: str, otherwise: str) -> None:
    _rows([field_values(record) for record in records], key, otherwise)


def _rows(rows: Sequence[Mapping[str, Any]], key: str, otherwise: str) -> None:
    if not rows:
        st.write(escaped(otherwise))
        return
    st.dataframe(_text_frame(rows), width="stretch", hide_index=True, key=key)
    if len(rows) == _MOST:
        st.caption(f"The latest {_MOST}.")


def _text_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a frame of plain cells: times as UTC text, nested values as JSON."""
    return pd.DataFrame([{name: _cell(value) for name, value in row.items()} for row in rows])


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return utc_minute(value)
    return json.dumps(value, default=str) if isinstance(value, dict | list) else value


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _drift_records(name: str) -> tuple[DriftRecord, ...]:
    settings = current_settings()
    return drift_records(settings.database(), settings.market(name).symbol)
