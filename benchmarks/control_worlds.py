"""Sources of control markets: simulators, planted edges, and mirrored real bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted_markets import Kind, planted_market, turned_bars
from benchmarks.real_bars import real_bars
from ml_core.bars.arrays import Bars
from ml_core.evidence.out_of_sample import slot_names
from ml_core.evidence.promotion.evidence import POLICY, Policy
from ml_core.learning.recipe import Recipe
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule
from ml_core.market.simulation import SimulatedMarket, simulate

Family = Literal["walk", "heavy tails", "coarse ticks", "real, by range", "real, by day"]


FAMILIES: tuple[Family, ...] = get_args(Family)
"""Markets without an edge: from the demo's simulator, the other one, and mirrored real bars."""


_COARSE_SIGMA_TICKS = 0.7


_STRENGTH = 0.3
"""Strength of the other simulator's edges: two to three accuracy points where they act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The common settings of all control markets of a series.

    Attributes
    ----------
    market, recipe
        The market with its calendar and costs; the judged recipe.
    first, last
        Trading days simulated.
    judged_from
        First day of the walk-forward study.
    family
        Source of the bars.
    edge
        Accuracy points planted by the demo's simulator; 0 is a null market.
    kind
        The edge that the other simulator plants; only for the family with heavy tails.
    peeks
        Number of last nights of the study on each of which the rule is applied; 0 for once.
    policy
        The rule's limits.
    """

    market: Market
    recipe: Recipe
    first: date
    last: date
    judged_from: date
    family: Family = "walk"
    edge: float = 0.0
    kind: Kind = "none"
    peeks: int = 0
    policy: Policy = POLICY


def bars_of(market: Market, world: SimulatedMarket) -> Bars:
    """Return a simulated market's bars in the form that the kernels read."""
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


@dataclass(frozen=True, slots=True)
class ControlWorld:
    """A control market's bars, and its true probabilities or favoured sides by slot."""

    bars: Bars
    slots: NDArray[np.str_]
    p_up: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    sign: NDArray[np.int64] | None = None


def control_world(plan: Plan, schedule: Schedule, seed: int) -> ControlWorld:
    """Simulate a market of a plan."""
    market, no_slots = plan.market, np.empty(0, np.str_)
    if plan.family == "walk":
        planted = plan.edge > 0
        world = simulate(market, schedule, seed=seed, edge=plan.edge, with_truth=planted)
        if not planted:
            return ControlWorld(bars_of(market, world), no_slots)
        names = np.array([range_.name for range_ in market.ranges])
        truth = world.truth
        slots = slot_names(schedule.days[truth.day], names[truth.spec])
        return ControlWorld(bars_of(market, world), slots, p_up=truth.p_up)
    if plan.family in {"heavy tails", "coarse ticks"}:
        sigma = _COARSE_SIGMA_TICKS if plan.family == "coarse ticks" else 5.0
        made = planted_market(
            market, schedule, plan.kind, seed=seed, strength=_STRENGTH, sigma_ticks=sigma
        )
        if plan.kind == "none":
            return ControlWorld(made.bars, no_slots)
        return ControlWorld(made.bars, slot_names(made.day, made.opening_range), sign=made.sign)
    by: Literal["day", "range"] = "day" if plan.family == "real, by day" else "range"
    turned = turned_bars(real_bars(market), market, schedule, seed=seed, by=by)
    return ControlWorld(turned, no_slots)
