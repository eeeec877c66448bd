"""Traps for the promotion rule: the best of much noise, and a recipe that uses its own label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.control_markets import judged, study
from benchmarks.control_worlds import Plan, bars_of
from benchmarks.planted_leaks import planted_leaks
from ml_core.evidence.metrics import LOG_LOSS
from ml_core.evidence.out_of_sample import OutOfSamplePredictions
from ml_core.evidence.promotion.evidence import POLICY, Policy
from ml_core.evidence.promotion.rule import Decision
from ml_core.features.all import CATALOGUE
from ml_core.features.audit import audit_lookahead
from ml_core.features.catalogue import Feature
from ml_core.features.history import read_history
from ml_core.features.view import View
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.models.calibration import expit, logit
from ml_core.learning.recipe import Recipe
from ml_core.market.schedule import build_schedule
from ml_core.market.simulation import simulate
from ml_core.ranges.labels import DOWN, UP


def null_answers(plan: Plan, seed: int) -> OutOfSamplePredictions:
    """Return the baseline's predictions on a simulated null market: the corridor, and outcomes."""
    schedule = build_schedule(plan.market, plan.first, plan.last)
    world = simulate(plan.market, schedule, seed=seed, with_truth=False)
    baseline = Recipe(name="baseline", kind="baseline", label=plan.recipe.label)
    assembly = assemble(
        bars_of(plan.market, world), plan.market, baseline.label, first=plan.first, last=plan.last
    )
    return study(assembly, baseline, plan.judged_from)[0]


def best_of_noise(
    answers: OutOfSamplePredictions,
    trials: int,
    seed: int,
    *,
    size: float = 0.1,
    policy: Policy = POLICY,
    pay: bool = True,
) -> Decision:
    """Judge the best of many worthless recipes: the corridor with noise on its log-odds.

    Parameters
    ----------
    answers
        Any predictions on a null market; only rows and the corridor's probabilities are used.
    trials, seed
        Number of recipes, of which the best by log loss is judged, and the seed.
    size
        Standard deviation of the noise, log-odds.
    policy
        The rule's limits.
    pay
        Whether the rule counts the trials; False shows the effect of hiding them.
    """
    draw = np.random.default_rng([seed, 6])
    broke = np.isin(answers.test.direction, (UP, DOWN))
    happened = answers.test.direction[broke] == UP
    margin = logit(answers.predictions.baseline_p_up)
    best, least = answers, np.inf
    for _ in range(trials):
        p = expit(margin + size * draw.normal(size=len(margin)))
        loss = LOG_LOSS(p[broke], happened)
        if loss < least:
            best, least = replace(answers, predictions=replace(answers.predictions, p_up=p)), loss
    return judged((best,) * policy.fewest_seeds, True, trials if pay else 1, policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakResult:
    """Result for a recipe that uses its own label.

    Attributes
    ----------
    seed
        Seed of the simulation.
    caught
        Whether the look-ahead audit refused it, without blaming an honest feature.
    kinds_found
        How many of the ten other planted kinds of leak the audit found.
    would_promote
        Whether the rest of the rule would have promoted it.
    gain
        Its apparent gain in log loss over the corridor, where there is nothing to gain.
    """

    seed: int
    caught: bool
    kinds_found: int
    would_promote: bool
    gain: float


def own_label_mean(view: View) -> NDArray[np.float64]:
    """Return the mean direction of the last six ranges, including this one: a planted leak."""
    back = np.maximum(view.rows[:, None] - np.arange(6), 0)
    direction = view.labels.direction[back].astype(np.float64)
    broke = np.isin(direction, (UP, DOWN))
    counted: NDArray[np.float64] = np.where(broke, direction, 0.0).sum(axis=1) / 6.0
    return counted


LEAK = Feature(
    "own_label_mean", "controls", "a leak", "", categorical=False, compute=own_label_mean
)


def try_leak(plan: Plan, seed: int) -> LeakResult:
    """Give a recipe its own label on a null market; return which checks detect it."""
    schedule = build_schedule(plan.market, plan.first, plan.last)
    world = simulate(plan.market, schedule, seed=seed, with_truth=False)
    bars, features = bars_of(plan.market, world), (*CATALOGUE.select("all"), LEAK)
    market, spec, first, last = plan.market, plan.recipe.label, plan.first, plan.last
    leaks = planted_leaks(read_history(bars, market, spec, schedule))
    report = audit_lookahead(bars, market, spec, (*features, *leaks), first=first, last=last)
    found = {leak.name for leak in leaks} & set(report.leaking)
    assembly = assemble(bars, market, spec, first=first, last=last, features=features)
    by_seed = study(assembly, plan.recipe, plan.judged_from)
    decision = judged(by_seed, True, 1, plan.policy)
    return LeakResult(
        seed=seed,
        caught=set(report.leaking) - found == {LEAK.name},
        kinds_found=len(found),
        would_promote=decision.promote,
        gain=-float(decision.conditions[0].figures["estimate"]),
    )
