"""The judge on trial: simulated markets whose truth is known go through the very rule.

Each control market goes the whole way: bars, ranges, labels, features, walk-forward, evidence,
decision. Only the look-ahead audit is taken as passed, being a property of the features and not
of the bars; it has controls of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.evidence.metrics import LOG_LOSS
from ml_core.evidence.out_of_sample import OutOfSamplePredictions, answer_fold, joined
from ml_core.evidence.promotion.collect_evidence import collect_evidence
from ml_core.evidence.promotion.evidence import POLICY, Policy
from ml_core.evidence.promotion.injection import injected_signal_found
from ml_core.evidence.promotion.rule import Decision, decide
from ml_core.evidence.sequential import e_process
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.learning.datasets.dataset import DOWN, UP
from ml_core.learning.folds import walk_recipe
from ml_core.learning.recipe import Recipe
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule, build_schedule
from ml_core.market.simulated_truth import Truth
from ml_core.market.simulation import SimulatedMarket, simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What every control market of a series has in common.

    Attributes
    ----------
    market, recipe
        Whose calendar and costs; what is judged.
    first, last
        Trading days simulated.
    judged_from
        First day of the walk-forward study.
    edge
        Accuracy points planted; 0 is a null market.
    peeks
        Nights, the last of the study, on each of which the rule is asked anew; 0 asks once.
    policy
        The rule's numbers.
    """

    market: Market
    recipe: Recipe
    first: date
    last: date
    judged_from: date
    edge: float = 0.0
    peeks: int = 0
    policy: Policy = POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """What the judge said of one control market.

    Attributes
    ----------
    seed, rows
        Of the simulation; unseen breaks judged.
    promoted
        By the whole rule, asked once at the end.
    promoted_at_a_peek
        By the whole rule on any of the nights; None where it was asked once.
    interval_at_a_peek
        Whether the plain 95 % interval of the log loss lay below 0 on any of the nights: what
        looking often does to a rule made for one look.
    better
        Whether log loss and Brier intervals lay below 0 at the end.
    change
        Log loss less the corridor's, as measured.
    gain, possible
        Expected log loss gained over the corridor, by the model and by who knows the truth; NaN
        on null markets. No luck of outcomes in either.
    spread
        Standard deviation a row of the true log likelihood ratio; NaN likewise.
    failed
        Names of the conditions that did not hold.
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
    spread: float
    failed: tuple[str, ...]


def bars_of(market: Market, world: SimulatedMarket) -> Bars:
    """Return a simulated market's bars as the kernels read them."""
    names = tuple(sorted(world.contracts))
    rank = np.array([names.index(contract) for contract in world.contracts], np.int32)
    contract = rank[world.contract]
    order = np.lexsort((contract, world.minute))
    columns = ("minute", "open", "high", "low", "close", "volume")
    return Bars(
        symbol=market.symbol,
        contracts=names,
        contract=contract[order],
        **{name: getattr(world, name)[order] for name in columns},
    )


def try_market(plan: Plan, seed: int) -> ControlResult:
    """Simulate a market and let the rule judge the recipe on it, end to end."""
    schedule = build_schedule(plan.market, plan.first, plan.last)
    world = simulate(plan.market, schedule, seed=seed, edge=plan.edge, with_truth=plan.edge > 0)
    assembly = assemble(
        bars_of(plan.market, world),
        plan.market,
        plan.recipe.label,
        first=plan.first,
        last=plan.last,
    )
    by_seed = study(assembly, plan.recipe, plan.judged_from)
    detected = injected_signal_found(assembly.dataset, plan.recipe).found
    decision = judged(by_seed, detected, 1, plan.policy)
    first = by_seed[0]
    gain, possible, spread = _known_gain(first, schedule, plan.market, world.truth)
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
        spread=spread,
        failed=tuple(
            condition.name for condition in decision.conditions if condition.status != "holds"
        ),
    )


def study(
    assembly: Assembly, recipe: Recipe, judged_from: date
) -> tuple[OutOfSamplePredictions, ...]:
    """Walk a recipe's directional model forward with each of its seeds."""
    data = assembly.dataset
    walk = walk_recipe(data, recipe, first=judged_from)
    return tuple(
        joined(
            [
                answer_fold(data, fold, recipe.with_seed(number), "control", ("directional",))
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
    """Apply the rule as a control does: the baseline is champion, the audit is taken as passed."""
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
    """Ask on each of the last nights; say whether any promoted, and whether a plain interval did.

    The whole rule is asked only on nights on which the e-value alone would let it pass.
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
    """Whether mean + 1.96 day-clustered standard errors was below 0 on any of the last nights."""
    where = np.unique(day, return_inverse=True)[1]
    total, count = np.bincount(where, loss), np.bincount(where).astype(np.float64)
    rows, sums = np.cumsum(count), np.cumsum(total)
    mean = sums / rows
    squares = np.cumsum(total**2) - 2 * mean * np.cumsum(total * count)
    error = np.sqrt(np.maximum(squares + mean**2 * np.cumsum(count**2), 0.0)) / rows
    return bool(((mean + 1.959964 * error < 0) & (error > 0))[-nights:].any())


def _known_gain(
    answers: OutOfSamplePredictions, schedule: Schedule, market: Market, truth: Truth
) -> tuple[float, float, float]:
    """Return expected gains over the corridor of model and of truth, and the truth's spread."""
    if not len(truth.p_up):
        return float("nan"), float("nan"), float("nan")
    names = np.array([range_.name for range_ in market.ranges])
    days = schedule.days[truth.day].astype("datetime64[D]").astype(str)
    keys = np.char.add(np.char.add(days, " "), names[truth.spec])
    _, here, there = np.intersect1d(answers.slots(), keys, return_indices=True)
    p = truth.p_up[there]
    model, corridor = answers.predictions.p_up[here], answers.predictions.baseline_p_up[here]

    def surprise(q: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.negative(p * np.log(q) + (1.0 - p) * np.log1p(-q))

    up, down = np.log(p / corridor), np.log((1.0 - p) / (1.0 - corridor))
    mean = p * up + (1.0 - p) * down
    spread = np.sqrt((p * up**2 + (1.0 - p) * down**2).mean() - mean.mean() ** 2)
    from_corridor = surprise(corridor)
    return (
        float((from_corridor - surprise(model)).mean()),
        float((from_corridor - surprise(p)).mean()),
        float(spread),
    )
