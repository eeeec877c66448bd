"""An estimate without outcomes uses the last sixty predictions, at least thirty."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from registry.health.estimates import EstimateRecord, estimate_records
from tasks.health.early_warning import warn_early
from tests.tasks.live_market import MARKET, START, LiveMarket, row_at

NAMES = ("0900", "1000", "1100", "1800", "2300", "0030")


def estimated(market: LiveMarket, answers: int) -> tuple[EstimateRecord, ...]:
    """Return the estimates made after a number of predictions, six a day."""
    rows = [
        row_at(at, name)
        for day in range(20)
        for hour, name in enumerate(NAMES)
        for at in [START + timedelta(days=day, hours=hour)]
    ][:answers]
    market.live([(row, None) for row in rows])
    at: datetime = rows[-1].made_at + timedelta(minutes=5)
    made = warn_early.fn("mgc", at).made
    records = tuple(estimate_records(market.database, MARKET, first=START.date()))
    assert made == len(records)
    return records


@pytest.fixture(autouse=True)
def _home(market: LiveMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(market.settings.home))


def test_twenty_nine_answers_are_too_few_for_an_estimate(
    market: LiveMarket,
) -> None:
    assert estimated(market, 29) == ()


def test_thirty_answers_suffice_for_an_estimate(market: LiveMarket) -> None:
    (record,) = estimated(market, 30)
    assert (record.rows, record.first_day) == (30, START.date())


def test_an_estimate_goes_back_sixty_answers_and_no_further(market: LiveMarket) -> None:
    (record,) = estimated(market, 61)
    assert record.rows == 60
    assert record.expected.begin == START + timedelta(hours=1)
