"""Train, calibrate, test: in order of time, purged, embargoed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.learning.splits import TooFewSamplesError, chronological
from tests.ml_core.learning.synthetic import dataset


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    embargo=st.integers(0, 5),
    longest=st.integers(10, 6000),
)
def test_no_outcome_of_an_earlier_part_reaches_into_a_later_one(
    seed: int, embargo: int, longest: int
) -> None:
    data = dataset(300, seed=seed)
    length = np.random.default_rng(seed).integers(5, longest, len(data))
    data = replace(data, resolved_minute=data.decision_minute + length)

    split = chronological(data, (0.6, 0.2, 0.2), embargo)

    for earlier, later in ((split.train, split.calibrate), (split.calibrate, split.test)):
        border = data.decision_minute[later].min() - embargo * 1440
        assert data.resolved_minute[earlier].max() <= border
        assert data.decision_minute[earlier].max() < data.decision_minute[later].min()
    every = np.concatenate([split.train, split.calibrate, split.test])
    assert len(np.unique(every)) == len(every)


def test_a_day_is_never_cut_in_two() -> None:
    data = dataset(300)

    split = chronological(data, (0.6, 0.2, 0.2), 0)

    days = [set(data.trading_day[part].tolist()) for part in (split.train, split.calibrate)]
    assert not days[0] & days[1]


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (30, "the calibration part has 6 trading days, at least 10"),
        (120, "at least 400 are needed"),
    ],
    ids=["too few days", "too few rows"],
)
def test_too_little_history_says_how_much_is_needed(days: int, message: str) -> None:
    with pytest.raises(TooFewSamplesError, match=message):
        chronological(dataset(days), (0.6, 0.2, 0.2), 1)
