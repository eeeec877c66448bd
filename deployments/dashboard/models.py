"""Trained versions, which of them served when, and the evidence for each change."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

import tasks
from deployments.cli.errors import error_line
from deployments.dashboard.shell import FRESH, View, nothing_yet
from deployments.dashboard.tables.words_table import words_table
from deployments.dashboard.version_compare import compare_versions
from ml_core.errors import OrbcastError
from monitoring import pages
from monitoring.pages.formatting import minute, utc_minute
from monitoring.pages.markdown import escaped
from registry.errors import UnknownVersionError
from registry.models.decisions import list_decisions
from registry.models.versions import VersionRecord
from registry.studies.evaluations import evaluations
from tasks import training
from tasks.settings import current_settings
from tasks.training.questions import questions_on_record
from tasks.training.study_report import study_page

ALIASES = ("champion", "challenger")
_LATEST = 10
"""Shown at once of a history; a person on a phone should not have to scroll past years."""


def page(view: View) -> None:
    """Show the model registry of a market."""
    st.title("Models")
    versions = _versions(view.name)
    if not versions:
        nothing_yet("No version is registered yet.", "orbcast run nightly-retrain")
        return
    _serving(view)
    _list(view, versions)
    compare_versions(view, versions)
    _history(view)
    _decisions(view)
    _studies(view)
    _card(view, versions)


def _serving(view: View) -> None:
    try:
        serving = view.settings.models().serving(view.symbol, view.at)
    except UnknownVersionError:
        st.warning("No version serves: predictions abstain.", icon=":material/block:")
        return
    record = serving.record
    expires = view.settings.models().expires_at(record)
    words = (
        f"**{escaped(record.version)}** ({escaped(record.model)}) serves, made "
        f"{utc_minute(record.created_at)}, until {expires:%Y-%m-%d}"
    )
    if trouble := serving.trouble:
        st.warning(f"{words}. {escaped(trouble)}", icon=":material/warning:")
    else:
        st.success(f"{words}.", icon=":material/verified:")


def _list(view: View, versions: Sequence[VersionRecord]) -> None:
    st.header(f"Versions: {len(versions):,}")
    store = view.settings.models()
    named: dict[str, list[str]] = {}
    for alias in ALIASES:
        current = store.current(view.symbol, alias)
        if current is not None:
            named.setdefault(current.version, []).append(alias)
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "version": version.version,
                    "alias": ", ".join(named.get(version.version, [])) or "-",
                    "recipe": version.model,
                    "made (UTC)": minute(version.created_at),
                    "kind": version.kind,
                    "data": version.data_fingerprint[:12],
                    "recipe's hash": version.recipe_hash[:12],
                }
                for version in versions
            ]
        ),
        width="stretch",
        hide_index=True,
        key="versions",
    )


def _history(view: View) -> None:
    st.header("Serving history")
    models = view.settings.models()
    records = [record for alias in ALIASES for record in models.history(view.symbol, alias)]
    rows = [
        {
            "from (UTC)": minute(alias_record.at),
            "version": f"{alias_record.alias} {alias_record.version}, named by {alias_record.by}",
            "reason": alias_record.reason,
        }
        for alias_record in sorted(records, key=lambda record: record.at)[::-1]
    ]
    if not rows:
        st.write("No version has been champion or challenger yet.")
        return
    words_table(rows[:_LATEST])
    if earlier := rows[_LATEST:]:
        with st.expander(f"{len(earlier):,} earlier"):
            words_table(earlier)


def _decisions(view: View) -> None:
    st.header("Decisions, with their evidence")
    decisions = list(reversed(list_decisions(view.settings.database(), view.symbol)))
    if not decisions:
        st.write("No decisions yet.")
        return
    for decision in decisions[:_LATEST]:
        with st.expander(f"{utc_minute(decision.at)} · {escaped(decision.verdict)}"):
            st.caption(f"{escaped(decision.kind)} of {escaped(decision.version)}")
            for reason in decision.reasons:
                st.markdown(f"- {escaped(reason)}")
            st.json(json.loads(json.dumps(decision.evidence, default=str)), expanded=False)
    if len(decisions) > _LATEST:
        st.caption(f"The latest {_LATEST} of {len(decisions):,}.")


def _studies(view: View) -> None:
    count = questions_on_record(view.settings, view.symbol)
    st.header("Studies")
    st.caption(
        f"Questions tested on {', '.join(count.markets)}: {count.questions:,}. The evidence is "
        "corrected for all of them."
    )
    studies = list(reversed(evaluations(view.settings.database(), view.symbol)))
    rows = [
        {
            "time (UTC)": minute(evaluation.at),
            "recipe": evaluation.recipe,
            "verdict": evaluation.verdict,
        }
        for evaluation in studies
    ]
    if rows:
        words_table(rows)
        reports = (study_page(view.settings, evaluation) for evaluation in studies)
        files = [str(report) for report in reports if report.is_file()]
        if files:  # their long paths would leave a phone no room for the verdicts
            st.caption("Reports, newest first, to be opened in a browser:")
            st.code("\n".join(files), language=None)
    else:
        nothing_yet("No recipe has been studied on unseen days yet.", "orbcast run walk-forward")


def _card(view: View, versions: Sequence[VersionRecord]) -> None:
    st.header("Model card")
    version = st.selectbox(
        "Version", [version.version for version in versions], key="card_version"
    )
    if not st.toggle("Show its card", key="show_card"):
        return
    try:
        st.markdown(_card_text(view.name, version))
    except OrbcastError as error:
        st.error(error_line(error), icon=":material/error:")


@st.cache_resource(ttl=FRESH, show_spinner=False, max_entries=20)
def _versions(name: str) -> tuple[VersionRecord, ...]:
    settings = current_settings()
    versions = settings.models().versions(settings.market(name).symbol)
    return tuple(sorted(versions, key=lambda version: version.created_at, reverse=True))


@st.cache_resource(ttl=10 * FRESH, show_spinner="Writing the card ...", max_entries=20)
def _card_text(name: str, version: str) -> str:

    return pages.document.to_markdown(
        pages.model_card.page.model_card(
            training.model_card.card_of(current_settings(), name, version, tasks.settings.now())
        )
    )
