"""A setup is judged, and confirmed, exactly from its minimum number of trades on."""

from __future__ import annotations

import numpy as np
import pytest

from ml_core.setups.plan import NoSetupJudgedError, StudyPlan, TooFewDaysError
from ml_core.setups.setup import SetupGrid
from ml_core.setups.setup_study import CHANCE, NAMED, NOT_CONFIRMED, TOO_FEW
from ml_core.setups.study import study_setups
from ml_core.setups.trades import SetupReturns
from tests.ml_core.builders import mgc

SEARCH = 150
PLAN = StudyPlan(resamples=400)


def returns(*counts: tuple[int, int, float], days: int = 200) -> SetupReturns:
    """Return setups with a number of trading days in each period, and a share won in the second.

    In the search period, four of five trades win 1 R.
    """
    search = min(SEARCH, days - 1)
    traded = np.zeros((days, len(counts)), bool)
    net = np.zeros((days, len(counts)))
    for column, (early, late, won) in enumerate(counts):
        for begin, end, count, share in (
            (0, search, early, 0.8),
            (search, days, late, won),
        ):
            days_traded = begin + np.round(np.linspace(0, end - begin - 1, count)).astype(int)
            traded[days_traded, column] = True
            wins = np.arange(count) % 5 < round(5 * share)
            net[days_traded, column] = np.where(wins, 1.0, -1.0)
    return SetupReturns(
        market="MGC",
        cost_ticks=4.48,
        days=np.datetime64("2024-01-01") + np.arange(days),
        search_days=search,
        setups=SetupGrid().setups(mgc())[: len(counts)],
        traded=traded,
        gross=net,
        net=net,
    )


def statuses(*counts: tuple[int, int, float]) -> list[str]:
    return [row.status for row in study_setups(returns(*counts), plan=PLAN).setups]


def test_a_setup_is_judged_from_fifty_trades_on() -> None:
    assert statuses((50, 40, 0.8), (49, 40, 0.8)) == [NAMED, TOO_FEW]
    with pytest.raises(NoSetupJudgedError, match=r"has 50 trades .* \(the most is 49\)"):
        statuses((49, 40, 0.8), (20, 40, 0.8))


def test_a_setup_is_confirmed_from_fifteen_trades_on() -> None:
    assert statuses((100, 15, 1.0)) == [NAMED]
    assert statuses((100, 14, 1.0)) == [NOT_CONFIRMED]


def test_a_setup_whose_later_trades_are_not_above_nought_is_not_named() -> None:
    assert statuses((100, 40, 0.8), (100, 40, 0.6), (100, 40, 0.2)) == [
        NAMED,
        NOT_CONFIRMED,
        NOT_CONFIRMED,
    ]


def test_a_hundred_and_twenty_days_suffice_and_one_less_does_not() -> None:
    result = study_setups(returns((60, 0, 0.8), days=120), plan=PLAN)
    assert result.setups[0].status in {CHANCE, NOT_CONFIRMED}
    with pytest.raises(TooFewDaysError, match="has 119 trading days"):
        study_setups(returns((60, 0, 0.8), days=119), plan=PLAN)
