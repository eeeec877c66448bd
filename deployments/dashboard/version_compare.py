"""Two versions side by side: their results on held-out days and live, and their differences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import streamlit as st

from deployments.dashboard.charts.theme import Theme, faint, theme
from deployments.dashboard.charts.themed_chart import (
    Spec,
    layer,
    show_chart,
    themed_chart,
    words_above,
)
from deployments.dashboard.lazy_tabs import lazy_tabs
from deployments.dashboard.shell import FRESH, View
from deployments.dashboard.tables.record_tables import with_span
from deployments.dashboard.tables.words_table import words_table
from ml_core.evidence.evaluation import (
    DirectionScores,
    EvaluationSummary,
    NoTrades,
    Trades,
    Trading,
    read_part,
)
from ml_core.health.daily_sums import PerformanceRecord
from ml_core.learning.predictions.reasons import named
from ml_core.learning.recipe_difference import recipe_difference
from ml_core.learning.version_folder import reading, recipe_of
from monitoring.pages.findings import FEW_TRADES
from monitoring.pages.formatting import (
    count_of,
    interval,
    is_known,
    percent,
    signed,
    utc_minute,
)
from monitoring.pages.markdown import escaped
from monitoring.performance import MIN_DAYS, over, whole_days
from registry.health.performance import performance_records
from registry.models.versions import VersionRecord
from tasks.settings import current_settings, now

_SHOWN_FEATURES = 12
_ROW_HEIGHT, _BAR = 46, 10
"""Pixels."""

_QUESTIONS = {
    "directional": "Direction of the break",
    "quality": "Target before stop",
    "r_multiple": "Net R",
}


def compare_versions(view: View, versions: Sequence[VersionRecord]) -> None:
    """Show two versions side by side, at first champion and challenger; a single one by itself."""
    st.header("Two versions side by side")
    by_name = {version.version: version for version in versions}
    names, chosen = list(by_name), []
    for column, first, mark in zip(
        st.columns(2), first_two(view, versions), ("This", "Beside"), strict=False
    ):
        key = f"compare_{mark.lower()}"
        chosen.append(column.selectbox(mark, names, index=names.index(first), key=key))
    pair = [by_name[version] for version in dict.fromkeys(chosen)]
    figures_by_version = {
        f"{version.version} ({version.model})": _figures(view.name, version.version)
        for version in pair
    }
    figures = list(figures_by_version.values())
    words_table(
        [
            {"figure": name, **{head: own[name] for head, own in figures_by_version.items()}}
            for name in figures[0]
        ]
    )
    if len({own["judged on, unseen"] for own in figures}) > 1:
        st.caption(
            "They were judged on different days, so their figures cannot be "
            "compared: a comparison on common days is under Decisions."
        )
    if len(pair) > 1:
        _recipes(pair[0], pair[1])
    st.subheader("Features by importance")
    st.caption(
        "Share of the trees' gain, besides the baseline. A feature that is used need not be "
        "useful."
    )
    fillings = {
        words: partial(_importance, pair, question) for question, words in _QUESTIONS.items()
    }
    lazy_tabs("importance", fillings)


def first_two(view: View, versions: Sequence[VersionRecord]) -> tuple[str, ...]:
    """Choose the champion and the challenger; if one is missing, the newest other version."""
    store = view.settings.models()
    named_now = [store.current(view.symbol, alias) for alias in ("champion", "challenger")]
    order = [alias.version for alias in named_now if alias is not None]
    order += [version.version for version in versions if version.version not in order]
    return tuple(dict.fromkeys(order))[:2]


def figures_of(version: VersionRecord, live: Sequence[PerformanceRecord]) -> dict[str, str]:
    """Return a version's figures as text, each with its interval.

    Parameters
    ----------
    version
        The version.
    live
        Daily figures of its live predictions.
    """
    directional = read_part(DirectionScores, version.metrics["directional"])
    summary = read_part(EvaluationSummary, version.metrics["summary"])
    model, corridor = directional.model, directional.corridor
    change = directional.difference["corridor"]
    values = {
        "made": utc_minute(version.created_at),
        "judged on, unseen": f"{summary.first_day} to {summary.last_day}, "
        f"{summary.breaks:,} breaks",
        "accuracy": f"{percent(model.accuracy)}; corridor {percent(corridor.accuracy)}",
    }
    for less, words in ((change.log_loss, "log loss"), (change.brier, "Brier score")):
        values[f"{words} less the corridor's"] = (
            f"{signed(less.estimate, 4)} ({interval(less.low, less.high, 4)}); below 0 is better"
        )
    values["calibration error"] = f"{model.ece:.3f}"
    trading = read_part(Trading, version.metrics["trading"])
    values["net R a trade, every break"] = _net_r(trading.every_break)
    values["net R a trade, recommended"] = _net_r(trading.followed)
    values["live"] = _live(live)
    return values


def _net_r(trades: Trades | NoTrades) -> str:
    """Return the result of trades in figures: a sentence does not fit a phone's column."""
    if not isinstance(trades, Trades) or not is_known(trades.net_r.estimate):
        return "no trade"
    net = trades.net_r
    count = count_of(trades.trades, "trade")
    if trades.trades < FEW_TRADES:
        return f"{signed(net.estimate, 2)}; {count}: too few to judge"
    return f"{signed(net.estimate, 2)} ({interval(net.low, net.high, 2)}); {count}"


