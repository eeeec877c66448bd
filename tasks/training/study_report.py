"""The report of a walk-forward study, as one HTML file, and its plots for the Prefect UI."""

from __future__ import annotations

from pathlib import Path

from ml_core.evidence.promotion import Decision
from monitoring import pages
from registry.evaluations import EvaluationRecord
from tasks.runs.artifacts import pictures
from tasks.settings import Settings, current_settings
from tasks.training.study import Study


def write_study_report(study: Study, decision: Decision | None) -> str:
    """Write a study's page below the reports folder; return its path. Again replaces it."""
    record = study.record
    figures = {} if decision is None else {one.name: one.figures for one in decision.conditions}
    changes = figures.get("seeds agree", {}).get("log_loss_change", {})
    report = pages.study_report.study_report(
        study.evaluation,
        settings={
            "recipe": record.recipe,
            "recipe_hash": record.recipe_hash,
            "folds": list(study.folds),
            **record.settings,
            "code": str(record.settings["code"])[:12],
        },
        decision=decision,
        seeds=next(iter(changes.values()), None),
        power=figures.get("enough rows") or None,
        trials=figures.get("trials paid for", {}).get("trials"),
        not_judged=study.not_judged,
    )
    path = study_page(current_settings(), record)
    pages.document.write_html(report, path)
    return str(path)


def study_page(settings: Settings, record: EvaluationRecord) -> Path:
    """Return the path of a study's page, written or not."""
    name = f"{record.recipe}-study-{record.study_hash[:12]}.html"
    return settings.reports_dir / record.market / name


def study_plots_of(study: Study) -> list[str]:
    """Return a study's plots as markdown images that hold themselves."""
    return pictures(pages.study_plots.study_charts(study.evaluation))
