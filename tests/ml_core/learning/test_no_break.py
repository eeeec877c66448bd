"""P(no breakout): constant by range, unless the range's height proves informative."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.models.baselines import Baselines, fit_baselines
from ml_core.learning.models.no_break import SHRUNK_BY, fit_no_break
from ml_core.ranges.labels import NONE
from tests.ml_core.learning.synthetic import dataset


def short_session(days: int, seed: int, slope: float) -> Dataset:
    """Return ranges 2 to 8 sigma high; the share without a breakout has a slope in the height."""
    data = dataset(days, seed=seed)
    draw = np.random.default_rng(seed)
    height = draw.uniform(2.0, 8.0, len(data))
    chance = 0.2 + slope * (height - 5.0)
    none = draw.random(len(data)) < chance
    return replace(
        data,
        sigma_ticks=data.size_ticks / height,
        direction=np.where(none, NONE, data.direction).astype(np.int16),
    )


def loss(p: np.ndarray, data: Dataset) -> float:
    none = data.direction == NONE
    return -float(np.mean(np.log(np.where(none, p, 1.0 - p))))


def test_a_high_range_for_its_volatility_breaks_less_often_where_that_is_so() -> None:
    baselines = fit_baselines(short_session(600, 1, slope=0.06))
    unseen = short_session(600, 2, slope=0.06)
    p = baselines.none(unseen)
    height = unseen.size_ticks / unseen.sigma_ticks

    assert baselines.no_break is not None
    assert p[height < 3].mean() == pytest.approx(0.08, abs=0.04)
    assert p[height > 7].mean() == pytest.approx(0.32, abs=0.06)
    constant = replace(baselines, no_break=None)
    assert loss(p, unseen) < loss(constant.none(unseen), unseen) - 0.01


def test_where_the_height_has_no_effect_the_share_of_the_range_stays() -> None:
    kept = []
    for seed in range(20):
        baselines = fit_baselines(short_session(300, seed, slope=0.0))
        kept.append(baselines.no_break is not None)
        if not kept[-1]:
            same = baselines.none(short_session(50, seed + 100, slope=0.0))
            assert set(same.tolist()) == set(baselines.p_none.values())
    assert np.mean(kept) <= 0.2


def test_a_cell_is_drawn_to_its_range_by_twenty_rows() -> None:
    none = np.arange(600) % 3 == 2
    height = np.where(none, 9.0, np.where(np.arange(600) % 3 == 1, 5.0, 1.0))
    day = np.datetime64("2024-01-01") + np.arange(600)
    fitted = fit_no_break(none, np.full(600, "0900"), height, day)

    share = (200 + SHRUNK_BY * 200.5 / 601) / (600 + SHRUNK_BY)
    assert fitted.by_height is not None
    low, middle, high = fitted.by_height["0900"]
    assert fitted.by_range["0900"] == pytest.approx(share)
    assert low == middle == pytest.approx(SHRUNK_BY * share / (200 + SHRUNK_BY))
    assert high == pytest.approx((200 + SHRUNK_BY * share) / (200 + SHRUNK_BY))


@pytest.mark.parametrize("slope", [0.0, 0.06])
def test_baselines_are_read_back_as_they_were(slope: float) -> None:
    data = short_session(400, 3, slope)
    baselines = fit_baselines(data)
    again = Baselines.from_json(json.loads(json.dumps(baselines.to_json())))

    np.testing.assert_array_equal(again.none(data), baselines.none(data))
    assert again.to_json() == baselines.to_json()
    assert ("p_none_by_height" in baselines.to_json()) is (baselines.no_break is not None)


def test_a_range_not_seen_in_training_has_the_share_of_all() -> None:
    baselines = fit_baselines(short_session(400, 3, 0.06))
    other = replace(short_session(10, 4, 0.06), opening_range=np.full(30, "1500"))
    assert set(baselines.none(other).tolist()) == {baselines.p_none_all}
