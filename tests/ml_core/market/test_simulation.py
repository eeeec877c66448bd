"""The simulated market: its truth is the truth."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.bars.arrays import Bars
from ml_core.errors import NumberError
from ml_core.features.groups.range_shape import window_volume_tilt
from ml_core.features.history import History, read_history
from ml_core.market.corridor_exit import Stretch, exit_chances
from ml_core.market.market import Market
from ml_core.market.schedule import Schedule, build_schedule
from ml_core.market.simulated_truth import Truth
from ml_core.market.simulation import SimulatedMarket, simulate
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc, nq

FIRST, LAST = date(2024, 1, 2), date(2024, 12, 31)
_ARRAYS = ("minute", "contract", "open", "high", "low", "close", "volume")


def bars_of(simulated: SimulatedMarket, market: Market) -> Bars:
    arrays = {name: getattr(simulated, name) for name in _ARRAYS}
    return Bars(symbol=market.symbol, contracts=simulated.contracts, **arrays)


def _history(simulated: SimulatedMarket, market: Market, schedule: Schedule) -> History:
    return read_history(bars_of(simulated, market), market, LabelSpec(), schedule)


@pytest.fixture(scope="module")
def year() -> Schedule:
    return build_schedule(mgc(), FIRST, LAST)


@pytest.fixture(scope="module")
def planted(year: Schedule) -> SimulatedMarket:
    return simulate(mgc(), year, seed=7, edge=0.03)


@pytest.fixture(scope="module")
def empty(year: Schedule) -> SimulatedMarket:
    return simulate(mgc(), year, seed=7, edge=0.0)


def test_the_same_seed_gives_the_same_bars_and_a_longer_market_begins_alike(
    year: Schedule, empty: SimulatedMarket
) -> None:
    short = build_schedule(mgc(), FIRST, date(2024, 2, 29))

    few = simulate(mgc(), short, seed=7)
    again = simulate(mgc(), year, seed=7)

    for name in _ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(empty, name))
        if name != "contract":
            whole = getattr(empty, name)
            np.testing.assert_array_equal(getattr(few, name), whole[: len(few.minute)])
    other = simulate(mgc(), short, seed=8)
    assert not np.array_equal(other.close[:500], few.close[:500])


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), name=st.sampled_from(["mgc", "nq"]))
def test_bars_are_sound_and_only_where_the_exchange_is_open(seed: int, name: str) -> None:
    market = mgc() if name == "mgc" else nq()
    # a half-day, a holiday, weekends and both daylight-saving changes of March
    schedule = build_schedule(market, date(2024, 3, 1), date(2024, 4, 5))

    made = simulate(market, schedule, seed=seed)

    assert (made.low <= np.minimum(made.open, made.close)).all()
    assert (made.high >= np.maximum(made.open, made.close)).all()
    assert (made.volume > 0).all()
    day = np.searchsorted(schedule.exchange_open, made.minute, side="right") - 1
    assert (made.minute < schedule.exchange_close[day]).all()
    key = made.minute * 100 + made.contract
    assert (np.diff(key) > 0).all()


def test_contracts_roll_with_a_gap_and_volume_decides(
    empty: SimulatedMarket, year: Schedule
) -> None:
    history = _history(empty, mgc(), year)

    assert 5 <= history.tape.rolled().sum() <= 7
    gaps = np.unique(np.diff(history.tape.offset))
    assert set(gaps.tolist()) == {0, 200}


def test_about_one_0900_window_in_eight_lacks_a_minute(
    empty: SimulatedMarket, year: Schedule
) -> None:
    ranges = _history(empty, mgc(), year).ranges
    nine = ranges.formed & (ranges.spec == 0)

    short = (ranges.stop_bar - ranges.first_bar)[nine] < 5

    assert 0.05 < short.mean() < 0.30


def test_without_an_edge_there_is_nothing_to_know(empty: SimulatedMarket) -> None:
    np.testing.assert_array_equal(empty.truth.p_up, empty.truth.p_up_driftless)
    summary = empty.truth.summary()
    assert summary["bayes_log_loss"] == summary["driftless_log_loss"]


def test_a_stated_edge_is_planted(planted: SimulatedMarket) -> None:
    summary = planted.truth.summary()

    assert summary["bayes_accuracy"] - summary["driftless_accuracy"] == pytest.approx(
        0.03, abs=0.006
    )
    assert summary["bayes_log_loss"] < summary["driftless_log_loss"]


def test_the_truth_matches_the_outcomes(planted: SimulatedMarket, year: Schedule) -> None:
    # Arrange: the ledger's own labels, joined to the truth by slot
    history = _history(planted, mgc(), year)
    truth = planted.truth
    slot = truth.day * len(mgc().ranges) + truth.spec
    direction = history.labels.direction[slot]
    broke = np.isin(direction, (1, -1))
    up = direction[broke] == 1

    # Act
    z = {}
    for name, p in (("bayes", truth.p_up), ("driftless", truth.p_up_driftless)):
        kept = p[broke]
        z[name] = (up - kept).sum() / np.sqrt((kept * (1 - kept)).sum())

    # Assert: calibrated overall, and where the volumes point the Bayes observer is right
    assert abs(z["bayes"]) < 3.5
    for sign in (1, -1):
        rows = truth.sign[broke] == sign
        kept = truth.p_up[broke][rows]
        bayes = (up[rows] - kept).sum() / np.sqrt((kept * (1 - kept)).sum())
        assert abs(bayes) < 3.5
        driftless = truth.p_up_driftless[broke][rows]
        blind = (up[rows] - driftless).sum() / np.sqrt((driftless * (1 - driftless)).sum())
        assert sign * blind > 3


def test_the_sign_is_all_in_the_shipped_volume_tilt(
    planted: SimulatedMarket, year: Schedule
) -> None:
    history = _history(planted, mgc(), year)
    slot = planted.truth.day * len(mgc().ranges) + planted.truth.spec
    rolling = np.isin(planted.truth.day, np.flatnonzero(history.tape.contract < 0))

    tilt = window_volume_tilt(history.view(slot[~rolling]))

    agree = np.sign(tilt) == planted.truth.sign[~rolling]
    # volumes are shared out between two contracts near a roll and rounded: a tie may tip
    assert agree.mean() > 0.97


@pytest.mark.parametrize("drift", [0.0, 0.6])
def test_the_exact_chances_agree_with_a_plain_simulation(drift: float) -> None:
    path = [Stretch(20, 4.0, drift, 0.1), Stretch(200, 6.0, 0.0, 0.0)]
    width, start, runs = 14, 4, 40_000
    draw = np.random.default_rng(1)
    place, end = np.full(runs, start), np.zeros(runs, int)
    for stretch in path:
        for _ in range(stretch.minutes):
            alive = (end == 0) & (draw.random(runs) >= stretch.silent)
            step = np.rint(draw.normal(stretch.drift, stretch.sigma, runs)).astype(int)
            place = np.where(alive, place + step, place)
            end = np.where(alive & (place > width), 1, np.where(alive & (place < 0), -1, end))

    up, down, none = exit_chances(width, start, path)

    assert up + down + none == pytest.approx(1, abs=1e-6)
    assert up == pytest.approx((end == 1).mean(), abs=0.01)
    assert down == pytest.approx((end == -1).mean(), abs=0.01)


def test_even_odds_are_even_whatever_a_machine_s_sums_round_to() -> None:
    around = np.array([-1e-15, 0.0, 1e-15])
    truths = [
        Truth(
            day=np.zeros(3, int),
            spec=np.zeros(3, int),
            sign=np.ones(3, int),
            p_up=np.full(3, 0.75),
            p_up_driftless=0.5 + rounding,
            p_none=np.zeros(3),
        )
        for rounding in (around, around[::-1], np.zeros(3))
    ]
    assert {truth.driftless_accuracy() for truth in truths} == {0.75}


def test_an_absurd_edge_is_refused(year: Schedule) -> None:
    with pytest.raises(NumberError, match=r"edge = 0\.5"):
        simulate(mgc(), year, seed=1, edge=0.5)
