"""A small control of the promotion rule: whole simulated markets, with fixed seeds.

The results of the full control are in docs/evidence.md; `make controls` makes them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks.control_markets import try_market
from benchmarks.control_worlds import Plan
from benchmarks.judge_traps import try_leak
from ml_core.learning.recipe import load_recipe
from ml_core.market.market import load_market

SHIPPED = Path(__file__).resolve().parents[2] / "deployments"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(
        market=load_market(SHIPPED / "markets" / "mgc.toml"),
        recipe=load_recipe(SHIPPED / "recipes" / "residual-mirrored.toml"),
        first=date(2022, 1, 3),
        last=date(2023, 12, 29),
        judged_from=date(2022, 7, 1),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_null_market_is_not_promoted_though_asked_on_250_nights(plan: Plan, seed: int) -> None:
    result = try_market(replace(plan, peeks=250), seed)
    assert not result.promoted
    assert result.promoted_at_a_peek is False


def test_a_planted_edge_is_promoted_and_most_of_it_found(plan: Plan) -> None:
    result = try_market(replace(plan, edge=0.04), 4)
    assert result.failed == ()
    assert result.promoted
    assert result.gain > 0.5 * result.possible


def test_a_recipe_that_reads_its_own_label_looks_splendid_and_is_caught(plan: Plan) -> None:
    result = try_leak(replace(plan, last=date(2022, 12, 30)), 5)
    assert result.caught
    assert result.kinds_found == 10
    assert result.gain > 0.02
