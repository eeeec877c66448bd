"""Explanation of a prediction: gates, reasons and features, as they were logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from deployments.dashboard.charts.theme import Theme
from deployments.dashboard.charts.themed_figure import themed_figure
from deployments.dashboard.shell import View
from deployments.dashboard.tables.words_table import words_table
from ml_core.decision.entry import PredictionEntry
from ml_core.learning.predictions.prediction import Reason
from monitoring.pages.markdown import escaped
from registry.ledger.browsing import prediction_with_hashes
from tasks.prediction.explanation import explanation_of
from tasks.prediction.explanation_artifact import short_words

_ROW_HEIGHT = 42


def show_why(view: View, number: int, colours: Theme) -> None:
    """Explain one prediction of the ledger, as it was logged before its outcome."""
    logged = prediction_with_hashes(view.settings.database(), number)
    if logged is None:
        st.info("This row is not in the ledger.")
        return
    entry, hashes = logged
    explanation = explanation_of(view.settings, entry)
    st.header(f"Explanation: {entry.market} {entry.trading_day} {entry.opening_range}")
    st.write(escaped(explanation.verdict))
    words_table(
        [
            {
                "gate": gate.name,
                "passed": "yes" if gate.passed else "no",
                "figure": gate.words,
                "would have sufficed": gate.change,
            }
            for gate in explanation.gates
        ]
    )
    if reasons := entry.outputs.reasons:
        st.subheader("Contributions toward UP or DOWN")
        st.plotly_chart(
            reasons_chart(reasons, colours),
            width="stretch",
            key=f"why_reasons_{number}",
            config={"displayModeBar": False},
        )
    _as_logged(entry, hashes)


def reasons_chart(reasons: Sequence[Reason], colours: Theme) -> go.Figure:
    """Draw signed contributions to the log-odds of an UP break, the largest on top."""
    order = sorted(reasons, key=lambda reason: abs(reason.contribution))
    pushes = [reason.contribution for reason in order]
    bars = {
        "type": "bar",
        "x": pushes,
        "y": list(range(len(order))),
        "orientation": "h",
        "width": 0.35,
        "marker": {"color": [colours.good if push > 0 else colours.bad for push in pushes]},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    # labels are above the bars, where they have the whole width, even on a phone
    notes = [
        {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": at + 0.42,
            "text": f"{short_words(reason.words)}: {'UP' if push > 0 else 'DOWN'} {push:+.2f}",
            "showarrow": False,
        }
        for at, (reason, push) in enumerate(zip(order, pushes, strict=True))
    ]
    return themed_figure(
        [bars],
        colours,
        x="change of the log-odds of UP",
        height=70 + _ROW_HEIGHT * len(order),
        xaxis={"nticks": 5},
        yaxis={"visible": False, "range": [-0.6, len(order) - 0.2]},
        annotations=notes,
    )


def _as_logged(entry: PredictionEntry, hashes: Mapping[str, str]) -> None:
    with st.expander("As logged: features, version, hashes"):
        st.dataframe(
            pd.DataFrame(
                [{"feature": name, "value": value} for name, value in entry.features.items()]
            ),
            width="stretch",
            hide_index=True,
            key="why_features",
        )
        made = {
            "decided": entry.decision_time.isoformat(),
            "logged": entry.made_at.isoformat(),
            "record": entry.mode,
            "role": entry.role,
            "model": entry.model,
            "version": entry.version,
            "recipe": entry.recipe_hash,
            "label": entry.label,
            "code": entry.outputs.code,
            "row hash": hashes["row"],
            "previous row hash": hashes["previous"],
        }
        st.dataframe(
            pd.DataFrame([{"field": name, "value": str(value)} for name, value in made.items()]),
            width="stretch",
            hide_index=True,
            key="why_made",
        )
