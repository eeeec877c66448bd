"""A walk predicts each day once, with a model that cannot have seen it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.folds import NoUnseenDaysError, Walk, walk_forward
from ml_core.ranges.labels import NOT_RESOLVED
from tests.ml_core.learning.synthetic import dataset

FRACTIONS = (0.6, 0.2, 0.2)


@settings(max_examples=25, deadline=None)
@given(
    days=st.integers(420, 900),
    embargo=st.integers(0, 20),
    refit=st.sampled_from(["month", "quarter"]),
    rolling=st.sampled_from([None, 12, 24]),
)
@example(days=900, embargo=1, refit="month", rolling=12)
def test_every_prediction_comes_from_rows_settled_before_with_the_embargo(
    days: int, embargo: int, refit: Literal["month", "quarter"], rolling: int | None
) -> None:
    data = dataset(days)
    walk = walk_forward(
        data,
        first=None,
        last=None,
        refit=refit,
        rolling_months=rolling,
        fractions=FRACTIONS,
        embargo_days=embargo,
    )
    answered = np.concatenate([fold.split.test for fold in walk.folds])
    assert len(np.unique(answered)) == len(answered)
    for fold in walk.folds:
        first_test = data.decision_minute[fold.split.test].min() - embargo * 1440
        first_held = data.decision_minute[fold.split.calibrate].min() - embargo * 1440
        assert data.resolved_minute[fold.split.calibrate].max() <= first_test
        assert data.resolved_minute[fold.split.train].max() <= first_held
        learned = data.trading_day[np.concatenate([fold.split.train, fold.split.calibrate])]
        if rolling is not None:
            months = learned.astype("datetime64[M]")
            test_month = data.trading_day[fold.split.test].min().astype("datetime64[M]")
            assert (test_month - months.min()).astype(int) <= rolling


def test_the_whole_requested_period_is_predicted_and_nothing_beyond() -> None:
    data = dataset(800)
    first, last = date(2022, 2, 14), date(2022, 11, 3)
    walk = walk_forward(
        data,
        first=first,
        last=last,
        refit="quarter",
        rolling_months=None,
        fractions=FRACTIONS,
        embargo_days=1,
    )
    days = data.trading_day[np.concatenate([fold.split.test for fold in walk.folds])]
    inside = (data.trading_day >= np.datetime64(first)) & (data.trading_day <= np.datetime64(last))
    assert len(days) == inside.sum()
    assert (days.min(), days.max()) == (np.datetime64(first), np.datetime64(last))
    assert [fold.name for fold in walk.folds] == ["2022Q1", "2022Q2", "2022Q3", "2022Q4"]


def test_folds_without_enough_history_are_named_and_not_judged() -> None:
    walk = walk_forward(
        dataset(500),
        first=date(2021, 2, 1),
        last=None,
        refit="quarter",
        rolling_months=None,
        fractions=FRACTIONS,
        embargo_days=1,
    )
    assert walk.not_judged[0] == "2021Q1"
    assert walk.folds[0].name > walk.not_judged[-1]


def test_rows_that_never_settled_are_never_trained_on() -> None:
    data = dataset(500)
    open_rows = np.arange(len(data)) % 7 == 0
    data = replace(data, resolved_minute=np.where(open_rows, NOT_RESOLVED, data.resolved_minute))
    walk = walk_forward(
        data,
        first=None,
        last=None,
        refit="month",
        rolling_months=None,
        fractions=FRACTIONS,
        embargo_days=0,
    )
    assert len(walk.folds) > 5
    for fold in walk.folds:
        assert len(fold.split.train) > 100
        assert not open_rows[fold.split.train].any()
        assert not open_rows[fold.split.calibrate].any()


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2023, 1, 1), date(2022, 1, 1), "the rows go from 2021-01-04"),
        (date(2030, 1, 1), None, "the rows go from 2021-01-04"),
        (date(2021, 1, 4), date(2021, 2, 1), "fewer than 400"),
    ],
)
def test_a_period_without_unseen_days_is_refused_with_what_there_is(
    first: date, last: date | None, words: str
) -> None:
    with pytest.raises(NoUnseenDaysError, match=words):
        walk_forward(
            dataset(500),
            first=first,
            last=last,
            refit="quarter",
            rolling_months=None,
            fractions=FRACTIONS,
            embargo_days=1,
        )


def walk(data: Dataset, days: int, **changed: Any) -> Walk:
    """Return a walk over ten days after a number of training days, without embargo."""
    first = data.trading_day[0].item() + timedelta(days=days)
    settings: dict[str, Any] = {
        "first": first,
        "last": first + timedelta(days=9),
        "refit": "quarter",
        "rolling_months": None,
        "fractions": FRACTIONS,
        "embargo_days": 0,
    }
    return walk_forward(data, **{**settings, **changed})


@pytest.mark.parametrize(
    ("place_250", "refit", "name"),
    [
        ("2021-09-30", "month", "2021-10"),
        ("2021-10-01", "month", "2021-11"),
        ("2021-09-30", "quarter", "2021Q4"),
        ("2021-10-01", "quarter", "2022Q1"),
    ],
)
def test_a_walk_begins_with_the_first_whole_period_after_250_days(
    place_250: str, refit: Literal["month", "quarter"], name: str
) -> None:
    data = dataset(600)
    shift = np.datetime64(place_250) - 250 - data.trading_day[0]
    data = replace(data, trading_day=data.trading_day + shift)

    result = walk(data, 0, first=None, last=None, refit=refit)

    assert (result.folds[0].name, result.not_judged) == (name, ())


@pytest.mark.parametrize(
    ("days", "fractions", "calibrating"),
    [(300, (0.6, 0.2, 0.2), 75), (302, (0.6, 0.2, 0.2), 76), (320, (0.5, 0.3, 0.2), 120)],
)
def test_the_days_before_a_fold_are_cut_in_the_ratio_of_the_shares(
    days: int, fractions: tuple[float, float, float], calibrating: int
) -> None:
    data = dataset(400)

    (fold,) = walk(data, days, fractions=fractions).folds

    parts = (fold.split.train, fold.split.calibrate, fold.split.test)
    counts = [len(np.unique(data.trading_day[part])) for part in parts]
    assert counts == [days - calibrating, calibrating, 10]


@pytest.mark.parametrize("months", [12, 15])
def test_a_rolling_walk_trains_on_whole_months_the_earliest_included(months: int) -> None:
    data = dataset(700)

    (fold,) = walk(
        data, 0, first=date(2022, 7, 1), last=date(2022, 7, 20), rolling_months=months
    ).folds

    earliest = np.datetime64("2022-07") - months
    assert data.trading_day[fold.split.train].min() == earliest.astype("datetime64[D]")


def test_four_hundred_settled_rows_suffice_to_train_a_fold_on_and_one_less_does_not() -> None:
    def judged(unsettled: int, days: int = 178, **changed: Any) -> bool:
        data = dataset(300)  # 134 days to train on, 44 to calibrate on
        resolved = data.resolved_minute.copy()
        resolved[:unsettled] = NOT_RESOLVED
        try:
            return bool(walk(replace(data, resolved_minute=resolved), days, **changed).folds)
        except NoUnseenDaysError:
            return False

    assert [judged(unsettled) for unsettled in (0, 2, 3)] == [True, True, False]


@pytest.mark.parametrize("embargo", [0, 1, 4])
def test_a_row_counts_for_a_fold_if_settled_at_the_embargo(embargo: int) -> None:
    data = dataset(300)
    calibration_begins = int(data.decision_minute[150 * 3])
    last = (150 - embargo) * 3 - 1  # of the rows that the embargo leaves to train on
    spare = last + 1 - 400

    def judged(minute: int) -> bool:
        resolved = data.resolved_minute.copy()
        resolved[:spare] = NOT_RESOLVED
        resolved[last] = minute
        whole = replace(data, resolved_minute=resolved)
        try:
            return bool(walk(whole, 200, embargo_days=embargo).folds)
        except NoUnseenDaysError:
            return False

    limit = calibration_begins - embargo * 24 * 60
    assert [judged(limit + late) for late in (-1, 0, 1)] == [True, True, False]


@pytest.mark.parametrize(("days", "judged"), [(190, True), (180, False)])
def test_ten_days_to_calibrate_a_fold_on_suffice_and_nine_do_not(days: int, judged: bool) -> None:
    data = dataset(300)
    if judged:
        (fold,) = walk(data, days, fractions=(0.9, 0.05, 0.05)).folds
        assert len(np.unique(data.trading_day[fold.split.calibrate])) == 10
    else:
        with pytest.raises(NoUnseenDaysError):
            walk(data, days, fractions=(0.9, 0.05, 0.05))
