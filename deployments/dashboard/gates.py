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
from tasks.rollout.facts import fresh_seal
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
    live = _predictions_to_read(view)
    if live > _MANY:
        st.header(f"To {target}")
        st.write(f"The gates read the whole record, {live:,} predictions, which may take minutes.")
        if not st.toggle("Compute the gates", key="check_gates"):
            return
    _next_step(_rollout(view.name))


def _predictions_to_read(view: View) -> int:
    """Count the live predictions that the gates read: of all markets without a fresh seal."""
    settings = view.settings
    is_sealed = fresh_seal(settings, view.at) is not None
    names = (view.name,) if is_sealed else {view.name, *settings.markets}
    symbols = [settings.market(name).symbol for name in names]
    return sum(
        matching(settings.database(), PredictionFilter(market=symbol, mode=("live",)))
        for symbol in symbols
    )


def _ladder(stage: Stage) -> None:
    here = STAGES.index(stage)
    for column, (at, step) in zip(st.columns(len(STAGES)), enumerate(STAGES), strict=True):
        mark = "here" if at == here else "passed" if at < here else "above"
        column.metric(step, {"here": "●", "passed": "✓", "above": "○"}[mark])
        column.caption(f"{'**current**: ' if at == here else ''}{STAGE_WORDS[step]}")


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
        "This page only reads; nothing is approved here. A person approves in the Prefect UI "
        "(flow step-up) or with `orbcast approve`, by name and with a reason, and the approval is "
        "bound to exactly this model, data and report."
    )


def _history(view: View) -> None:
    database = view.settings.database()
    st.header("History")
    events = [
        {
            "time (UTC)": minute(rollout_record.at),
            "event": rollout_record.kind,
            "stage": rollout_record.stage,
            "by": rollout_record.by,
            "reason": rollout_record.reason,
            "expires (UTC)": minute(rollout_record.expires_at)
            if rollout_record.expires_at
            else "",
        }
        for rollout_record in reversed(rollout_records(database, view.symbol))
    ]
    _table("Stages and approvals", events, "No step yet: the market started in shadow.")
    changes = [
        {
            "time (UTC)": minute(breaker_record.at),
            "breaker": breaker_record.state,
            "cause": breaker_record.cause,
            "detail": breaker_record.detail,
            "by": breaker_record.by,
        }
        for breaker_record in reversed(breaker_records(database, view.symbol))
    ]
    _table("Circuit breaker", changes, "The breaker has never opened.")


def _table(title: str, rows: list[dict[str, str]], otherwise: str) -> None:
    st.subheader(title)
    if rows:
        words_table(rows)
    else:
        st.write(escaped(otherwise))


@st.cache_resource(ttl=_SLOW, show_spinner="Computing the gates ...", max_entries=20)
def _rollout(name: str) -> Rollout:
    settings = current_settings()
    return rollout_of(settings, settings.market(name).symbol, now())
