"""A walk answers each day once, by who could not have seen it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.learning.dataset import NOT_RESOLVED
from ml_core.learning.folds import NoUnseenDaysError, walk_forward
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
def test_every_answer_comes_from_rows_settled_before_with_the_embargo(
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


def test_the_period_asked_for_is_answered_whole_and_nothing_beyond() -> None:
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


def test_rows_that_never_settled_are_never_learned_from() -> None:
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
