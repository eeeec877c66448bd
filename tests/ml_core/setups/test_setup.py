"""Setups partition the trades, count as labels do, and filter by what is known at t0."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.learning.datasets.assemble import assemble, assemble_live
from ml_core.market.market import UnknownRangeError
from ml_core.ranges.label_spec import LabelSpec
from ml_core.setups.setup import DAYS, NotAChoiceError, Setup, SetupGrid
from ml_core.setups.trades import (
    BackwardPeriodError,
    TradeTable,
    setup_returns,
    trade_table,
)
from tests.ml_core.builders import mgc, walk
from tests.ml_core.evidence.fair_trades import SMALL, fair_table

FIRST, LAST = date(2024, 2, 12), date(2024, 3, 15)
GRID = SetupGrid(rrs=(1.0, 2.0))


@lru_cache(maxsize=1)
def bars() -> Bars:
    return walk(date(2024, 1, 2), LAST, seed=5)


@lru_cache(maxsize=1)
def table() -> TradeTable:
    return trade_table(bars(), mgc(), GRID, first=FIRST, last=LAST)


def net_of(table: TradeTable, setup: Setup, search_days: int = 100) -> NDArray[np.float64]:
    """Return one setup's net R on each day; NaN without a trade."""
    returns = setup_returns(table, (setup,), search_days)
    return np.where(returns.traded[:, 0], returns.net[:, 0], np.nan)


def test_the_grid_is_every_combination_once() -> None:
    setups = SetupGrid().setups(mgc())

    assert len(setups) == len(set(setups)) == 6 * 3 * 5 * 2 * 3 * 6
    assert len({setup.name for setup in setups}) == len(setups)


@pytest.mark.parametrize(
    ("rr", "taken"), [(0.0, False), (0.01, True), (20.0, True), (20.1, False)]
)
def test_a_target_is_above_nought_and_twenty_times_the_risk_at_most(
    rr: float, taken: bool
) -> None:
    if taken:
        assert SetupGrid(rrs=(rr,)).rrs == (rr,)
    else:
        with pytest.raises(NotAChoiceError, match="a number above 0 up to 20"):
            SetupGrid(rrs=(rr,))


def test_without_a_choice_targets_are_one_to_four_times_the_risk() -> None:
    assert {setup.rr for setup in SetupGrid().setups(mgc())} == {1.0, 1.5, 2.0, 3.0, 4.0}


def test_a_choice_named_twice_counts_once() -> None:
    grid = SetupGrid(ranges=("1000", "0900", "1000"), rrs=(2.0, 2.0), sides=("long", "long"))

    setups = grid.setups(mgc())

    assert len(setups) == 2 * 1 * 1 * 2 * 3 * 6
    assert setups[0].opening_range == "0900"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sides": ("up",)}, "long, short, both"),
        ({"stops": ("none",)}, "full, half"),
        ({"sizes": ("huge",)}, "any, small, large"),
        ({"days": ("Sat",)}, "Mon, Tue, Wed, Thu, Fri"),
        ({"rrs": (0.0,)}, "above 0"),
        ({"rrs": (float("nan"),)}, "above 0"),
        ({"rrs": (30.0,)}, "up to 20"),
        ({"rrs": ()}, "at least one"),
        ({"sides": ()}, "one or more"),
    ],
    ids=str,
)
def test_an_impossible_setup_is_refused_with_a_remedy(
    options: dict[str, tuple[str, ...]], words: str
) -> None:
    with pytest.raises(NotAChoiceError, match=words):
        SetupGrid(**options)  # type: ignore[arg-type]


def test_a_range_the_market_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownRangeError, match="0900"):
        SetupGrid(ranges=("0700",)).setups(mgc())


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BackwardPeriodError, match="first day that is not after the last"):
        trade_table(bars(), mgc(), GRID, first=LAST, last=FIRST)


@pytest.mark.parametrize(("stop", "rr"), [("full", 1.0), ("half", 2.0)])
def test_r_is_the_labels_own(stop: str, rr: float) -> None:
    spec = LabelSpec.model_validate({"stop": stop, "rr": rr})
    data = assemble(bars(), mgc(), spec, first=FIRST, last=LAST).dataset
    rule = table().rules.index((stop, rr))

    place = (
        np.searchsorted(table().days, data.trading_day),
        np.array([table().ranges.index(name) for name in data.opening_range]),
    )

    np.testing.assert_array_equal(table().net[(*place, rule)], data.r_net)
    np.testing.assert_array_equal(table().gross[(*place, rule)], data.r_gross)
    assert np.isfinite(table().net[..., rule]).sum() == np.isfinite(data.r_net).sum() > 50


