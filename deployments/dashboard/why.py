"""Explanation of a prediction: gates, reasons and features, as they were logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from deployments.dashboard.charts.theme import Theme
from deployments.dashboard.charts.themed_chart import (
    Spec,
    layer,
    looks_in,
    show_chart,
    themed_chart,
    words_above,
)
from deployments.dashboard.shell import View
from deployments.dashboard.tables.words_table import words_table
from ml_core.decision.entry import PredictionEntry
from ml_core.learning.predictions.prediction import Reason
from monitoring.pages.markdown import escaped
from registry.ledger.browsing import prediction_with_hashes
from tasks.prediction.explanation.artifact import short_words
from tasks.prediction.explanation.explain import explanation_of

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
        show_chart(reasons_chart(reasons, colours), f"why_reasons_{number}")
    _as_logged(entry, hashes)


def reasons_chart(reasons: Sequence[Reason], colours: Theme) -> Spec:
    """Draw signed contributions to the log-odds of an UP break, the largest on top."""
    order = sorted(reasons, key=lambda reason: -abs(reason.contribution))
    rows = [
        {
            "place": place,
            "contribution": push,
            "words": f"{'UP' if push > 0 else 'DOWN'} {push:+.2f}: {short_words(reason.words)}",
            "colour": colours.good if push > 0 else colours.bad,
        }
        for place, reason in enumerate(order)
        for push in (reason.contribution,)
    ]
    bars = layer(
        rows,
        {"type": "bar", "height": 14, "yOffset": 9},
        x={"field": "contribution"},
        y={"field": "place"},
        color=looks_in("colour"),
    )
    return themed_chart(
        [bars, words_above(rows)],
        colours,
        x={
            "type": "quantitative",
            "title": "change of the log-odds of UP",
            "axis": {"tickCount": 5},
        },
        y={"type": "ordinal", "axis": None},
        height=70 + _ROW_HEIGHT * len(order),
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
