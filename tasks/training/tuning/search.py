"""Tuning of hyperparameters: an Optuna study in the project's database, batch by batch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from prefect import get_run_logger, task

import registry
from ml_core.errors import NumberError, TransientError
from ml_core.evidence.tuning import TuningFolds, tuning_folds
from ml_core.learning.recipe import Recipe, write_recipe
from ml_core.learning.version_folder import Question
from ml_core.on_demand import library
from registry.studies.trials import finish_trial, list_trials
from tasks.runs.artifacts import progress
from tasks.runs.retrying import RETRIED
from tasks.settings import Settings, current_settings
from tasks.training.fan_out import Workers
from tasks.training.questions import question_hash, questions_on_record
from tasks.training.train import Material
from tasks.training.tuning.trials import (
    BATCH,
    RECIPE,
    STARTUP_TRIALS,
    FoldsOnWorkers,
    begin_trial,
    finish,
    score_batch,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

optuna = library("optuna")

_FIXED = "fixed_params"
"""Optuna's attribute for the fixed values of an enqueued trial."""


class TuningUnderWayError(TransientError):
    """Error when the same search is running in another process."""

    study: str
    template = "{study} is being tuned by another process; try again when it is done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The request for a search; a different question, folds, holdout or seed is another search.

    Raises
    ------
    NumberError
        A number is below its minimum.
    """

    question: Question
    trials: int
    folds: int
    holdout_months: int
    seed: int

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("folds", 1), ("holdout_months", 0), ("seed", 0)):
            value = getattr(self, name)
            if value < least:
                raise NumberError(name, value, f"give {least} or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One finished trial; ``number`` counts finished trials from 1."""

    number: int
    state: str
    score: float | None
    recipe: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """Result of a search.

    Attributes
    ----------
    study
        Name of the Optuna study.
    tried
        Finished trials in order.
    best
        The best recipe; None while no trial beats the base recipe.
    best_score, base_score, baseline_score
        Scores on the tuning folds: of the best trial, the base recipe and the driftless baseline.
    folds, holdout_from
        The tuning folds, and the first day held out of them.
    to_pay_for
        Number of questions asked so far of the market's family, in all searches and by hand.
    path
        Path of the best recipe's file.
    """

    study: str
    tried: tuple[Tried, ...]
    best: Recipe | None
    best_score: float
    base_score: float
    baseline_score: float
    folds: tuple[str, ...]
    holdout_from: date
    to_pay_for: int
    path: Path | None

    @property
    def verdict(self) -> str:
        """The result in one plain sentence."""
        figures = (
            f"best of {len(self.tried)} trials {self.best_score:.5f}, the recipe tuned from "
            f"{self.base_score:.5f}, the driftless baseline {self.baseline_score:.5f}"
        )
        if self.best is None:
            return f"No better than the recipe tuned from: {figures}."
        return (
            f"{self.best.name} is better on the folds tuned on, which is not evidence yet: "
            f"{figures}; at promotion it is corrected for all {self.to_pay_for:,} questions "
            "tested."
        )


@task(name="search", task_run_name="{material.market.symbol}: search from {base.name}", **RETRIED)
def search(
    workers: Workers, material: Material, base: Recipe, search: Search, at: datetime
) -> Tuned:
    """Try recipes until the requested number is finished; resume a search that was killed.

    Raises
    ------
    TuningUnderWayError
        The same search is running in another process.
    TooFewFoldsError, NotTunableError, NothingToScoreError
        There is nothing that can be tuned.
    """
    settings = current_settings()
    folds = tuning_folds(material.assembly.dataset, base, search.folds, search.holdout_months)
    name = _study_name(material, base, search, folds)
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.home / f".{name}.lock", timeout=0):
            on_workers = FoldsOnWorkers(workers, material, folds, search.question)
            base_score, baseline_score = on_workers.scores(base)
            study = _study(settings, name)
            _fail_dead_trials(study)
            _finish_on_record(settings, study, material)
            done, log = len(_finished(study)), get_run_logger()
            key, words = f"tune-{material.market.symbol}-progress", f"Trials of {name}"
            on_progress = progress(key, words, min(done / search.trials, 1.0))
            log.info("%s: %d of %d trials are done", name, done, search.trials)
            while done < search.trials:
                count = min(BATCH - done % BATCH, search.trials - done)
                batch = [
                    begin_trial(
                        settings,
                        study,
                        material,
                        base,
                        question=search.question,
                        seed=search.seed,
                        number=number,
                        at=at,
                    )
                    for number in range(done, done + count)
                ]
                for trial in score_batch(on_workers, batch):
                    finish(settings, study, trial)
                    done += 1
                    score = trial.score
                    text = "stopped early" if score is None else f"{score:.5f}"
                    best = study.best_value
                    log.info("trial %d of %d: %s, best %.5f", done, search.trials, text, best)
                on_progress(done / search.trials)
    except Timeout as error:
        raise TuningUnderWayError(name) from error
    return _concluded(settings, study, folds, (base_score, baseline_score), material.market.symbol)


