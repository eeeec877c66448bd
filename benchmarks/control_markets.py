"""Control markets for the promotion rule: simulated markets with known truth, judged by the rule.

Each control market goes through everything: bars, ranges, labels, features, walk-forward,
evidence, decision. Only the look-ahead audit is assumed to pass, since it depends on the features
and not on the bars; it has its own controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.control_worlds import ControlWorld, Plan, control_world
from ml_core.evidence.metrics import LOG_LOSS
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, joined, predict_fold
from ml_core.evidence.promotion.collect_evidence import collect_evidence
from ml_core.evidence.promotion.evidence import Policy
from ml_core.evidence.promotion.injection import finds_injected_signal
from ml_core.evidence.promotion.rule import Decision, decide
from ml_core.evidence.sequential import e_process
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.fit import fit
from ml_core.learning.folds import walk_recipe
from ml_core.learning.models.calibration import expit, log_losses, logit
from ml_core.learning.models.own_baseline import JUDGED_HERE
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import Question
from ml_core.market.schedule import build_schedule
from ml_core.ranges.labels import DOWN, UP


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """What the promotion rule decided on one control market.

    Attributes
    ----------
    seed, rows
        Seed of the simulation; number of judged unseen breakouts.
    promoted
        Whether the whole rule promoted, applied once at the end.
    promoted_at_a_peek
        Whether the whole rule promoted on any of the nights; None if it was applied once.
    interval_at_a_peek
        Whether the plain 95 % interval of the log loss was below 0 on any of the nights, which
        shows the effect of repeated looks on a rule made for one look.
    better
        Whether the log loss and Brier intervals were below 0 at the end.
    change
        Measured log loss minus the corridor's.
    gain, possible
        Expected log loss gained over the corridor, by the model and by a forecaster who knows the
        truth; NaN on null markets. Neither depends on the luck of outcomes. For the other
        simulator's edges, that forecaster knows the favoured side, and its strength by place in
        the range, fitted to the judged rows.
    corridor
        Share of the judged rows whose forecast equals the corridor, bit for bit.
    failed
        Names of the conditions that were not met.
    """

    seed: int
    rows: int
    promoted: bool
    promoted_at_a_peek: bool | None
    interval_at_a_peek: bool | None
    better: bool
    change: float
    gain: float
    possible: float
    corridor: float
    failed: tuple[str, ...]


def try_market(plan: Plan, seed: int) -> ControlResult:
    """Simulate a market and let the rule judge the recipe on it, end to end."""
    schedule = build_schedule(plan.market, plan.first, plan.last)
    world = control_world(plan, schedule, seed)
    assembly = assemble(
        world.bars, plan.market, plan.recipe.label, first=plan.first, last=plan.last
    )
    by_seed = study(assembly, plan.recipe, plan.judged_from)
    detected = finds_injected_signal(assembly.dataset, plan.recipe).recovered
    decision = judged(by_seed, detected, 1, plan.policy)
    first = by_seed[0]
    gain, possible = _known_gain(first, world)
    peeks = _peek(by_seed, detected, plan) if plan.peeks else None
    better = [condition for condition in decision.conditions if "better than" in condition.name]
    return ControlResult(
        seed=seed,
        rows=int(better[0].figures["rows"]),
        promoted=decision.promote,
        promoted_at_a_peek=peeks[0] if peeks else None,
        interval_at_a_peek=peeks[1] if peeks else None,
        better=all(condition.status == "holds" for condition in better),
        change=float(better[0].figures["estimate"]),
        gain=gain,
        possible=possible,
        corridor=float(np.mean(first.predictions.p_up == first.predictions.baseline_p_up)),
        failed=tuple(
            condition.name for condition in decision.conditions if condition.status != "holds"
        ),
    )


def given_a_say(plan: Plan, reward: float, seed: int) -> dict[Question, bool]:
    """Train on a null market; return which of the models for entry quality and net R serve.

    ``reward`` is the target in R.
    """
    schedule = build_schedule(plan.market, plan.first, plan.last)
    label = plan.recipe.label.model_copy(update={"rr": reward})
    recipe = plan.recipe.model_copy(update={"label": label})
    world = control_world(plan, schedule, seed)
    data = assemble(world.bars, plan.market, label, first=plan.first, last=plan.last).dataset
    records = fit(data, recipe, "control", questions=JUDGED_HERE).bundle.records
    return {question: records[question].serves for question in JUDGED_HERE}


def study(
    assembly: Assembly, recipe: Recipe, judged_from: date
) -> tuple[OutOfSamplePredictions, ...]:
    """Walk a recipe's directional model forward with each of its seeds."""
    data = assembly.dataset
    walk = walk_recipe(data, recipe, first=judged_from)
    return tuple(
        joined(
            [
                predict_fold(data, fold, recipe.with_seed(number), "control", ("directional",))
                for fold in walk.folds
            ]
        )
        for number in range(1 if recipe.kind == "baseline" else recipe.seeds)
    )


