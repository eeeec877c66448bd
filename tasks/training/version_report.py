"""The report of a retrain, as one HTML file, and its plots for the Prefect UI."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import task

from ml_core.files import written_atomically
from registry.ledger import Settled
from tasks.runs.artifacts import pictures
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings
from tasks.training.model_card import card_of, write_card
from tasks.training.train import Judged, Material

RECENT = 60
"""Ledger rows a report shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a report tells of a version.

    Attributes
    ----------
    symbol
        The market.
    evaluation
        What the version did on its unseen days, plain values.
    trained, importance
        The version's metadata and its features' shares.
    data
        Words about the bars, label -> value.
    excluded
        Opening ranges left out, reason -> count.
    decision
        What was done with the version.
    """

    symbol: str
    evaluation: dict[str, Any]
    trained: dict[str, Any]
    importance: dict[str, dict[str, float]]
    data: dict[str, str]
    excluded: dict[str, int]
    decision: str


def report_of(material: Material, trained: Judged, decision: str) -> Reported:
    """Gather what a retrain's report tells."""
    rows = material.assembly.dataset
    return Reported(
        symbol=material.market.symbol,
        evaluation=trained.evaluation.to_json(),
        trained=trained.bundle.trained,
        importance=trained.bundle.importance,
        data={
            "Market": material.market.name,
            "Opening ranges": f"{len(rows):,}, {rows.trading_day[0]} to {rows.trading_day[-1]}",
            "Look-ahead audit": f"{material.audit['features']} features at "
            f"{material.audit['decisions']} decisions, none saw the future",
        },
        excluded=material.assembly.exclusions(),
        decision=decision,
    )


@task(name="write the report", task_run_name="report of {trained.version}", **RETRIED)
def write_report(material: Material, trained: Judged, decision: str) -> str:
    """Write the HTML report of a version; give its path. Writing it again replaces it."""
    return str(write_page(current_settings(), report_of(material, trained, decision)))


def write_page(settings: Settings, told: Reported, truth: dict[str, float] | None = None) -> Path:
    """Write a report below the reports folder; give its path.

    Parameters
    ----------
    settings, told
        Where to, and what.
    truth
        What is true of the days the version was judged on, where a simulation knows it.
    """
    from monitoring.pages.version_report import render_report  # noqa: PLC0415 - matplotlib, only here

    page = render_report(
        told.evaluation,
        trained=told.trained,
        importance=told.importance,
        data=told.data,
        excluded=told.excluded,
        truth=truth,
        recent=_recent(settings, told.symbol),
        decision=told.decision,
    )
    version = told.evaluation["summary"]["version"]
    path = settings.reports_dir / told.symbol / f"{version}.html"
    with written_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def plots_of(trained: Judged) -> list[str]:
    """Return a version's plots as markdown images that hold themselves."""
    from monitoring.pages import figure_style, plots  # noqa: PLC0415 - matplotlib, only here

    evaluation = trained.evaluation.to_json()
    scores, equity = evaluation["directional"], evaluation["equity"]
    rows = [
        plots.Scored(
            voice,
            scores[voice]["accuracy"],
            scores["interval"][voice]["accuracy"]["low"],
            scores["interval"][voice]["accuracy"]["high"],
            plots.percent(scores[voice]["accuracy"]),
        )
        for voice in ("model", "corridor", "majority")
    ]
    coin = [figure_style.Mark(0.5, "coin")]
    bins = [
        [plots.Bin(**each) for each in scores["reliability"][voice]]
        for voice in ("model", "corridor")
    ]
    lines = [
        plots.Running(
            "every break,\nafter costs", equity["every_break_net"], figure_style.CORRIDOR
        ),
        plots.Running("recommended,\nafter costs", equity["followed_net"], figure_style.MODEL),
    ]
    figures = {
        "accuracy with 95 % intervals": plots.score_plot(rows, "accuracy", coin, per_cent=True),
        "whether its probabilities can be believed": plots.reliability_plot(*bins),
        "what trading it would have brought, in R": plots.equity_plot(equity["days"], lines),
    }
    return pictures(figures.items())


def _recent(settings: Settings, symbol: str) -> list[dict[str, Any]]:
    rows = [
        each for each in settings.ledger().settled(symbol) if each.prediction.role == "champion"
    ]
    return [_shown(each) for each in rows[-RECENT:]]


def _shown(each: Settled) -> dict[str, Any]:
    said, outcome = each.prediction, each.outcome
    names = ("opening_range", "mode", "status", "reason", "p_up", "baseline_p_up")
    return {
        "day": str(said.trading_day),
        "recommendation": said.recommendation,
        "direction": outcome.direction if outcome else None,
        "r_net": outcome.r_net if outcome else None,
        **{name: getattr(said, name) for name in names},
    }


@task(name="write the model card", task_run_name="model card of {version}", **RETRIED)
def write_card_of(market: str, version: str, at: datetime) -> str:
    """Write a version's card below the reports folder; give the path of the page."""
    settings = current_settings()
    return str(write_card(settings, card_of(settings, market, version, at))[0])
