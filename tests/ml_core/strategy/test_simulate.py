"""The kernel of trade rules against a plain reference, invariants, and the label's trade."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.bars.continuous import Tape
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.dbn import read_dbn
from ml_core.features.all import CATALOGUE
from ml_core.learning.datasets.assemble import Assembly, assemble
from ml_core.market.schedule import from_minute
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import NONE, NOT_RESOLVED, UNKNOWN, label
from ml_core.strategy.rules import Rules
from ml_core.strategy.setups import Setups
from ml_core.strategy.simulate import Exit, Trades, simulate
from ml_core.strategy.slots import rule_setups, usable_of
from ml_core.strategy.trade_rule import TradeRule
from tests.ml_core.builders import mgc, walk
from tests.ml_core.strategy.by_hand import Noted, Window, by_hand

COST = 4.48


def rules_of(**trade: Any) -> Rules:
    return Rules.model_validate({"name": "any", "trade": trade})


FIRST, LAST = date(2024, 2, 5), date(2024, 2, 7)


@lru_cache(maxsize=8)
def assembled(seed: int) -> Assembly:
    """Return days of bars with gaps and jumps, after enough days for an ATR."""
    bars = walk(date(2024, 1, 2), LAST, seed=seed, missing=0.3)
    gap = np.random.default_rng(seed).integers(-4, 5, len(bars.minute)).astype(np.int32)
    opened = np.clip(bars.open + gap, bars.low, bars.high)
    made = replace(bars, open=opened)
    return assemble(made, mgc(), LabelSpec(), first=FIRST, last=LAST, features=())


def compare(assembly: Assembly, rules: Rules) -> int:
    """Compare every slot with the reference; return how many were traded."""
    tape, count = assembly.tape, 0
    columns = (tape.minute, tape.open, tape.high, tape.low, tape.close)
    atr = assembly.with_features(CATALOGUE.select(("atr14",))).features[:, 0]
    for rows, setups in rule_setups(assembly, rules):
        trades = simulate(tape, setups, COST)
        for at, row in enumerate(rows.tolist()):
            span = slice(int(setups.first_bar[at]), int(setups.end_bar[at]))
            bars = list(zip(*(column[span].tolist() for column in columns), strict=True))
            sides = [side for side, ok in ((1, setups.long), (-1, setups.short)) if ok[at]]
            window = Window(
                high=int(setups.high[at]),
                low=int(setups.low[at]),
                decision=int(setups.decision[at]),
                sides=frozenset(sides),
                atr=float(atr[row]),
                entry_end=int(setups.entry_end[at]),
                end=int(setups.end[at]),
            )
            noted = by_hand(window, bars, setups.rule, tape.horizon)
            assert noted_trade(trades, at) == noted
            count += bool(noted.side)
    return count


def noted_trade(trades: Trades, at: int) -> Noted:
    direction, resolved = int(trades.direction[at]), int(trades.resolved_minute[at])
    end = None if resolved == NOT_RESOLVED else resolved
    if direction in {NONE, UNKNOWN}:
        return Noted(side=0 if direction == NONE else None, resolved=end)
    ended = bool(np.isfinite(trades.r_gross[at]))
    entry, target = int(trades.entry[at]), int(trades.target[at])
    return Noted(
        side=direction,
        entered=int(trades.entry_minute[at]),
        entry=entry,
        stop=int(trades.stop[at]),
        target=None if target == entry else target,
        exit=int(trades.exit[at]) if ended else None,
        best=int(trades.best[at]),
        worst=int(trades.worst[at]),
        reason=Exit(int(trades.reason[at])).name.lower(),
        gross=float(trades.r_gross[at]) if ended else None,
        resolved=end,
    )


ENTRIES = ("close", "stop_order", "retest")
STOPS: tuple[Any, ...] = ("full", "half", {"atr": 0.1}, {"ticks": 7})
EXITS: tuple[dict[str, Any], ...] = (
    {"rr": 1.5},
    {"rr": "none"},
    {"rr": 2.0, "break_even_after_r": 1.0},
    {"rr": "none", "trail_r": 0.7},
    {"rr": 2.0, "partial": {"r": 0.7, "share": 0.4}},
    {"rr": 3.0, "break_even_after_r": 0.5, "trail_r": 1.5, "partial": {"r": 1.0}},
)


def test_every_entry_with_every_stop_and_every_exit_is_what_the_reference_notes() -> None:
    for entry, stop, leave in product(ENTRIES, STOPS, EXITS):
        assert compare(assembled(1), rules_of(entry=entry, stop=stop, **leave)) >= 8


TRADES = st.fixed_dictionaries(
    {
        "entry": st.sampled_from(ENTRIES),
        "stop": st.sampled_from(STOPS) | st.builds(lambda n: {"ticks": n}, st.integers(1, 40)),
        "rr": st.sampled_from(["none", 0.5, 1.0, 1.3, 4.0]),
        "entry_offset_ticks": st.sampled_from([0, 0, 1, 6]),
        "side": st.sampled_from(["either", "first_candle"]),
        "first_break_only": st.booleans(),
        "last_entry": st.sampled_from(["none", "09:30", "11:02", "23:59", "00:40"]),
        "break_even_after_r": st.sampled_from(["none", 0.3, 1.0]),
        "trail_r": st.sampled_from(["none", 0.4, 1.1]),
        "partial": st.sampled_from(["none", {"r": 0.4}, {"r": 0.3, "share": 0.8}]),
        "limit_fill": st.sampled_from(["touch", "through"]),
        "stop_fill": st.sampled_from(["open", "level"]),
        "scan_end": st.sampled_from(["session_end", "next_day_start"]),
    }
)
SIDES = st.sampled_from([["long"], ["short"], ["long", "short"]])


@settings(max_examples=40, deadline=None)
@given(trade=TRADES, sides=SIDES, seed=st.integers(1, 4))
def test_any_rule_is_what_the_reference_notes(
    trade: dict[str, Any], sides: list[str], seed: int
) -> None:
    rules = Rules.model_validate({"name": "any", "trade": trade, "allowed_sides": sides})
    compare(assembled(seed), rules)


# --- what always holds


@settings(max_examples=25, deadline=None)
@given(trade=TRADES, seed=st.integers(1, 4), hour=st.integers(0, 72))
def test_trades_settled_by_a_minute_depend_on_no_later_bar(
    trade: dict[str, Any], seed: int, hour: int
) -> None:
    assembly, rules = assembled(seed), rules_of(**trade)
    cut = int(assembly.ranges.decision[assembly.reported[0]]) + 60 * hour + 7
    for _, setups in rule_setups(assembly, rules):
        full = simulate(assembly.tape, setups, COST)
        early = simulate(*_until(assembly.tape, setups, cut), COST)
        done = early.resolved_minute <= cut
        for name in ("direction", "entry_minute", "entry", "exit", "reason", "r_net", "stop"):
            np.testing.assert_array_equal(getattr(early, name)[done], getattr(full, name)[done])
        assert (full.resolved_minute[~done] > cut).all()
        entered = early.entry_minute <= cut
        np.testing.assert_array_equal(early.entry[entered], full.entry[entered])


def _until(tape: Tape, setups: Setups, cut: int) -> tuple[Tape, Setups]:
    last = int(np.searchsorted(tape.minute, cut))
    columns = ("minute", "day", "open", "high", "low", "close", "volume")
    early = replace(tape, horizon=cut, **{name: getattr(tape, name)[:last] for name in columns})
    bars = {name: np.minimum(getattr(setups, name), last) for name in ("entry_bar", "end_bar")}
    return early, replace(setups, first_bar=np.minimum(setups.first_bar, last), **bars)


@settings(max_examples=25, deadline=None)
@given(trade=TRADES, seed=st.integers(1, 4))
def test_risk_is_positive_and_a_stop_without_a_gap_costs_one_risk_at_most(
    trade: dict[str, Any], seed: int
) -> None:
    assembly = assembled(seed)
    rules = rules_of(**{**trade, "stop_fill": "level"})
    for _, setups in rule_setups(assembly, rules):
        trades = simulate(assembly.tape, setups, COST)
        there = np.abs(trades.direction) == 1
        ended = np.isfinite(trades.r_net)
        assert (trades.risk[there] > 0).all()
        assert (trades.r_gross[ended] >= -1 - 1e-12).all()
        whole = (trades.reason == Exit.STOP) & ~trades.partial
        assert (trades.r_gross[whole] == -1).all()
        cost = trades.r_gross[ended] - trades.r_net[ended]
        np.testing.assert_allclose(cost, COST / trades.risk[ended])
        assert (trades.entry_minute[there] > setups.decision[there]).all()
        assert (trades.resolved_minute[ended] >= trades.entry_minute[ended]).all()
        assert (trades.entry_minute[there] <= setups.entry_end[there]).all()


# --- the label's own trade

LABELS = [
    LabelSpec(),
    LabelSpec(stop="half", rr=3, target="through"),
    LabelSpec(anchor="edge", rr=0.5),
    LabelSpec(scan_end="next_day_start", rr=4),
]


def same_as_the_label(assembly: Assembly, spec: LabelSpec) -> None:
    cost = assembly.market.instrument.round_trip_cost_ticks
    labels = label(assembly.tape, assembly.ranges, spec, cost)
    ((rows, setups),) = rule_setups(assembly, Rules(name="any", label=spec))
    trades = simulate(assembly.tape, setups, cost)
    at = usable_of(assembly)[rows]
    np.testing.assert_array_equal(trades.direction, labels.direction[at])
    np.testing.assert_array_equal(trades.entry_minute, labels.break_minute[at])
    for name in ("r_gross", "r_net", "resolved_minute"):
        np.testing.assert_array_equal(getattr(trades, name), getattr(labels, name)[at])
    broke = np.abs(trades.direction) == 1
    assert broke.sum() >= 12
    for name in ("entry", "stop", "target", "exit"):
        np.testing.assert_array_equal(
            getattr(trades, name)[broke], getattr(labels, name)[at][broke]
        )


@pytest.mark.parametrize("spec", LABELS, ids=lambda spec: spec.key)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_rule_of_a_label_gives_the_label_bit_for_bit(spec: LabelSpec, seed: int) -> None:
    same_as_the_label(assembled(seed), spec)


def test_the_rule_of_a_label_gives_the_label_on_real_bars(
    real_data_dir: Path, tmp_path: Path
) -> None:
    market = mgc()
    kept = [str(file) for file in sorted((real_data_dir / "mgc-ohlcv-1m").glob("*-202401*.zst"))]
    lake = Lake(tmp_path / "lake")
    lake.ingest(read_dbn(kept, market.contract_pattern), market, from_minute(30_000_000))
    assembly = assemble(
        lake.read(market),
        market,
        LabelSpec(),
        first=date(2024, 1, 4),
        last=date(2024, 1, 31),
        features=(),
    )
    for spec in LABELS:
        same_as_the_label(assembly, spec)


def test_a_rule_knows_the_label_that_counts_its_trades() -> None:
    for spec in LABELS:
        assert TradeRule.of_label(spec).label == spec
    for other in ({"entry": "retest"}, {"rr": "none"}, {"stop": {"ticks": 5}}, {"trail_r": 1}, {}):
        assert TradeRule.model_validate(other).label is None  # stops fill at the open
    assert TradeRule(stop_fill="level").label == LabelSpec()
