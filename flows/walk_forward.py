"""Walk forward: refit, predict the unseen months, judge, and apply the promotion rule."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from ml_core.evidence.fills import fill_realism
from ml_core.evidence.out_of_sample import OutOfSamplePredictions
from ml_core.learning.folds import Walk
from tasks.notices.notify import REPORTED
from tasks.runs.heavy_work import heavy_work
from tasks.runs.parameters import MarketName
from tasks.runs.periods import moment_of, require_period
from tasks.runs.run_names import run_name
from tasks.runs.time_limits import TIME_LIMITS
from tasks.settings import current_settings, now
from tasks.training.fan_out import Workers, fold_workers
from tasks.training.promotion import apply_promotion_rule
from tasks.training.questions import cost_of_question
from tasks.training.study import (
    Study,
    StudyRequest,
    await_folds,
    begin_folds,
    conclude,
    study_request,
    walk_of,
)
from tasks.training.study_report import (
    StudyResult,
    StudyResults,
    publish_study,
    write_study_report,
)
from tasks.training.train import Material, gather


@flow(
    name="walk-forward",
    flow_run_name=run_name("{symbol} study {recipe} {day}"),
    timeout_seconds=TIME_LIMITS["walk-forward"],
    **REPORTED,
)
def walk_forward(
    market: MarketName = "mgc",
    recipe: str = "residual-mirrored",
    from_day: date | None = None,
    to_day: date | None = None,
    refit: Literal["month", "quarter"] | None = None,
    window: Annotated[str, Field(pattern=r"^(expanding|rolling:[1-9][0-9]*)$")] | None = None,
    as_of: datetime | None = None,
) -> StudyResult | StudyResults:
    """Judge a recipe on days it never saw, with a refit for each period, as in live use.

    A study counts for promotion if it covers the whole history to the present with the refits and
    training window that the recipe states. With another period, refit or window it does not count.

    Args:
        market: Names of market files, such as mgc, or mgc,nq for several.
        recipe: Name of a recipe file, such as residual-mirrored.
        from_day: First trading day to judge on; default: a year after the bars begin.
        to_day: Last trading day; default: the last with bars.
        refit: month or quarter; default: as the recipe says.
        window: expanding, or rolling:24 to train on 24 months; default: as the recipe says.
        as_of: Use only bars known by this time; default: now.
    """
    settings = current_settings()
    require_period(from_day, to_day)
    request = study_request(settings.recipe(recipe), from_day, to_day, refit, window, as_of=as_of)
    names = [part.strip() for part in market.split(",") if part.strip()]
    with heavy_work(settings), fold_workers(settings) as workers:
        begun = [_begin(workers, name, request, as_of) for name in names]
        results = [_judge(study) for study in begun]
    return results[0] if len(results) == 1 else StudyResults.of(results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A market's study whose folds are being computed."""

    name: str
    at: datetime
    request: StudyRequest
    material: Material
    walk: Walk
    folds: tuple[Future[tuple[OutOfSamplePredictions, ...]], ...]


def _begin(workers: Workers, name: str, request: StudyRequest, as_of: datetime | None) -> _Begun:
    """Build a market's dataset and send its folds to the workers, which all markets share."""
    at = moment_of(as_of, current_settings().market(name))
    material = gather(name, request.own, None, None, at)
    walk = walk_of(material, request)
    folds = begin_folds(workers, material, request, walk)
    return _Begun(name=name, at=at, request=request, material=material, walk=walk, folds=folds)


def _judge(begun: _Begun) -> StudyResult:
    """Wait for a market's folds, then judge them."""
    answers = await_folds(begun.material, begun.request, begun.folds)
    study = conclude(begun.material, begun.request, begun.walk, answers, begun.at)
    return _published(begun.name, begun.material, study)


def _published(name: str, material: Material, study: Study) -> StudyResult:
    """Have a study judged by the promotion rule, if it counts, and publish both."""
    own, symbol = study.request.own, material.market.symbol
    decision = None
    if own.kind != "baseline" and study.request.counts:
        decision = apply_promotion_rule(current_settings(), symbol, own.name, own.hash, now())
    walked = study.request.recipe
    cost = cost_of_question(current_settings(), material.question_scope, walked)
    fills = fill_realism(material.assembly)
    report = write_study_report(study, decision, cost, fills)
    publish_study(name, study, decision, cost, fills, report)
    return StudyResult.of(symbol, study, decision, cost, fills, report)
