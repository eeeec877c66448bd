"""The trials of a search: computed in batches by workers, in an order that follows from the seed.

The trials of a batch are asked for in order, computed fold by fold, and told in order. So the
values tried do not depend on how many workers there are, or which is faster.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from ml_core.evidence.tuning import FoldLosses, TuningFolds, fold_losses, mean_losses, suggested
from ml_core.learning.folds import Fold
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import Question
from ml_core.on_demand import library
from registry.studies.trials import TrialRecord, finish_trial, record_trial
from tasks.settings import Settings
from tasks.training.fan_out import Workers
from tasks.training.questions import trial_of
from tasks.training.train import Material

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

optuna = library("optuna")

BATCH = 4
"""Trials that are computed at the same time; with more, each would know of fewer results."""

STARTUP_TRIALS = 8
"""Trials with random values, before the results of others decide; none of these is pruned."""

RECIPE = "recipe"
"""Optuna's user attribute for the recipe of a trial."""


class FoldsOnWorkers:
    """The folds of a search, computed by the workers."""

    def __init__(
        self, workers: Workers, material: Material, folds: TuningFolds, question: Question
    ) -> None:
        self.folds, self.question = folds.folds, question
        self._workers, self._fingerprint = workers, material.fingerprint
        self._dataset = workers.share(material.assembly.dataset)

    def begin(self, fold: Fold, recipe: Recipe) -> Future[FoldLosses]:
        """Have a worker train a recipe and predict a fold."""
        return self._workers.submit(
            fold_losses, self._dataset, fold, recipe, self._fingerprint, self.question
        )

    def scores(self, recipe: Recipe) -> tuple[float, float]:
        """Return a recipe's mean loss on all folds, and the baseline's."""
        begun = [self.begin(fold, recipe) for fold in self.folds]
        return mean_losses([losses.result() for losses in begun], self.question)


@dataclass(slots=True, kw_only=True)
class BegunTrial:
    """A trial under way: Optuna's, its row, and its losses so far."""

    trial: Trial
    recipe: Recipe
    record: TrialRecord
    losses: list[FoldLosses] = field(default_factory=list)
    score: float | None = None


def begin_trial(
    settings: Settings,
    study: Study,
    material: Material,
    base: Recipe,
    *,
    question: Question,
    seed: int,
    number: int,
    at: datetime,
) -> BegunTrial:
    """Ask for the values of a trial and record it, before its result is known.

    Its draws follow from the search's seed and the number of trials before it, so a resumed search
    goes on as if it had not been stopped.
    """
    draws = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=draws, n_startup_trials=STARTUP_TRIALS)
    trial = study.ask()
    recipe = suggested(trial, base, question)
    trial.set_user_attr(RECIPE, recipe.model_dump(mode="json"))
    record = trial_of(
        material.question_scope,
        recipe,
        at,
        study=study.study_name,
        score=None,
        state="begun",
    )
    record_trial(settings.database(), record)
    return BegunTrial(trial=trial, recipe=recipe, record=record)


def score_batch(on_workers: FoldsOnWorkers, batch: list[BegunTrial]) -> list[BegunTrial]:
    """Score trials fold by fold, without those that are pruned for being worse than most so far.

    Only finished trials count for that, none of which is in the batch.
    """
    trials, last = batch, len(on_workers.folds) - 1
    for step, fold in enumerate(on_workers.folds):
        begun = [on_workers.begin(fold, trial.recipe) for trial in trials]
        for trial, losses in zip(trials, begun, strict=True):
            trial.losses.append(losses.result())
            if sum(map(len, trial.losses)):
                trial.score, _ = mean_losses(trial.losses, on_workers.question)
                trial.trial.report(trial.score, step)
        if step < last:
            pruned = [trial for trial in trials if trial.trial.should_prune()]
            for trial in pruned:
                trial.score = None
            trials = [trial for trial in trials if trial not in pruned]
    return batch


def finish(settings: Settings, study: Study, begun: BegunTrial) -> None:
    """Report a trial's result to Optuna, and record it."""
    states, record = optuna.trial.TrialState, begun.record
    pruned = begun.score is None
    study.tell(begun.trial, begun.score, state=states.PRUNED if pruned else states.COMPLETE)
    finish_trial(
        settings.database(),
        record.market,
        record.recipe_hash,
        record.market_hash,
        record.question,
        score=begun.score,
        state="pruned" if pruned else "complete",
    )
