"""The trading day: a card shows only what was recorded and known by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from deployments.dashboard.charts.range_chart import range_chart
from deployments.dashboard.charts.theme import LIGHT
from deployments.dashboard.trading_day.slot_words import (
    agreement,
    headline,
    likeness,
    probabilities,
    sides,
)
from deployments.dashboard.trading_day.summary import day_summary
from deployments.dashboard.why import reasons_chart
from ml_core.market.schedule import from_minute
from monitoring.pages.formatting import duration, percent
from tasks.messages.followed_days import FollowedDays, followed_days
from tasks.messages.slot_facts import picture_now
from tasks.prediction.slots import trading_day_at
from tasks.prediction.trading_day import slots_of_day
from tasks.settings import Settings, current_settings
from tests.dashboard.chart_parts import rows_of
from tests.dashboard.conftest import FIRST_DAY, NOW
from tests.predictions import LIKE, NOVEL

THURSDAY = date(2024, 11, 28)


@pytest.fixture
def settings(day_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("ORBCAST_HOME", str(day_home))
    return current_settings()


def test_the_trading_day_begins_at_nine_in_brisbane() -> None:
    market = Settings().market("mgc")
    nine = datetime(2024, 11, 27, 23, 0, tzinfo=UTC)
    assert trading_day_at(market, nine) == THURSDAY
    assert trading_day_at(market, nine - timedelta(minutes=1)) == date(2024, 11, 27)


def test_each_range_is_answered_or_still_to_come(settings: Settings) -> None:
    market = settings.market("mgc")
    slots = slots_of_day(settings, market, THURSDAY, "live", NOW)
    assert [entry.slot.opening_range for entry in slots] == [
        "0900", "1000", "1100", "1800", "2300", "0030"
    ]  # fmt: skip
    assert [entry.state for entry in slots] == ["answered"] * 3 + ["due"] * 3
    late = slots[3].slot.decision
    waiting, _, absent = (
        slots_of_day(settings, market, THURSDAY, "live", late + after)[3]
        for after in (timedelta(minutes=1), timedelta(minutes=30), timedelta(hours=3))
    )
    assert (waiting.state, absent.state) == ("waiting", "absent")


def test_a_holiday_s_ranges_are_closed_and_a_weekend_has_none(settings: Settings) -> None:
    market = settings.market("mgc")
    holiday = slots_of_day(settings, market, date(2024, 12, 25), "live", NOW)
    assert [(entry.state, entry.why) for entry in holiday] == [
        ("closed", "the exchange is closed that day (holiday)")
    ] * 6
    assert slots_of_day(settings, market, date(2024, 11, 30), "live", NOW) == ()


def test_nothing_is_shown_that_became_known_later(settings: Settings) -> None:
    drawn = 0
    for minutes in (6, 30, 150):
        at = datetime(2024, 11, 27, 23, 0, tzinfo=UTC) + timedelta(minutes=minutes)
        days = followed(settings, at)
        for slot in days.slots:
            picture = picture_now(days, slot.key, slot)
            if picture is not None:
                moments = [int(picture.minute[-1]), *(mark.minute for mark in picture.marks)]
                assert all(from_minute(minute) < at for minute in moments)
                drawn += 1
    assert drawn


def followed(settings: Settings, at: datetime = NOW) -> FollowedDays:
    return followed_days(settings, "mgc", THURSDAY, THURSDAY, at)


def test_a_day_that_was_only_replayed_says_so(settings: Settings) -> None:
    market = settings.market("mgc")
    replayed = slots_of_day(settings, market, FIRST_DAY, "replay", NOW)
    assert {entry.state for entry in replayed} == {"answered"}
    not_replayed = slots_of_day(settings, market, THURSDAY, "replay", NOW)[0]
    assert (not_replayed.state, not_replayed.why) == (
        "absent",
        "not replayed; there is a live prediction",
    )
    before = slots_of_day(settings, market, FIRST_DAY - timedelta(days=3), "live", NOW)[0]
    assert before.why == "not predicted"


def test_the_chart_has_the_levels_that_the_trade_was_settled_by(settings: Settings) -> None:
    days = followed(settings)
    slot = days.slots[0]
    outcome, picture = slot.outcome, picture_now(days, slot.key, slot)
    assert outcome is not None
    assert picture is not None
    chart = range_chart(picture, LIGHT)
    levels = {level["price"] for level in rows_of(chart, "dash")}
    assert levels == {outcome.entry, outcome.stop, outcome.target}, "the label's trade is theirs"
    candles = rows_of(chart, "open")
    assert min(candle["low"] for candle in candles) <= picture.range_low
    whole = days.candles(slot.key)
    assert whole is not None
    assert 0 < len(candles) < len(whole.minute), "it ends soon after the trade"


def test_a_card_has_the_prediction_beside_the_corridor(settings: Settings) -> None:
    slots = slots_of_day(settings, settings.market("mgc"), THURSDAY, "live", NOW)
    champion = slots[0].answers[0]
    assert champion.prediction.role == "champion"
    up, down = probabilities(champion)
    assert up["model"] == percent(champion.prediction.p_up)
    assert {up["break"], down["break"]} == {"UP", "DOWN"}
    prediction = champion.prediction.outputs.prediction
    assert prediction is not None
    assert [row["if it breaks"] for row in sides(prediction)] == ["UP", "DOWN"]
    became = day_summary(followed(settings), THURSDAY, NOW).ranges[0]
    assert headline(slots[0], became).endswith(f"; {became.result}")
    assert (headline(slots[3], None), "Rules" in agreement(slots[0])) == ("to come", True)
    assert prediction.reasons
    for reason in prediction.reasons:
        assert reason.words not in agreement(slots[0]), "it is drawn"
    drawn = reasons_chart(prediction.reasons, LIGHT)
    assert len(rows_of(drawn, "words")) == len(prediction.reasons)


def test_the_headline_names_what_forbids_following_the_model(settings: Settings) -> None:
    first_slot = slots_of_day(settings, settings.market("mgc"), THURSDAY, "live", NOW)[0]
    champion = first_slot.answers[0]
    prediction = replace(
        champion.prediction,
        recommendation="long",
        late=True,
        outputs=replace(champion.prediction.outputs, breaker="open"),
    )
    text = headline(replace(first_slot, answers=(replace(champion, prediction=prediction),)), None)
    assert text.startswith("model: UP; late, so not scored; the breaker was open")
    assert first_slot.decided is not None
    declined = [gate for gate in first_slot.decided.without_model["checks"] if not gate["passed"]]
    assert text.count("the rules decline") == len(declined) > 0


def test_the_countdown_reads_as_time_and_never_below_nothing() -> None:
    assert duration(timedelta(days=3)) == "3 days"
    assert duration(timedelta(seconds=-5)) == "0 min 00 s"


def test_a_row_has_its_dissimilarity_to_the_training_data() -> None:
    assert likeness(LIKE).startswith("like the training data (dissimilarity")
    assert likeness(NOVEL).startswith("**unlike the training data")
    assert likeness(None) == "novelty not judged: the version has no measure of it"
