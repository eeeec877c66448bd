"""The breaker is opened and closed by the rows of the ledger and the reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from registry.health.breaker import breaker_records
from tasks.health.breaker_check import check_breaker
from tests.tasks.live_market import DAY, MARKET, NOW, START, LiveMarket, answers, outcome_of

SILENT: dict[str, Any] = {"status": "abstained", "p_up": None, "recommendation": None}


@pytest.fixture(autouse=True)
def _home(market: LiveMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(market.settings.home))


def check(at: datetime = NOW) -> tuple[str, str]:
    state = check_breaker.fn("mgc", at)
    return state.state, state.cause


def test_without_anything_wrong_it_stays_closed_and_records_nothing(market: LiveMarket) -> None:
    market.live((answer, outcome_of(answer)) for answer in answers({}, {}, {}))
    market.drift(NOW)
    market.parity(NOW)
    assert check() == ("closed", "")
    assert breaker_records(market.database, MARKET) == ()


@pytest.mark.parametrize(
    ("reason", "cause"),
    [("missed", "failures"), ("model_unusable", "failures"), ("stale_data", "data")],
)
def test_three_slots_in_a_row_without_an_answer_for_reasons_of_ours_open_it(
    market: LiveMarket, reason: str, cause: str
) -> None:
    silent = {**SILENT, "reason": reason}
    market.live((answer, None) for answer in answers({}, silent, silent, silent))
    assert check() == ("open", cause)


@pytest.mark.parametrize("reason", ["holiday", "exchange_closed", "no_bars", "novel"])
def test_slots_without_an_answer_for_other_reasons_do_not(market: LiveMarket, reason: str) -> None:
    market.live((answer, None) for answer in answers(*[{**SILENT, "reason": reason}] * 5))
    assert check() == ("closed", "")


def test_three_late_answers_in_a_row_open_it(market: LiveMarket) -> None:
    market.live((answer, None) for answer in answers(*[{"late": True}] * 3))
    assert check() == ("open", "latency")


@pytest.mark.parametrize(("recommendation", "state"), [("long", "open"), ("skip", "closed")])
def test_only_losses_of_trades_that_were_recommended_open_it(
    market: LiveMarket, recommendation: str, state: str
) -> None:
    rows = answers(*[{"recommendation": recommendation}] * 9)
    market.live((answer, outcome_of(answer, r_net=-1.2)) for answer in rows)
    assert check()[0] == state


def test_answers_that_are_the_reverse_of_what_comes_open_it(market: LiveMarket) -> None:
    """A hundred DOWN breakouts, each predicted UP; predicted DOWN, they cause no trouble."""
    market.live(
        (answer, outcome_of(answer, direction="DOWN"))
        for answer in answers(*[{"p_up": 0.9, "baseline_p_up": 0.4}] * 100)
    )
    assert check(START + 101 * DAY) == ("open", "accuracy")


def test_answers_that_are_what_comes_do_not(market: LiveMarket) -> None:
    market.live(
        (answer, outcome_of(answer, direction="DOWN"))
        for answer in answers(*[{"p_up": 0.05, "baseline_p_up": 0.1}] * 60)
    )
    assert check(START + 61 * DAY)[0] == "closed"


@pytest.mark.parametrize("kind", ["drift", "parity"])
def test_a_report_that_found_something_opens_it_and_an_old_one_does_not(
    market: LiveMarket, kind: str
) -> None:
    wrong = {"detected": True} if kind == "drift" else {"unexplained": 2}
    getattr(market, kind)(NOW - DAY, **wrong)
    assert check() == ("open", kind)

    market.breaker("closed", NOW)
    assert check()[0] == "closed"


def test_a_half_open_one_closes_once_nothing_is_found_and_not_before(market: LiveMarket) -> None:
    silent = {**SILENT, "reason": "missed"}
    market.live((answer, None) for answer in answers(silent, silent, silent))
    market.breaker("open", NOW)

    assert check(NOW + timedelta(hours=11)) == ("open", "drawdown")
    assert check(NOW + timedelta(hours=12)) == ("closed", "recovered")
    assert [record.state for record in breaker_records(market.database, MARKET)] == [
        "open",
        "closed",
    ]
