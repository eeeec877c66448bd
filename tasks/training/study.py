"""The walk-forward study: predict the folds on the task runner's workers, then judge."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from ml_core.evidence.evaluate import evaluate_predictions
from ml_core.evidence.evaluation import Evaluation
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, joined, predict_fold_by_seed
from ml_core.evidence.promotion.injection import InjectionReport, finds_injected_signal
from ml_core.files import sha256_of, written_atomically
from ml_core.json_values import json_values
from ml_core.learning.folds import Walk, walk_recipe
from ml_core.learning.recipe import Recipe
from ml_core.on_demand import library
from registry.studies.evaluations import EvaluationRecord, evaluation_of, record_evaluation
from tasks.runs.artifacts import progress
from tasks.runs.code_hash import code_hash, installed_code
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings
from tasks.training.fan_out import Workers
from tasks.training.questions import BY_HAND, record_question
from tasks.training.train import Material

pq = library("pyarrow.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """The request for a study.

    Attributes
    ----------
    recipe
        The studied recipe, whose ``refit`` and ``window`` may differ from its file's.
    own
        The recipe as in its file.
    first, last
        Trading days to predict, if given.
    as_of
        Time by which the bars must have been known, if given.
    """

    recipe: Recipe
    own: Recipe
    first: date | None
    last: date | None
    as_of: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether the study may count for a promotion.

        A period or end chosen by hand, or a walk other than the recipe's own, may have been chosen
        because it looks good.
        """
        picked = (self.first, self.last, self.as_of)
        return picked == (None, None, None) and self.recipe == self.own

    @property
    def settings(self) -> StudySettings:
        """The settings that are recorded besides the recipe."""
        recipe = self.recipe
        return StudySettings(
            refit=recipe.refit,
            window=recipe.window,
            embargo_days=recipe.embargo_days,
            fractions=tuple(recipe.fractions),
            interval=recipe.interval,
            seeds=tuple(recipe.seed + number for number in range(recipe.seeds)),
            first=self.first,
            last=self.last,
            counts=self.counts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySettings:
    """A study's walk-forward settings, seeds and days, and whether it may count."""

    refit: str
    window: str
    embargo_days: int
    fractions: tuple[float, ...]
    interval: float
    seeds: tuple[int, ...]
    first: date | None = field(metadata={"alias": "from"})
    last: date | None = field(metadata={"alias": "to"})
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A judged study.

    Attributes
    ----------
    request
        The request.
    evaluation
        All figures on unseen days.
    signal
        The injected-signal control; None for a baseline, which learns nothing.
    folds, not_judged
        Names of the predicted periods, and of those with too little history before them.
    record
        The study's record.
    """

    request: StudyRequest
    evaluation: Evaluation
    signal: InjectionReport | None
    folds: tuple[str, ...]
    not_judged: tuple[str, ...]
    record: EvaluationRecord


def walk_of(material: Material, request: StudyRequest) -> Walk:
    """Lay out the folds of a study.

    Raises
    ------
    NoUnseenDaysError
        No part of the period can be judged.
    """
    data = material.assembly.dataset
    return walk_recipe(data, request.recipe, first=request.first, last=request.last)


def begin_folds(
    workers: Workers, material: Material, request: StudyRequest, walk: Walk
) -> tuple[Future[tuple[OutOfSamplePredictions, ...]], ...]:
    """Submit every fold of a study to the workers; return their futures in order."""
    recipe, fingerprint = request.recipe, material.fingerprint
    dataset = workers.share(material.assembly.dataset)
    return tuple(
        workers.submit(predict_fold_by_seed, dataset, fold, recipe, fingerprint)
        for fold in walk.folds
    )


@task(
    name="train and predict every fold",
    task_run_name="{material.market.symbol}: folds of {request.own.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def await_folds(
    material: Material,
    request: StudyRequest,
    begun: tuple[Future[tuple[OutOfSamplePredictions, ...]], ...],
) -> list[tuple[OutOfSamplePredictions, ...]]:
    """Wait for every fold, in order, and report how many are done."""
    market, own = material.market.symbol, request.own.name
    move = progress(f"walk-forward-{market}-{own}-progress", f"Folds of {own} on {market}")
    answers = []
    for done, fold in enumerate(begun, 1):
        answers.append(fold.result())
        move(done / len(begun))
    return answers


@task(
    name="judge the study",
    task_run_name="judge {request.own.name} on {material.market.symbol}",
    **RETRIED,
)
def conclude(
    material: Material,
    request: StudyRequest,
    walk: Walk,
    parts: list[tuple[OutOfSamplePredictions, ...]],
    at: datetime,
) -> Study:
    """Join and judge the folds, run the injected-signal control, and record everything."""
    settings, recipe = current_settings(), request.recipe
    by_seed = tuple(joined(list(folds)) for folds in zip(*parts, strict=True))
    decided_by = [
        material.market_hash,
        request.own.hash,
        json_values(request.settings),
        material.fingerprint,
        code_hash(),
        *material.question_scope.own_code,
    ]
    name = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()
    evaluation = evaluate_predictions(by_seed[0], recipe.name, f"study {name[:12]}")
    signal = None
    if recipe.kind != "baseline":
        signal = finds_injected_signal(material.assembly.dataset, recipe)
        # with the requested walk: another refit or window gives other predictions
        record_question(
            settings,
            material.question_scope,
            recipe,
            at,
            study=BY_HAND,
            score=evaluation.directional.model.log_loss,
        )
    folder = settings.home / "studies" / material.market.symbol / recipe.name / name[:12]
    before = evaluation_of(settings.database(), material.market.symbol, name)
    # a recorded study stays as it is, even if a library computes other digits now
    files = before.files if before else _write(settings, folder, by_seed, evaluation)
    figures = json_values(evaluation)
    record = EvaluationRecord(
        market=material.market.symbol,
        recipe=recipe.name,
        recipe_hash=request.own.hash,
        study_hash=name,
        settings={
            **json_values(request.settings),
            "not_judged": list(walk.not_judged),
            "code": installed_code(settings),
        },
        data_fingerprint=material.fingerprint,
        market_hash=material.market_hash,
        verdict=evaluation.verdict,
        figures={
            **{key: value for key, value in figures.items() if key != "equity"},
            "lookahead_clean": material.audit.clean,
            "signal_found": None if signal is None else signal.recovered,
        },
        files=files,
        at=at,
    )
    record_evaluation(settings.database(), record, request.own)
    if before is not None:
        record = before
    return Study(
        request=request,
        evaluation=evaluation,
        signal=signal,
        folds=tuple(fold.name for fold in walk.folds),
        not_judged=walk.not_judged,
        record=record,
    )


def _write(
    settings: Settings,
    folder: Path,
    by_seed: tuple[OutOfSamplePredictions, ...],
    evaluation: Evaluation,
) -> dict[str, str]:

    written = {}
    for answers in by_seed:
        path = folder / f"answers-seed{answers.seed}.parquet"
        with written_atomically(path) as temporary:
            pq.write_table(answers.to_table(), temporary, compression="zstd")
        written[path] = sha256_of(path)
    path = folder / "evaluation.json"
    with written_atomically(path) as temporary:
        temporary.write_text(json.dumps(json_values(evaluation), indent=1), encoding="utf-8")
    written[path] = sha256_of(path)
    files = {
        path.relative_to(settings.home).as_posix(): digest for path, digest in written.items()
    }
    store = settings.object_store()
    if store is not None:  # before the record, which puts them in force
        for name, digest in files.items():
            store.put(name, settings.home / name, digest)
    return files


def study_request(
    own: Recipe,
    first: date | None,
    last: date | None,
    refit: str | None = None,
    window: str | None = None,
    *,
    as_of: datetime | None = None,
) -> StudyRequest:
    """Return the request for a study, with the recipe's own walk unless another is given.

    Raises
    ------
    ValidationError
        ``refit`` or ``window`` cannot be used.
    """
    walking = {"refit": refit or own.refit, "window": window or own.window}
    recipe = Recipe.model_validate({**own.model_dump(), **walking})
    return StudyRequest(recipe=recipe, own=own, first=first, last=last, as_of=as_of)
