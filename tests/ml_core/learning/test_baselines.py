"""The driftless baselines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.learning.models.baselines import (
    Baselines,
    OneClassError,
    corridor_probability,
    fit_baselines,
)
from ml_core.ranges.label_spec import LabelSpec
from ml_core.ranges.labels import NONE, UP
from tests.ml_core.learning.synthetic import dataset


@given(x=st.floats(0, 1), d=st.floats(0, 5))
def test_the_corridor_is_symmetric_and_even_in_the_middle(x: float, d: float) -> None:
    up, mirrored = corridor_probability(np.array([x, 1 - x]), np.array([d, d]))

    assert up + mirrored == pytest.approx(1)
    assert corridor_probability(np.array([0.5]), np.array([d]))[0] == pytest.approx(0.5)


def test_the_overshoot_is_found_again_by_maximum_likelihood() -> None:
    fitted = fit_baselines(dataset(4000, seed=2))

    assert fitted.k == pytest.approx(1.0, abs=0.15)
    assert fitted.p_up == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("sigma", [np.nan, 0.0])
def test_without_a_sigma_the_training_share_of_the_height_serves(sigma: float) -> None:
    data = dataset(400)
    fitted = fit_baselines(data)
    blind = replace(data, sigma_ticks=np.full(len(data), sigma))

    for mine, whole in (
        (fitted.corridor(blind), fitted.corridor(data)),
        (fitted.none(blind), fitted.none(data)),
        (fitted.entry(blind).p_win, fitted.entry(data).p_win),
    ):
        np.testing.assert_allclose(mine, whole, atol=1e-9)


@pytest.mark.parametrize("sigma", [np.nan, 0.0])
def test_training_rows_without_a_sigma_leave_the_share_to_the_others(sigma: float) -> None:
    data = dataset(400)
    some = np.arange(len(data)) % 3 == 0
    gaps = replace(data, sigma_ticks=np.where(some, sigma, data.sigma_ticks))

    assert fit_baselines(gaps) == fit_baselines(data)


@pytest.mark.parametrize(
    ("spec", "win"),
    [
        (LabelSpec(), 0.5),
        (LabelSpec(rr=2), 1 / 3),
        (LabelSpec(anchor="edge"), 12.5 / (12.5 + 7.5)),
        (LabelSpec(stop="half"), 0.5),
    ],
    ids=["rr 1", "rr 2", "edge", "half stop"],
)
def test_without_an_end_of_the_time_the_driftless_entry_wins_by_its_distances(
    spec: LabelSpec, win: float
) -> None:
    data = replace(dataset(10), label_spec=spec)
    data = replace(data, size_ticks=np.full(30, 10.0), sigma_ticks=np.full(30, 2.5))
    fitted = Baselines(k=1.0, sigma_share=0.25, p_up=0.5, p_none={}, p_none_all=0.0)

    entry = fitted.entry(data)
    assert entry.p_win[0] == pytest.approx(win)
    # gross expectation of a driftless price is nothing: p * target = (1 - p) * stop
    np.testing.assert_allclose(win * entry.target, (1 - win) * entry.stop)
    np.testing.assert_allclose(entry.net_r, -4.48 / entry.stop)


def test_one_quiet_day_does_not_make_a_class() -> None:
    data = dataset(400)
    direction = data.direction.copy()
    direction[0] = NONE
    fitted = fit_baselines(replace(data, direction=direction))

    assert 0 < fitted.p_none["0900"] < 0.01
    assert Baselines.from_json(fitted.to_json()) == fitted


def test_a_range_s_share_of_no_break_is_drawn_to_that_of_all_ranges_by_twenty_rows() -> None:
    data = dataset(40)
    direction = data.direction.copy()
    none = {"0900": 10, "1000": 2, "1100": 0}
    for name, count in none.items():
        direction[np.flatnonzero(data.opening_range == name)[:count]] = NONE

    fitted = fit_baselines(replace(data, direction=direction))

    overall = (12 + 0.5) / (120 + 1)
    assert fitted.p_none_all == pytest.approx(overall)
    assert fitted.p_none == pytest.approx(
        {name: (count + 20 * overall) / (40 + 20) for name, count in none.items()}
    )


def test_breaks_that_all_go_one_way_are_refused() -> None:
    data = dataset(400)

    with pytest.raises(OneClassError, match=r"all 1,200 training rows are UP"):
        fit_baselines(replace(data, direction=np.full(len(data), UP, np.int16)))