def _study_name(material: Material, base: Recipe, search: Search, folds: TuningFolds) -> str:
    parts = [search.question, search.folds, search.holdout_months, search.seed, folds.digest]
    parts.append(material.market_hash)
    digest = hashlib.sha256(json.dumps([base.hash, *parts]).encode()).hexdigest()
    return f"tune-{material.market.symbol.lower()}-{base.name}-{digest[:8]}"


def _study(settings: Settings, name: str) -> Study:

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal: Any = registry.studies.tuning_journal.TuningJournal(
        settings.database()
    )  # has the interface of a journal backend
    storage = optuna.storages.JournalStorage(journal)
    study: Study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="minimize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=1),
    )
    return study


def _fail_dead_trials(study: Study) -> None:
    """Enqueue the values of a killed process's trials again, and mark those trials as failed.

    The lock is held, so a trial that is marked as running cannot be running. Values are enqueued
    first, so that a kill in between loses nothing.
    """
    waiting = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,))
    in_line = [frozen_trial.system_attrs.get(_FIXED) for frozen_trial in waiting]
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        values = {**trial.system_attrs.get(_FIXED, {}), **trial.params}
        if values and values not in in_line:
            study.enqueue_trial(values)
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def _finish_on_record(settings: Settings, study: Study, material: Material) -> None:
    """Record the results of finished trials where a kill prevented it."""
    database, symbol, market_hash = (
        settings.database(),
        material.market.symbol,
        material.market_hash,
    )
    begun = {
        trial.question
        for trial in list_trials(database, symbol)
        if trial.state == "begun" and trial.market_hash == market_hash
    }
    for trial in _finished(study):
        recipe_hash = Recipe.model_validate(trial.user_attrs[RECIPE]).hash
        question = question_hash(material.question_scope, recipe_hash)
        if question in begun:
            finish_trial(
                database,
                symbol,
                recipe_hash,
                market_hash,
                question,
                score=_score_of(trial),
                state=trial.state.name.lower(),
            )


def _finished(study: Study) -> list[Any]:

    return study.get_trials(
        deepcopy=False, states=(optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    )


def _score_of(trial: FrozenTrial) -> float | None:
    """Return a finished trial's score; None if pruned, whose last report is not a score."""
    return trial.value if trial.state.name == "COMPLETE" else None


def _concluded(
    settings: Settings,
    study: Study,
    folds: TuningFolds,
    compared: tuple[float, float],
    symbol: str,
) -> Tuned:
    base_score, baseline_score = compared
    best_trial = study.best_trial
    best_score = float(best_trial.value or 0.0)
    best, path = None, None
    if best_score < base_score:
        best = Recipe.model_validate(best_trial.user_attrs[RECIPE])
        path = settings.own_recipes_dir / f"{best.name}.toml"
        write_recipe(path, best)
    return Tuned(
        study=study.study_name,
        tried=tuple(
            Tried(
                number=number,
                state=trial.state.name.lower(),
                score=_score_of(trial),
                recipe=trial.user_attrs[RECIPE]["name"],
                values=dict(trial.params),
            )
            for number, trial in enumerate(_finished(study), 1)
        ),
        best=best,
        best_score=best_score,
        base_score=base_score,
        baseline_score=baseline_score,
        folds=tuple(fold.name for fold in folds.folds),
        holdout_from=folds.holdout_from,
        to_pay_for=questions_on_record(settings, symbol).questions,
        path=path,
    )
