"""Slots and missed rows agree over clock changes, half-days and holidays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas_market_calendars
import pytest

from ml_core.decision.entry import PredictionEntry
from ml_core.market.market import Market
from tasks.prediction.missed import _reasons, fill_missed, unanswered
from tasks.prediction.slots import decision_time, slots_between
from tasks.settings import Settings, current_settings
from tests.ml_core.builders import MARKETS

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
CLOCKS = {
    "sydney": (ZoneInfo("Australia/Brisbane"), "09:05"),
    "london": (LONDON, "09:20"),
    "newyork": (NEW_YORK, "09:35"),
    "evening": (NEW_YORK, "14:35"),
}
RANGES = """
[[sessions]]
name = "asia"
start = "09:00"
end = "16:00"

[[sessions]]
name = "europe"
start = "08:00"
end = "13:00"
zone = "Europe/London"

[[sessions]]
name = "us"
start = "09:30"
end = "16:00"
zone = "America/New_York"

[[ranges]]
name = "sydney"
start = "09:00"
minutes = 5
session = "asia"

[[ranges]]
name = "london"
start = "09:15"
minutes = 5
session = "europe"

[[ranges]]
name = "newyork"
start = "09:30"
minutes = 5
session = "us"

[[ranges]]
name = "evening"
start = "14:30"
minutes = 5
session = "us"

[quality]
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose market has ranges in three time zones."""
    shipped = (MARKETS / "mgc.toml").read_text()
    (tmp_path / "three.toml").write_text(shipped[: shipped.index("[[sessions]]")] + RANGES)
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ORBCAST_MARKETS_DIR", str(tmp_path))
    return current_settings()


@pytest.fixture
def three(settings: Settings) -> Market:
    return settings.market("three")


def first_answer(market: Market, day: date) -> PredictionEntry:
    at = decision_time(market, market.ranges[0], day)
    return PredictionEntry(
        market=market.symbol,
        trading_day=day,
        opening_range=market.ranges[0].name,
        mode="live",
        role="champion",
        decision_time=at,
        made_at=at + timedelta(seconds=3),
        late=False,
        status="abstained",
        reason="no_model",
        label="entry-session",
        features={},
    )


def test_each_range_keeps_to_its_own_clock_the_year_round(three: Market) -> None:
    slots = slots_between(three, date(2024, 1, 1), date(2025, 12, 31))

    for slot in slots:
        zone, clock = CLOCKS[slot.opening_range]
        local = slot.decision.astimezone(zone)
        assert f"{local:%H:%M}" == clock
        # each of them falls on the trading day's own date somewhere between Brisbane and New York
        assert local.date() == slot.trading_day
    assert len(slots) == len(set(slots)) == 4 * 523  # weekdays of two years


@pytest.mark.parametrize(
    ("opening_range", "before", "after"),
    [
        ("newyork", date(2024, 3, 8), date(2024, 3, 11)),
        ("london", date(2024, 3, 29), date(2024, 4, 1)),
        ("london", date(2024, 10, 25), date(2024, 10, 28)),
        ("newyork", date(2024, 11, 1), date(2024, 11, 4)),
    ],
    ids=["New York in March", "London in March", "London in October", "New York in November"],
)
def test_an_hour_is_gone_or_won_on_the_very_weekend_the_clocks_change(
    three: Market, opening_range: str, before: date, after: date
) -> None:
    spec = three.ranges[three.range_index(opening_range)]
    apart = decision_time(three, spec, after) - decision_time(three, spec, before)

    gone = timedelta(hours=1 if after.month in {3, 4} else -1)
    assert apart == timedelta(days=3) - gone
    sydney = three.ranges[three.range_index("sydney")]  # on Brisbane's clock, which never changes
    same = decision_time(three, sydney, after) - decision_time(three, sydney, before)
    assert same == timedelta(days=3)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2024, 3, 4), date(2024, 4, 12)),
        (date(2024, 10, 21), date(2024, 11, 8)),
        (date(2024, 11, 25), date(2025, 1, 3)),
        (date(2025, 6, 30), date(2025, 7, 11)),
    ],
    ids=["both change in spring", "both change in autumn", "winter holidays", "July 4"],
)
def test_rows_present_equal_slots_expected_and_closed_ones_say_so(
    settings: Settings, three: Market, first: date, last: date
) -> None:
    settings.ledger().record([first_answer(three, first)])
    at = datetime.combine(last, datetime.min.time(), UTC) + timedelta(days=1, hours=2)
    expected = [
        candidate for candidate in slots_between(three, first, last) if candidate.decision < at
    ]
    reasons = _reasons(three, unanswered(settings, "three", at))

    added = fill_missed.fn("three", at)
    again = fill_missed.fn("three", at)

    rows = [entry.prediction for entry in settings.ledger().settled("MGC", mode="live")]
    present = Counter((row.trading_day, row.opening_range, row.decision_time) for row in rows)
    assert present == Counter((e.trading_day, e.opening_range, e.decision) for e in expected)
    assert (added, again) == (len(expected) - 1, 0)
    # the exchange's hours by the calendar library itself
    hours = pandas_market_calendars.get_calendar("CMEGlobex_Gold").schedule(
        first - timedelta(days=1), last + timedelta(days=1)
    )
    assert set(reasons) == set(expected[1:])
    opened = list(zip(hours["market_open"], hours["market_close"], strict=True))
    for slot, reason in reasons.items():
        window = slot.decision - timedelta(minutes=5)
        trades = any(start <= window and slot.decision <= end for start, end in opened)
        assert (reason == "missed") == trades, (slot, reason)


def test_on_half_days_the_evening_range_is_closed_and_the_morning_ones_are_not(
    settings: Settings, three: Market
) -> None:
    day_after_thanksgiving = date(2024, 11, 29)
    settings.ledger().record([first_answer(three, date(2024, 11, 27))])
    at = datetime(2024, 12, 2, tzinfo=UTC)

    reasons = _reasons(three, unanswered(settings, "three", at))

    recorded_reasons = {
        slot.opening_range: why
        for slot, why in reasons.items()
        if slot.trading_day == day_after_thanksgiving
    }
    assert recorded_reasons == {
        "sydney": "missed",
        "london": "missed",
        "newyork": "missed",
        "evening": "exchange_closed",
    }