def test_later_bars_change_no_trade_that_was_settled() -> None:
    shorter = trade_table(bars(), mgc(), GRID, first=FIRST, last=date(2024, 3, 1))

    kept = len(shorter.days)
    assert (table().days[:kept] == shorter.days).all()
    np.testing.assert_array_equal(shorter.net, table().net[:kept])
    np.testing.assert_array_equal(shorter.size, table().size[:kept])


def test_the_size_a_filter_reads_is_known_at_the_decision() -> None:
    size = CATALOGUE.select(("range_size_atr20",))
    checked = 0
    for row, column in product((-3, -1), (0, 2, 5)):
        live = assemble_live(
            bars(),
            mgc(),
            LabelSpec(),
            trading_day=table().days[row].item(),
            opening_range=table().ranges[column],
            features=size,
        )
        assert live.features[0, 0] == table().size[row, column]
        checked += int(np.isfinite(live.features[0, 0]))
    assert checked == 6


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    day=st.sampled_from(DAYS),
    size=st.sampled_from(["any", "small", "large"]),
    rr=st.sampled_from([1.0, 2.0]),
)
def test_long_and_short_part_the_trades(seed: int, day: str, size: str, rr: float) -> None:
    trades = fair_table(60, seed)
    setup = Setup(opening_range="1000", side="both", rr=rr, stop="full", size=size, day=day)

    both = net_of(trades, setup)
    long, short = (net_of(trades, replace(setup, side=side)) for side in ("long", "short"))

    assert not (np.isfinite(long) & np.isfinite(short)).any()
    np.testing.assert_array_equal(np.where(np.isfinite(long), long, short), both)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), side=st.sampled_from(["long", "short", "both"]))
def test_weekdays_part_the_trades_and_so_do_sizes(seed: int, side: str) -> None:
    trades = fair_table(60, seed)
    whole = Setup(opening_range="0900", side=side, rr=2.0, stop="full")
    expected = np.isfinite(net_of(trades, whole)).astype(int)

    for parts in (
        [replace(whole, day=day) for day in DAYS[1:]],
        [replace(whole, size=size) for size in ("small", "large")],
    ):
        taken = sum(np.isfinite(net_of(trades, part)).astype(int) for part in parts)
        np.testing.assert_array_equal(taken, expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), search_days=st.integers(5, 55))
def test_no_later_size_moves_the_line_between_small_and_large(seed: int, search_days: int) -> None:
    trades = fair_table(60, seed)
    size = trades.size.copy()
    size[search_days:] *= 7.0
    changed = replace(trades, size=size)
    setups = SMALL.setups(mgc())

    ours, theirs = (setup_returns(part, setups, search_days) for part in (trades, changed))

    np.testing.assert_array_equal(ours.traded[:search_days], theirs.traded[:search_days])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_result_of_a_trade_never_decides_whether_it_is_taken(seed: int) -> None:
    trades = fair_table(60, seed)
    inverted = replace(trades, net=-trades.net, gross=-trades.gross)
    setups = SMALL.setups(mgc())

    ours, theirs = (setup_returns(part, setups, 40) for part in (trades, inverted))

    np.testing.assert_array_equal(ours.traded, theirs.traded)
    np.testing.assert_array_equal(ours.net, -theirs.net)


def test_a_size_that_is_not_known_is_neither_small_nor_large() -> None:
    trades = fair_table(60, 1)
    trades = replace(trades, size=np.full_like(trades.size, np.nan))
    setup = Setup(opening_range="0900", side="both", rr=1.0, stop="full")

    assert np.isfinite(net_of(trades, setup)).any()
    for size in ("small", "large"):
        assert not np.isfinite(net_of(trades, replace(setup, size=size))).any()


def test_weekdays_are_the_trading_days_own() -> None:
    trades = fair_table(10, 0)  # from Monday 2020-01-06

    assert trades.weekday.tolist() == [0, 1, 2, 3, 4] * 2
