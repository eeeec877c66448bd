"""The Prefect artifact of a search for hyperparameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from monitoring import pages
from tasks.runs.artifacts import bullets, pictures, publish, table, to_copy
from tasks.training.tuning.search import Tuned

_TRIALS = {"number": "Trial", "score": "Score", "recipe": "Recipe", "values": "Values"}
_MOST_ROWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult:
    """Result of a run of tune; see :class:`~tasks.training.tuning.search.Tuned`.

    Attributes
    ----------
    trials
        Number of finished trials.
    recipe, recipe_file
        Name of the best recipe, and its file; None if no trial beats the base recipe.
    """

    study: str
    verdict: str
    trials: int
    to_pay_for: int
    best_score: float
    base_score: float
    baseline_score: float
    recipe: str | None
    recipe_file: str | None
    folds: tuple[str, ...]
    holdout_from: date

    @classmethod
    def of(cls, tuned: Tuned) -> TuneResult:
        """Return a search's result, without its single trials."""
        return cls(
            study=tuned.study,
            verdict=tuned.verdict,
            trials=len(tuned.tried),
            to_pay_for=tuned.to_pay_for,
            best_score=tuned.best_score,
            base_score=tuned.base_score,
            baseline_score=tuned.baseline_score,
            recipe=tuned.best.name if tuned.best else None,
            recipe_file=str(tuned.path) if tuned.path else None,
            folds=tuned.folds,
            holdout_from=tuned.holdout_from,
        )


def publish_search(market: str, tuned: Tuned) -> None:
    """Publish the best trials, the plots, and the path of the best recipe."""
    scored = sorted(
        (trial for trial in tuned.tried if trial.score is not None),
        key=lambda trial: trial.score or 0.0,
    )
    rows = [
        {
            "number": trial.number,
            "score": trial.score,
            "recipe": trial.recipe,
            "values": ", ".join(f"{name} {value:.3g}" for name, value in trial.values.items()),
        }
        for trial in scored[:_MOST_ROWS]
    ]
    notes = [
        f"tuned on {', '.join(tuned.folds)}; days from {tuned.holdout_from} on were held out",
        f"{len(tuned.tried) - len(scored)} of {len(tuned.tried)} trials were stopped early",
        f"{tuned.to_pay_for:,} questions tested on this family so far are corrected for",
    ]
    recipe = {"written to, for the flow walk-forward to judge": tuned.path} if tuned.path else {}
    publish(
        f"tune-{market}",
        tuned.verdict,
        "\n".join(part for part in (bullets(notes), to_copy(recipe)) if part),
        table(rows, _TRIALS),
        *_plots(tuned),
    )


def _plots(tuned: Tuned) -> list[str]:
    trials = [asdict(trial) for trial in tuned.tried]
    return pictures(
        pages.plots.tuning.tuning_charts(trials, tuned.base_score, tuned.baseline_score)
    )
