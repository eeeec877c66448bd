"""Train, calibrate, test: in order of time, purged, embargoed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.learning.datasets.splits import TooFewSamplesError, chronological, purged
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
def test_too_little_history_is_refused_with_what_is_needed(days: int, message: str) -> None:
    with pytest.raises(TooFewSamplesError, match=message):
        chronological(dataset(days), (0.6, 0.2, 0.2), 1)


def test_the_parts_are_cut_at_their_shares_of_the_days() -> None:
    data = dataset(300)

    split = chronological(data, (0.6, 0.2, 0.2), 0)

    days = [np.unique(data.trading_day[part]) for part in (split.train, split.calibrate)]
    assert [len(part) for part in days] == [180, 60]
    assert len(np.unique(data.trading_day[split.test])) == 60


@pytest.mark.parametrize("embargo", [0, 1, 3])
@pytest.mark.parametrize(("part", "last_row"), [(0, 179 * 3 + 2), (1, 239 * 3 + 2)])
def test_a_row_stays_if_settled_at_the_embargo_and_leaves_a_minute_later(
    part: int, last_row: int, embargo: int
) -> None:
    data = dataset(300)
    row = last_row - embargo * 3
    next_part = int(data.decision_minute[last_row + 1])
    border = next_part - embargo * 24 * 60

    kept = []
    for minute in (border - 1, border, border + 1):
        resolved = data.resolved_minute.copy()
        resolved[row] = minute
        split = chronological(replace(data, resolved_minute=resolved), (0.6, 0.2, 0.2), embargo)
        kept.append(row in (split.train, split.calibrate)[part])

    assert kept == [True, True, False]


def test_ten_days_to_calibrate_and_to_judge_on_suffice_and_nine_do_not() -> None:
    split = chronological(dataset(200), (0.9, 0.05, 0.05), 0)
    assert (len(split.calibrate), len(split.test)) == (30, 30)

    with pytest.raises(TooFewSamplesError, match="calibration part has 9 trading days"):
        chronological(dataset(200), (0.9, 0.045, 0.055), 0)
    with pytest.raises(TooFewSamplesError, match="test part has 9 trading days"):
        chronological(dataset(200), (0.9, 0.055, 0.045), 0)


def test_four_hundred_rows_suffice_to_train_on_and_one_less_does_not() -> None:
    data = dataset(200)
    part = np.repeat([0, 1, 2], [400, 100, 100])

    assert len(purged(data, part, 0).train) == 400
    part[0] = -1
    with pytest.raises(TooFewSamplesError, match="training part has 399 opening ranges"):
        purged(data, part, 0)


@pytest.mark.parametrize(("left_out", "name"), [(1, "calibration"), (2, "test")])
def test_a_part_without_a_row_is_named(left_out: int, name: str) -> None:
    part = np.repeat([0, 1, 2], [400, 100, 100])

    with pytest.raises(
        TooFewSamplesError, match=f"the {name} part has 0 opening ranges, at least 1 "
    ):
        purged(dataset(200), np.where(part == left_out, -1, part), 0)
