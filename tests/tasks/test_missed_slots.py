"""A slot without a row in time is recorded as missed, and only then; rows decide."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ml_core.decision.entry import PredictionEntry
from tasks.prediction.missed import fill_missed, unanswered
from tasks.prediction.slots import slots_between
from tests.tasks.live_market import MARKET, LiveMarket, row_at

WEDNESDAY, THURSDAY = date(2024, 11, 20), date(2024, 11, 21)
AN_HOUR = timedelta(hours=1)
THANKSGIVING = date(2024, 11, 28)


@pytest.fixture(autouse=True)
def _home(market: LiveMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(market.settings.home))


def answered(market: LiveMarket, place: int, mode: str = "live") -> datetime:
    """Record a slot of that Wednesday by its position, and return its decision time."""
    slot = slots_between(market.settings.market("mgc"), WEDNESDAY, WEDNESDAY)[place]
    row = row_at(slot.decision, slot.opening_range, trading_day=slot.trading_day, mode=mode)
    market.live([(row, None)])
    return slot.decision


def absent(market: LiveMarket, at: datetime) -> list[str]:
    return [str(slot) for slot in unanswered(market.settings, "mgc", at)]


def rows(market: LiveMarket) -> list[PredictionEntry]:
    return [row.prediction for row in market.settings.ledger().settled(MARKET, mode="live")]


def test_before_the_first_live_answer_nothing_was_promised(market: LiveMarket) -> None:
    assert absent(market, datetime(2024, 11, 29, tzinfo=UTC)) == []
    answered(market, 0, mode="replay")
    assert absent(market, datetime(2024, 11, 29, tzinfo=UTC)) == []
    assert fill_missed.fn("mgc", datetime(2024, 11, 29, tzinfo=UTC)) == 0


def test_a_slot_is_missed_an_hour_after_its_window_closed_and_not_at_that_moment(
    market: LiveMarket,
) -> None:
    first = answered(market, 0)
    second = slots_between(market.settings.market("mgc"), WEDNESDAY, WEDNESDAY)[1].decision

    assert absent(market, first + 2 * AN_HOUR - timedelta(minutes=1)) == []
    assert absent(market, second + AN_HOUR) == []
    assert absent(market, second + AN_HOUR + timedelta(seconds=1)) == [f"MGC:{WEDNESDAY}:1000"]


def test_answered_slots_are_not_missed_and_a_replay_answers_none(market: LiveMarket) -> None:
    answered(market, 0)
    answered(market, 2)
    answered(market, 1, mode="replay")
    evening = answered(market, 3)

    assert absent(market, evening + AN_HOUR + timedelta(seconds=1)) == [f"MGC:{WEDNESDAY}:1000"]


def test_what_is_missed_is_recorded_once_late_and_without_an_answer(market: LiveMarket) -> None:
    answered(market, 0)
    at = datetime(2024, 11, 20, 23, 0, tzinfo=UTC)  # 09:00 on Thursday in Brisbane

    assert fill_missed.fn("mgc", at) == 5
    assert fill_missed.fn("mgc", at) == 0

    filled = rows(market)[1:]
    assert [row.opening_range for row in filled] == ["1000", "1100", "1800", "2300", "0030"]
    assert {(row.trading_day, row.status, row.reason, row.late, row.p_up) for row in filled} == {
        (WEDNESDAY, "abstained", "missed", True, None)
    }


def test_where_the_exchange_was_closed_the_calendar_is_the_reason(market: LiveMarket) -> None:
    answered(market, 0)

    fill_missed.fn("mgc", datetime(2024, 12, 26, 12, tzinfo=UTC))

    reasons = {(row.trading_day, row.opening_range): row.reason for row in rows(market)}
    assert reasons[THANKSGIVING, "0900"] == "missed"
    assert reasons[THANKSGIVING, "0030"] == "missed"
    assert reasons[date(2024, 11, 29), "0030"] == "missed"
    assert {reasons[date(2024, 12, 25), name] for name in ("0900", "1800", "2300")} == {"holiday"}


def test_a_trading_day_on_which_a_range_was_closed_is_neither_holiday_nor_missed(
    market: LiveMarket,
) -> None:
    thursday, good_friday, monday = date(2024, 3, 28), date(2024, 3, 29), date(2024, 4, 1)
    first = slots_between(market.settings.market("nq"), thursday, thursday)[0]
    market.champion("skilled", first.decision - 24 * AN_HOUR, symbol="NQ")
    answer = row_at(first.decision, first.opening_range, trading_day=thursday, market="NQ")
    market.settings.ledger().record([answer])

    fill_missed.fn("nq", datetime(2024, 4, 1, 23, tzinfo=UTC))

    ledger = market.settings.ledger()
    filled = [row.prediction for row in ledger.settled("NQ", mode="live")][1:]
    assert [(row.trading_day, row.opening_range, row.reason) for row in filled] == [
        (thursday, "0930_15m", "missed"),
        (good_friday, "0930_5m", "exchange_closed"),
        (good_friday, "0930_15m", "exchange_closed"),
        (monday, "0930_5m", "missed"),
        (monday, "0930_15m", "missed"),
    ]