def judged(
    by_seed: tuple[OutOfSamplePredictions, ...],
    signal_found: bool,
    trials: int,
    policy: Policy,
) -> Decision:
    """Apply the rule as in a control: the baseline is champion, the audit is assumed to pass."""
    evidence = collect_evidence(
        "control",
        by_seed,
        None,
        champion_is_baseline=True,
        lookahead_clean=True,
        signal_found=signal_found,
        trials=trials,
    )
    return decide(evidence, policy)


def _peek(
    by_seed: tuple[OutOfSamplePredictions, ...],
    signal_found: bool,
    plan: Plan,
) -> tuple[bool, bool]:
    """Apply the rule on each of the last nights; return whether it, or a plain interval, promoted.

    The whole rule is applied only on nights on which the e-value alone would pass.
    """
    first = by_seed[0]
    broke = np.isin(first.test.direction, (UP, DOWN))
    happened, day = first.test.direction == UP, first.test.trading_day
    ours, corridor = first.predictions.p_up, first.predictions.baseline_p_up
    days = np.unique(day)
    wealth = e_process(ours, corridor, happened, day, broke)
    nights = np.arange(max(len(days) - plan.peeks, 0), len(days))
    promoted = False
    for night in nights[wealth[nights] >= 1.0 / plan.policy.alpha].tolist():
        until = first.test.trading_day <= days[night]
        so_far = tuple(answers.rows(until) for answers in by_seed)
        if judged(so_far, signal_found, 1, plan.policy).promote:
            promoted = True
            break
    loss = LOG_LOSS.rows(ours, happened) - LOG_LOSS.rows(corridor, happened)
    return promoted, _plain_interval_ever(loss[broke], day[broke], plan.peeks)


def _plain_interval_ever(
    loss: NDArray[np.float64], day: NDArray[np.datetime64], nights: int
) -> bool:
    """Return whether mean + 1.96 day-clustered errors was below 0 on any of the last nights."""
    where = np.unique(day, return_inverse=True)[1]
    total, count = np.bincount(where, loss), np.bincount(where).astype(np.float64)
    rows, sums = np.cumsum(count), np.cumsum(total)
    mean = sums / rows
    squares = np.cumsum(total**2) - 2 * mean * np.cumsum(total * count)
    error = np.sqrt(np.maximum(squares + mean**2 * np.cumsum(count**2), 0.0)) / rows
    return bool(((mean + 1.959964 * error < 0) & (error > 0))[-nights:].any())


def _known_gain(answers: OutOfSamplePredictions, world: ControlWorld) -> tuple[float, float]:
    """Return the expected gains over the corridor of the model and of the truth."""
    if not len(world.slots):
        return float("nan"), float("nan")
    _, here, there = np.intersect1d(answers.slots(), world.slots, return_indices=True)
    if world.sign is not None:
        here, p = _favoured(answers, here, world.sign[there])
    else:
        p = world.p_up[there]
    model, corridor = answers.predictions.p_up[here], answers.predictions.baseline_p_up[here]

    def surprise(q: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.negative(p * np.log(q) + (1.0 - p) * np.log1p(-q))

    from_corridor = surprise(corridor)
    return (
        float((from_corridor - surprise(model)).mean()),
        float((from_corridor - surprise(p)).mean()),
    )


def _favoured(
    answers: OutOfSamplePredictions,
    here: NDArray[np.int64],
    favoured: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows that broke out, and P(UP | a breakout) if the favoured side is known.

    These are the corridor's log-odds, moved towards the favoured side by an amount that depends on
    the place in the range: two parameters, plus one for a corridor that is not steep enough, by
    maximum likelihood on the same rows. That overstates the possible gain by 1.5 / rows.
    """
    broke = np.isin(answers.test.direction[here], (UP, DOWN))
    here, sign = here[broke], favoured[broke].astype(np.float64)
    up = answers.test.direction[here] == UP
    x = answers.test.close_position[here]
    start = logit(answers.predictions.baseline_p_up[here])
    columns = np.column_stack([sign, sign * 4.0 * x * (1.0 - x), x - 0.5])

    def loss(weights: NDArray[np.float64]) -> float:
        return float(np.mean(log_losses(start + columns @ weights, up)))

    return here, expit(start + columns @ minimize(loss, np.zeros(3)).x)
