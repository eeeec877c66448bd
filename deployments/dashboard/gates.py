"""The stages from shadow to auto: the market's stage, and what the next step still needs."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from deployments.dashboard.shell import STAGE_WORDS, View
from deployments.dashboard.tables.words_table import words_table
from ml_core.market_events import STAGES, Stage
from monitoring.pages.formatting import minute
from monitoring.pages.markdown import escaped
from registry.health.breaker import breaker_records
from registry.ledger.browsing import PredictionFilter, matching
from registry.rollout import rollout_records
from tasks.rollout.stage import Rollout, rollout_of, stage_of
from tasks.settings import current_settings, now

_SLOW = timedelta(minutes=5)
"""How long gates are cached: they read the whole live record, which changes six times a day."""

_MANY = 10_000
"""Live predictions, about six years of one role; with more, gates are computed on request only."""


def page(view: View) -> None:
    """Show the stages, the gates and the breaker's history."""
    st.title("Gates")
    stage, position = stage_of(view.settings, view.symbol, view.at)
    _ladder(stage)
    if position.next is not None:
        _gates(view, position.next)
    _history(view)


def _gates(view: View, target: Stage) -> None:
    live = matching(view.settings.database(), PredictionFilter(market=view.symbol, mode=("live",)))
    if live > _MANY:
        st.header(f"To {target}")
        st.write(f"Every gate reads the whole record, {live:,} answers: it may take minutes.")
        if not st.toggle("Look at every gate", key="check_gates"):
            return
    _next_step(_rollout(view.name))


def _ladder(stage: Stage) -> None:
    here = STAGES.index(stage)
    for column, (at, step) in zip(st.columns(len(STAGES)), enumerate(STAGES), strict=True):
        mark = "here" if at == here else "passed" if at < here else "above"
        column.metric(step, {"here": "●", "passed": "✓", "above": "○"}[mark])
        column.caption(f"{'**here**: ' if at == here else ''}{STAGE_WORDS[step]}")


def _next_step(rollout: Rollout) -> None:
    if rollout.target is None:
        st.info("There is no stage above this one.")
        return
    missing = [gate for gate in rollout.gates if not gate.passed]
    st.header(
        f"To {rollout.target}: "
        + (f"{len(missing)} of {len(rollout.gates)} gates missing" if missing else "all passed")
    )
    words_table(
        [
            {
                "gate": gate.name,
                "passed": "yes" if gate.passed else "no",
                "figure": gate.words,
                "missing": gate.change,
            }
            for gate in rollout.gates
        ]
    )
    st.caption(
        "Nothing is approved on this page: it only reads. A person approves in the Prefect UI "
        "(flow step-up) or with `orbcast approve`, by name and with a reason, and the approval is "
        "bound to this very model, data and report."
    )


def _history(view: View) -> None:
    database = view.settings.database()
    st.header("What changed")
    events = [
        {
            "when (UTC)": minute(rollout_record.at),
            "what": rollout_record.kind,
            "stage": rollout_record.stage,
            "by": rollout_record.by,
            "why": rollout_record.reason,
            "expires (UTC)": minute(rollout_record.expires_at)
            if rollout_record.expires_at
            else "",
        }
        for rollout_record in reversed(rollout_records(database, view.symbol))
    ]
    _table("Stages and approvals", events, "No step was taken: the market began in shadow.")
    changes = [
        {
            "when (UTC)": minute(breaker_record.at),
            "breaker": breaker_record.state,
            "cause": breaker_record.cause,
            "detail": breaker_record.detail,
            "by": breaker_record.by,
        }
        for breaker_record in reversed(breaker_records(database, view.symbol))
    ]
    _table("Circuit breaker", changes, "The breaker never opened.")


def _table(title: str, rows: list[dict[str, str]], otherwise: str) -> None:
    st.subheader(title)
    if rows:
        words_table(rows)
    else:
        st.write(escaped(otherwise))


@st.cache_resource(ttl=_SLOW, show_spinner="Looking at every gate ...", max_entries=20)
def _rollout(name: str) -> Rollout:
    settings = current_settings()
    return rollout_of(settings, settings.market(name).symbol, now())
