"""A setup study's rules are fixed before it runs, each number within its bounds."""

from __future__ import annotations

import pytest

from ml_core.setups.plan import PlanError, StudyPlan


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("min_trades", 10),
        ("min_confirming", 5),
        ("resamples", 200),
        ("block_days", 1),
        ("confidence_set", 1),
        ("top", 1),
    ],
)
def test_a_number_of_the_plan_is_taken_from_its_least_on(key: str, least: int) -> None:
    assert getattr(StudyPlan(**{key: least}), key) == least
    with pytest.raises(PlanError, match=rf"{key} = {least - 1} cannot be used; give {least} "):
        StudyPlan(**{key: least - 1})


@pytest.mark.parametrize("key", ["search_share", "size"])
def test_a_share_of_the_plan_is_neither_nothing_nor_all(key: str) -> None:
    for share in (0.001, 0.999):
        assert getattr(StudyPlan(**{key: share}), key) == share
    for share in (0.0, 1.0):
        with pytest.raises(PlanError, match="give a share between 0 and 1"):
            StudyPlan(**{key: share})


def test_without_other_numbers_a_study_searches_three_quarters_at_one_in_twenty() -> None:
    plan = StudyPlan()
    assert (plan.search_share, plan.size) == (0.75, 0.05)
    assert (plan.min_trades, plan.min_confirming) == (50, 15)
    assert (plan.resamples, plan.block_days) == (2000, 5)
    assert (plan.confidence_set, plan.top) == (20, 20)


@pytest.mark.parametrize(
    ("share", "days", "searched"),
    [(0.75, 100, 75), (0.75, 2, 1), (0.01, 10, 1), (0.99, 10, 9), (0.5, 1, 1)],
)
def test_some_days_are_searched_and_one_at_least_is_left_to_confirm(
    share: float, days: int, searched: int
) -> None:
    assert StudyPlan(search_share=share).search_days(days) == searched
