"""The report of a walk-forward study as one HTML file, and its Prefect artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_core.evidence.evaluation import Evaluation
from ml_core.evidence.fills import FillRealism
from ml_core.evidence.promotion.evidence import Condition
from ml_core.evidence.promotion.rule import Decision
from ml_core.evidence.promotion.trial_cost import TrialCost
from monitoring import pages
from registry.studies.evaluations import EvaluationRecord
from tasks.runs.artifacts import bullets, pictures, publish, scoreboard, table, to_open
from tasks.settings import Settings, current_settings
from tasks.training.study import Study

_CONDITIONS = {"name": "Condition of promotion", "status": "State", "words": "Why"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """Result of a run of walk-forward for one market.

    Attributes
    ----------
    symbol, recipe, recipe_hash
        The market's symbol; name and hash of the recipe as in its file.
    verdict
        The recipe's result on days it never saw, in a sentence.
    folds, not_judged
        Names of the predicted periods, and of those with too little history before them.
    counts
        Whether the study may count for a promotion.
    promotion
        The promotion rule's decision; None if the study does not count.
    report
        Path of the HTML page.
    evaluation
        All figures.
    cost
        Questions asked so far of this family of markets, and how much stricter they make the rule;
        None for a baseline.
    fills
        How realistic the labels' assumed fills are, on all days of the market's bars; None if not
        measured.
    """

    symbol: str
    recipe: str
    recipe_hash: str
    verdict: str
    folds: tuple[str, ...]
    not_judged: tuple[str, ...]
    counts: bool
    promotion: Decision | None
    report: str
    evaluation: Evaluation
    cost: TrialCost | None
    fills: FillRealism | None

    @classmethod
    def of(
        cls,
        symbol: str,
        study: Study,
        decision: Decision | None,
        cost: TrialCost | None,
        fills: FillRealism,
        report: str,
    ) -> StudyResult:
        """Return the result of a study whose page is written."""
        return cls(
            symbol=symbol,
            recipe=study.request.own.name,
            recipe_hash=study.request.own.hash,
            verdict=study.evaluation.verdict,
            folds=study.folds,
            not_judged=study.not_judged,
            counts=study.request.counts,
            promotion=decision,
            report=report,
            evaluation=study.evaluation,
            cost=cost,
            fills=fills,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults:
    """Result of a run of walk-forward for several markets."""

    verdict: str
    markets: tuple[StudyResult, ...]

    @classmethod
    def of(cls, results: Sequence[StudyResult]) -> StudyResults:
        """Return the results side by side."""
        verdict = " ".join(f"{result.symbol}: {result.verdict}" for result in results)
        return cls(verdict=verdict, markets=tuple(results))


def write_study_report(
    study: Study, decision: Decision | None, cost: TrialCost | None, fills: FillRealism
) -> str:
    """Write a study's page into the reports folder, replacing an earlier one; return its path."""
    record = study.record
    figures = (
        {}
        if decision is None
        else {condition.name: condition.figures for condition in decision.conditions}
    )
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
        cost=cost,
        fills=fills,
        not_judged=study.not_judged,
    )
    path = study_page(current_settings(), record)
    pages.document.write_html(report, path)
    return str(path)


def study_page(settings: Settings, record: EvaluationRecord) -> Path:
    """Return the path of a study's page, whether or not it exists."""
    name = f"{record.recipe}-study-{record.study_hash[:12]}.html"
    return settings.reports_dir / record.market / name


def publish_study(
    name: str,
    study: Study,
    decision: Decision | None,
    cost: TrialCost | None,
    fills: FillRealism,
    report: str,
) -> None:
    """Publish the verdict, the scores, the promotion's conditions and the plots."""
    notes = []
    if study.not_judged:
        notes.append(f"too little history before {', '.join(study.not_judged)}: not judged")
    if not study.request.counts:
        notes.append("a period or walk chosen by hand: for information, not for promotion")
    evaluation = study.evaluation
    publish(
        f"walk-forward-{name}-{study.request.own.name}",
        evaluation.verdict,
        "" if decision is None else bullets([decision.verdict]),
        "" if cost is None else bullets([cost.words]),
        scoreboard(evaluation.directional),
        "" if decision is None else table(map(_condition, decision.conditions), _CONDITIONS),
        *_plots(evaluation),
        bullets(f"{name}: {words}" for name, words in pages.fill_table.fill_facts(fills).items()),
        bullets(notes),
        to_open({"full report": report}),
    )


def _condition(condition: Condition) -> dict[str, str]:
    return {name: str(getattr(condition, name)) for name in _CONDITIONS}


def _plots(evaluation: Evaluation) -> list[str]:
    return pictures(pages.plots.study.study_charts(evaluation))
