"""A day's contract, and the gap at a roll, on a few bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from ml_core.bars.continuous import NO_CONTRACT, SeveralContractsError, Tape, join
from ml_core.market.market import RollRule
from ml_core.market.schedule import build_schedule
from tests.ml_core.builders import Row, bars_of_contracts, mgc, minute

FIRST = date(2024, 1, 8)
OLD, NEW = 0, 1


def bar(days: int, at: int, close: int, volume: int = 1) -> Row:
    """Return a bar some minutes into a trading day, which is some days after Monday."""
    opened = minute(str(FIRST + timedelta(days=days)), "09:00") + at
    return (opened, close, close, close, close, volume)


def tape(
    old: Sequence[Row],
    new: Sequence[Row] = (),
    *,
    days: int = 4,
    roll: RollRule = "previous_day_volume",
) -> Tape:
    schedule = build_schedule(mgc(), FIRST, FIRST + timedelta(days=days))
    return join(bars_of_contracts({"MGCG4": old, "MGCJ4": new}), schedule, roll)


def test_a_day_trades_the_contract_with_most_volume_the_day_before() -> None:
    series = tape(
        [bar(0, 0, 100, 9), bar(1, 0, 101, 3), bar(2, 0, 102, 9)],
        [bar(0, 0, 200, 5), bar(1, 0, 201, 5), bar(2, 0, 202, 1), bar(3, 0, 203, 1)],
    )

    assert series.contract.tolist() == [NO_CONTRACT, OLD, NEW, OLD, NEW]
    assert series.rolled().tolist() == [False, False, True, True, True]


def test_equal_volumes_go_to_the_name_that_sorts_first() -> None:
    assert tape([bar(0, 0, 100, 5)], [bar(0, 0, 200, 5)]).contract.tolist()[1] == OLD


def test_a_day_without_any_volume_trades_the_contract_with_most_bars_the_day_before() -> None:
    series = tape(
        [bar(0, 0, 100, 0), bar(1, 0, 101, 0), bar(2, 0, 102, 0), bar(2, 1, 103, 0)],
        [bar(1, 0, 201, 0), bar(1, 1, 202, 0), bar(2, 0, 202, 7)],
    )

    assert series.contract.tolist()[1:4] == [OLD, NEW, NEW]


@pytest.mark.parametrize(("days", "chosen"), [(7, OLD), (8, NO_CONTRACT)])
def test_volume_more_than_a_week_old_chooses_nothing(days: int, chosen: int) -> None:
    series = tape([bar(0, 0, 100), bar(days, 0, 100)], days=days)

    assert series.contract[-1] == chosen
    assert len(series) == (0 if chosen == NO_CONTRACT else 1)


def test_the_gap_is_that_of_the_last_minute_both_traded_on_the_day_before() -> None:
    series = tape(
        [bar(0, 0, 100, 9), bar(1, 0, 100), bar(1, 5, 110), bar(1, 9, 190), bar(2, 0, 120)],
        [bar(1, 0, 305, 9), bar(1, 5, 317, 9), bar(1, 7, 999), bar(2, 0, 330), bar(2, 1, 331)],
    )

    assert series.contract[:3].tolist() == [NO_CONTRACT, OLD, NEW]
    assert series.offset[:3].tolist() == [0, 0, 317 - 110]
    assert series.close.tolist() == [100, 110, 190, 330 - 207, 331 - 207]


def test_without_a_common_minute_the_last_closes_make_the_gap() -> None:
    series = tape(
        [bar(0, 0, 100, 9), bar(1, 3, 100), bar(1, 8, 104)],
        [bar(1, 4, 300, 9), bar(1, 9, 306), bar(2, 0, 330)],
    )

    assert series.offset[2] == 306 - 104


def test_a_contract_that_had_not_traded_before_joins_without_a_gap() -> None:
    series = tape([bar(0, 0, 100, 9)], [bar(1, 0, 300, 9)], days=1, roll="same_day_volume")

    assert series.contract.tolist() == [OLD, NEW]
    assert series.offset.tolist() == [0, 0]


def test_a_day_that_did_not_trade_has_no_contract_of_its_own_volume() -> None:
    series = tape([bar(0, 0, 100), bar(2, 0, 101)], [bar(3, 0, 300)], roll="same_day_volume")

    assert series.contract.tolist() == [OLD, NO_CONTRACT, OLD, NEW, NO_CONTRACT]


def test_the_gaps_of_all_rolls_add_up_and_a_day_without_contract_is_no_roll() -> None:
    # the old contract, the new one, twelve days of silence, the new one again
    series = tape(
        [bar(0, 0, 100, 9), bar(1, 0, 101, 1)],
        [bar(1, 0, 301, 9), bar(2, 0, 302, 9), bar(14, 0, 300, 9), bar(15, 0, 305, 9)],
        days=15,
    )

    contracts = series.contract.tolist()
    assert contracts[1:3] == [OLD, NEW]
    assert contracts.count(NO_CONTRACT) > 1
    assert contracts[-1] == NEW
    assert series.rolled().sum() == 1
    assert series.offset[[1, 2, -1]].tolist() == [0, 200, 200]
    assert (series.close + series.offset[series.day]).tolist() == [101, 302, 305]


def test_a_ready_made_series_is_one_contract() -> None:
    with pytest.raises(SeveralContractsError):
        tape([bar(0, 0, 100)], [bar(0, 0, 200)], roll="none")
