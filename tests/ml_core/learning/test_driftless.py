"""The driftless entry: its probabilities hold on driftless markets and on real bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from ml_core.bars.arrays import Bars
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.dbn import read_dbn
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.fit import fit
from ml_core.learning.models.baselines import Baselines, fit_baselines
from ml_core.learning.models.driftless import MIN_TRADES, EntryFigures, EntryParameters
from ml_core.learning.models.first_passage import first_passage
from ml_core.learning.recipe import Recipe
from ml_core.learning.saved_bundle import load_bundle, write_bundle
from ml_core.market.schedule import from_minute
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import DOWN, LOSS, TIMEOUT, UP, WIN
from tests.ml_core.builders import mgc
from tests.ml_core.learning.made_markets import own_bars, simulated_bars, trades_of
from tests.ml_core.learning.synthetic import dataset

DISTANCES = st.integers(3, 40)


def lattice(stop: int, target: int, steps: int) -> tuple[float, float]:
    """Return P(target) and P(neither) of a walk of single steps, by summing over its paths."""
    chance = np.zeros(stop + target + 1)
    chance[stop] = 1.0
    won = 0.0
    for _ in range(steps):
        inside = chance[1:-1] / 2
        chance = np.zeros(stop + target + 1)
        chance[2:] += inside
        chance[:-2] += inside
        won += chance[-1]
        chance[0] = chance[-1] = 0.0
    return won, float(chance.sum())


@pytest.mark.parametrize("steps", [100, 400, 1600, 20_000])
@pytest.mark.parametrize(("stop", "target"), [(20, 20), (20, 60), (60, 20), (24, 41)])
def test_first_passage_is_that_of_a_walk_counted_way_by_way(
    stop: int, target: int, steps: int
) -> None:
    counted = lattice(stop, target, steps)

    stated = first_passage(*(np.array([float(distance)]) for distance in (stop, target, steps)))

    assert [chance[0] for chance in stated] == pytest.approx(counted, abs=2e-3)


@given(DISTANCES, st.floats(1.0, 2.5))
def test_with_the_target_out_of_reach_a_stop_is_hit_as_by_reflection(
    stop: int, away: float
) -> None:
    variance = (stop / away) ** 2
    p_win, p_timeout = first_passage(
        np.array([float(stop)]), np.array([7.0 * stop / away]), np.array([variance])
    )

    assert 1.0 - p_win[0] - p_timeout[0] == pytest.approx(2.0 * norm.cdf(-away), abs=2e-4)


@given(DISTANCES, DISTANCES, st.floats(50.0, 5000.0))
def test_target_and_stop_exchanged_exchange_their_chances(
    stop: int, target: int, variance: float
) -> None:
    near, far, time = (np.array([float(number)]) for number in (stop, target, variance))
    p_win, p_timeout = first_passage(near, far, time)
    p_loss, same = first_passage(far, near, time)

    assert p_win + p_loss + p_timeout == pytest.approx(1.0, abs=1e-5)
    assert p_timeout == pytest.approx(same)


def errors(stated: NDArray[np.float64], realised: NDArray[np.float64]) -> float:
    """Return the difference of the means in standard errors.

    The prediction was learned from three rows for every two that it is compared with, and has its
    own error.
    """
    difference = stated - realised
    error = difference.std() * np.sqrt((1 + 2 / 3) / len(difference))
    return float(difference.mean() / error)


def assert_agrees(learned: Dataset, trades: Dataset, cost_within: float) -> None:
    """Assert P(win), net R and cost in R, by opening range and over all, on unseen rows."""
    entry = fit_baselines(learned).entry(trades)
    won = (trades.outcome == WIN).astype(float)
    names = [str(name) for name in np.unique(trades.opening_range)]
    apart = {
        name: (errors(entry.p_win[rows], won[rows]), errors(entry.net_r[rows], trades.r_net[rows]))
        for name in names
        for rows in [trades.opening_range == name]
    }
    assert {name: z for name, z in apart.items() if np.abs(z).max() > 3} == {}
    assert abs(errors(entry.p_win, won)) < 3
    assert abs(errors(entry.net_r, trades.r_net)) < 3
    cost = -trades.cost_ticks / trades.risk_ticks
    for name in names:
        rows = trades.opening_range == name
        assert entry.cost_r[rows].mean() == pytest.approx(cost[rows].mean(), rel=cost_within), name


@pytest.fixture(scope="module", params=[simulated_bars, own_bars], ids=["simulator", "own walk"])
def made(request: pytest.FixtureRequest) -> Bars:
    make: Callable[[int], Bars] = request.param
    return make(17)


@pytest.mark.parametrize("reward", [1.0, 2.0, 3.0])
def test_stated_chances_come_true_on_a_simulated_market(made: Bars, reward: float) -> None:
    learned, trades = trades_of(made, reward)

    assert_agrees(learned, trades, cost_within=0.04)
    stated = fit_baselines(learned).entry(trades).p_timeout
    for name in np.unique(trades.opening_range):
        rows = trades.opening_range == name
        timed_out = trades.outcome[rows] == TIMEOUT
        # one more row, since zero of few rows does not mean never
        error = np.sqrt((timed_out.mean() + 1 / rows.sum()) / rows.sum() * (1 + 2 / 3))
        assert abs(stated[rows].mean() - timed_out.mean()) < 3 * error, name


@pytest.fixture(scope="module")
def real(real_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Bars:
    files = [
        str(file)
        for file in sorted((real_data_dir / "mgc-ohlcv-1m").glob("*.dbn.zst"))
        if file.name.split("-")[2] >= "20220401"
    ]
    lake = Lake(tmp_path_factory.mktemp("lake"))
    lake.ingest(read_dbn(files, mgc().contract_pattern), mgc(), from_minute(30_000_000))
    return lake.read(mgc())


@pytest.mark.parametrize("reward", [1.0, 2.0, 3.0])
def test_stated_chances_come_true_on_real_bars(real: Bars, reward: float) -> None:
    learned, trades = trades_of(real, reward, date(2022, 6, 1), date(2025, 6, 30))

    assert_agrees(learned, trades, cost_within=0.08)


def few(count: int, outcome: int) -> Dataset:
    """Return a synthetic market with a number of rows of range 1100, all with the same outcome."""
    data = dataset(400, seed=3)
    rows = np.flatnonzero(data.opening_range == "1100")
    kept = np.sort(np.concatenate([np.flatnonzero(data.opening_range != "1100"), rows[:count]]))
    outcomes = np.where(data.opening_range == "1100", outcome, data.outcome).astype(np.int16)
    return replace(data, outcome=outcomes).rows(kept)


@pytest.mark.parametrize(("count", "own"), [(MIN_TRADES - 1, False), (MIN_TRADES, True)])
def test_a_range_needs_fifty_trades_for_figures_of_its_own(count: int, own: bool) -> None:
    law = fit_baselines(few(count, TIMEOUT)).entry_law

    assert law is not None
    assert ("1100" in law.by_range) == own
    assert {"0900", "1000"} <= set(law.by_range)


def law_of(reach: float, minutes: float = 1e5) -> EntryParameters:
    figures = EntryFigures(overshoots=(0.0, 1.0), minutes=minutes)
    return EntryParameters(height_weight=0.5, reach=reach, by_range={}, overall=figures)


def one_range() -> Dataset:
    """Return a range of 16 ticks at a sigma of 4, with its stop 16 or 24 ticks away."""
    data = dataset(1).rows(np.array([0]))
    return replace(data, size_ticks=np.array([16.0]), sigma_ticks=np.array([4.0]))


def test_the_cost_is_the_mean_over_the_distances_not_over_the_mean_distance() -> None:
    entry = law_of(0.0).entry(one_range(), np.array([4.0]))

    assert (entry.stop[0], entry.target[0]) == (20.0, 20.0)
    assert entry.cost_r[0] == entry.net_r[0] == pytest.approx(-4.48 * (1 / 16 + 1 / 24) / 2)
    assert entry.p_win[0] == pytest.approx(0.5)
    assert entry.otherwise_r[0] == pytest.approx(-1.0)


def test_the_reach_shortens_the_way_to_the_stop_and_is_paid_where_it_is_hit() -> None:
    data = replace(one_range(), label_spec=LabelSpec(rr=3))
    entry = law_of(0.25).entry(data, np.array([4.0]))

    # two ticks nearer: 18 from the stop, 60 from the target
    assert entry.p_win[0] == pytest.approx(18 / 78)
    gross = -2.0 * (60 / 78) * (1 / 16 + 1 / 24) / 2
    assert entry.net_r[0] - entry.cost_r[0] == pytest.approx(gross)
    assert entry.p_win[0] * 3 + (1 - entry.p_win[0]) * entry.otherwise_r[0] == pytest.approx(gross)


def test_a_short_time_makes_timeouts_of_wins_and_losses_and_leaves_the_expectation() -> None:
    data = replace(one_range(), label_spec=LabelSpec(rr=3))
    entry = law_of(0.0, minutes=10.0).entry(data, np.array([4.0]))

    # 10 minutes of 8 ticks: a variance of 640 between 20 and 60 ticks
    p_win, p_timeout = first_passage(np.array([20.0]), np.array([60.0]), np.array([640.0]))
    assert (entry.p_win, entry.p_timeout) == (p_win, p_timeout)
    assert p_win[0] < 0.23
    assert p_timeout[0] > 0.2
    assert entry.net_r[0] == entry.cost_r[0]
    assert entry.win_worth[0] == pytest.approx(3.0 - entry.otherwise_r[0])


@pytest.mark.parametrize("won", [0.3, 0.7])
def test_no_gain_before_costs_is_ever_stated(won: float) -> None:
    data = dataset(400, seed=5)
    outcome = np.where(np.random.default_rng(1).random(len(data)) < won, WIN, LOSS)
    baselines = fit_baselines(replace(data, outcome=outcome.astype(np.int16)))
    entry = baselines.entry(data)

    assert baselines.entry_law is not None
    assert (baselines.entry_law.reach > 0) == (won < 0.5)
    assert (entry.net_r <= entry.cost_r).all()


def test_no_row_of_the_test_part_is_trained_on() -> None:
    data = dataset(400, seed=6)
    recipe = Recipe(name="plain", kind="baseline")
    fitted = fit(data, recipe, "x")
    learned = np.isin(np.arange(len(data)), fitted.split.learned)
    others = replace(
        data,
        outcome=np.where(learned, data.outcome, LOSS).astype(np.int16),
        direction=np.where(learned, data.direction, UP).astype(np.int16),
        risk_ticks=np.where(learned, data.risk_ticks, 999.0),
    )

    again = fit(others, recipe, "x", split=fitted.split)

    assert again.bundle.baselines == fitted.bundle.baselines


def test_training_rows_without_a_trade_that_ended_teach_no_law() -> None:
    data = dataset(400)
    direction = np.where(np.arange(len(data)) % 2, UP, DOWN).astype(np.int16)
    unknown = np.full(len(data), -128, np.int16)

    assert fit_baselines(replace(data, direction=direction, outcome=unknown)).entry_law is None


def test_an_old_version_loads_with_its_name_and_its_predictions(tmp_path: Path) -> None:
    data = dataset(260)
    bundle = fit(data, Recipe(name="old", kind="baseline"), "x").bundle
    old = replace(bundle, baselines=replace(bundle.baselines, entry_law=None))
    assert set(old.baselines.to_json()) == {"k", "sigma_share", "p_up", "p_none", "p_none_all"}
    write_bundle(old, tmp_path, metrics={}, card="", reference=data)

    loaded = load_bundle(tmp_path)

    assert loaded.version == old.version != bundle.version
    predictions = loaded.predict(data)
    stop = data.size_ticks + old.baselines.k * data.sigma_ticks
    np.testing.assert_array_equal(predictions.baseline_p_win, stop / (stop + stop))
    np.testing.assert_array_equal(predictions.baseline_net_r, -4.48 / stop)
    implied = 0.5 * 1.0 - (1.0 - 0.5) + -4.48 / stop
    np.testing.assert_array_equal(predictions.expected_net_r[:, 0], (implied + -4.48 / stop) / 2.0)


def test_a_law_is_read_back_as_it_was_written() -> None:
    fitted = fit_baselines(dataset(400, seed=8))

    assert fitted.entry_law is not None
    assert Baselines.from_json(fitted.to_json()) == fitted
