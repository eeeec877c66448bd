"""Tune: search hyperparameters on folds before the holdout; every trial is counted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from prefect import flow
from pydantic import Field

from ml_core.learning.version_folder import Question
from tasks.notices.notify import REPORTED
from tasks.runs.heavy_work import heavy_work
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings
from tasks.training.fan_out import fold_workers
from tasks.training.train import gather
from tasks.training.tuning.artifact import TuneResult, publish_search
from tasks.training.tuning.search import Search, search


@flow(
    name="tune",
    flow_run_name=run_name("{symbol} tune {recipe} {day}"),
    timeout_seconds=TIME_LIMITS["tune"],
    **REPORTED,
)
def tune(
    market: MarketName = "mgc",
    recipe: str = "residual-mirrored",
    trials: Annotated[int, Field(ge=1)] = 50,
    folds: Annotated[int, Field(ge=1)] = 5,
    question: Question = "directional",
    holdout_months: Annotated[int, Field(ge=0)] = 6,
    seed: Annotated[int, Field(ge=0)] = 7,
    as_of: datetime | None = None,
) -> TuneResult:
    """Search hyperparameters of one model on walk-forward folds before the held-out months.

    A stopped search continues where it was. The best recipe is written next to your own recipes;
    judge it with the flow walk-forward. It is promoted only if its result there pays for every
    question asked.

    Args:
        market: Name of a market file, such as mgc.
        recipe: Name of the recipe to start from.
        trials: Number of trials in all, including earlier runs of the same search.
        folds: Number of folds to tune on, the latest before the holdout.
        question: Which of the three models to tune: directional, quality or r_multiple.
        holdout_months: Number of latest months that tuning never sees.
        seed: The same seed tries the same values.
        as_of: Use only bars known by this time; default: now.
    """
    search_settings = Search(
        question=question, trials=trials, folds=folds, holdout_months=holdout_months, seed=seed
    )
    settings = current_settings()
    base = settings.recipe(recipe)
    at = moment_of(as_of, settings.market(market))
    with heavy_work(settings), fold_workers(settings) as workers:
        material = gather(market, base, None, None, at)
        tuned = search(workers, material, base, search_settings, at)
    publish_search(market, tuned)
    return TuneResult.of(tuned)