def _live(rows: Sequence[PerformanceRecord]) -> str:
    if not any(row.figures.breaks for row in rows):
        return "no break of a live prediction has an outcome yet"
    period = over(rows)
    change = period.difference["corridor"].log_loss
    words = f"{period.days} days, {period.counts.breaks:,} breaks: log loss "
    if period.days < MIN_DAYS:
        return f"{words}{change.estimate:+.4f} on the corridor; too few days for an interval"
    return f"{words}{with_span(change, '+.4f')} against the corridor"


@st.cache_resource(ttl=10 * FRESH, show_spinner=False, max_entries=50)
def _figures(name: str, version: str) -> dict[str, str]:
    settings = current_settings()
    symbol = settings.market(name).symbol
    # no version predicts for longer than this after it was made
    longest = timedelta(days=max(settings.model_expires_days, settings.baseline_expires_days))
    first = (now() - longest).date()
    live = performance_records(
        settings.database(), symbol, mode="live", version=version, first=first
    )
    return figures_of(settings.models().find(symbol, version), whole_days(live))


def _recipes(*pair: VersionRecord) -> None:
    one, other = (recipe_of(version.folder) for version in pair)
    st.subheader("Differences of their recipes")
    changed = recipe_difference(one, other)
    changed.pop("about", None)
    if not changed:
        st.write(
            f"They are versions of one recipe, {escaped(one.name)}: refits on different bars."
        )
        return
    words_table(
        [
            {"setting": name, "this": json.dumps(left), "beside": json.dumps(right)}
            for name, (left, right) in changed.items()
        ]
    )


def _importance(versions: Sequence[VersionRecord], question: str) -> None:
    shares = {}
    for version in versions:
        with reading(version.folder, "feature_importance.json") as file:
            own = json.loads(file.read_text(encoding="utf-8")).get(question, {})
        shares[f"{version.version} ({version.model})"] = own
    if not any(shares.values()):
        st.write("There are no trees for this question: the baseline predicts.")
        return
    show_chart(importance_chart(shares, theme()), f"importance_{question}")


def importance_chart(shares: Mapping[str, Mapping[str, float]], colours: Theme) -> Spec:
    """Draw the most used features, by the largest share in any version, the largest on top.

    Parameters
    ----------
    shares
        Version -> its features' shares of the trees' gain; one bar per version.
    colours
        Colours of the page.
    """
    most: dict[str, float] = {}
    for own in shares.values():
        for feature, share in own.items():
            most[feature] = max(most.get(feature, 0.0), share)
    order = sorted(most, key=lambda feature: (-most[feature], feature))[:_SHOWN_FEATURES]
    features = [{"place": place, "words": named(name)} for place, name in enumerate(order)]
    by_version = {"field": "version", "legend": {"columns": 1}}
    # the second version's bars are outlined: colour is never the only sign
    fills, strokes = (colours.model, faint(colours.corridor)), (colours.model, colours.corridor)
    bars = [
        layer(
            [
                {**feature, "version": version, "share": own.get(name, 0.0)}
                for feature, name in zip(features, order, strict=True)
            ],
            {"type": "bar", "height": _BAR, "yOffset": 4 + (_BAR + 1) * row, "strokeWidth": 1},
            x={"field": "share"},
            y={"field": "place"},
            fill={**by_version, "scale": {"domain": list(shares), "range": fills}},
            stroke={**by_version, "scale": {"domain": list(shares), "range": strokes}},
            tooltip=[
                {"field": "words", "title": "feature"},
                {"field": "version"},
                {"field": "share", "type": "quantitative", "format": ".1%"},
            ],
        )
        for row, (version, own) in enumerate(shares.items())
    ]
    return themed_chart(
        [*bars, words_above(features)],
        colours,
        x={
            "type": "quantitative",
            "title": "share of the trees' gain",
            "axis": {"format": ".0%"},
        },
        y={"type": "ordinal", "axis": None},
        height=90 + _ROW_HEIGHT * len(order),
    )
