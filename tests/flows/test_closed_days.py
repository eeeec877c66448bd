"""A request on a weekend or holiday says so, and names the next ranges."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.shadow_predict import shadow_predict
from tests.live_days import set_clock

NEXT = (
    "0900 at 09:00, 1000 at 10:00, 1100 at 11:00, 1800 at 18:00, 2300 at 23:00, 0030 at 00:30 "
    "(Australia/Brisbane)"
)
SATURDAY = f"Sat 23 Nov 2024 is no trading day (weekend); next opening ranges, Mon 25 Nov: {NEXT}"
CHRISTMAS = f"Wed 25 Dec 2024 is no trading day (holiday); next opening ranges, Thu 26 Dec: {NEXT}"


def test_a_prediction_requested_on_a_saturday_is_of_the_range_before_and_says_so(
    trained: Path,
) -> None:
    del trained
    command = ["predict", "--at", "2024-11-23T12:00"]
    result = CliRunner().invoke(app, command)
    assert result.stdout.startswith("MGC:2024-11-22:0030, decided")
    assert result.stdout.splitlines()[-1] == (
        f"{SATURDAY}; the range above is the last one closed before it"
    )
    printed = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert printed["slot"] == "MGC:2024-11-22:0030"
    assert printed["outlook"]["closed"] == "weekend"
    assert printed["outlook"]["next_day"] == "2024-11-25"
    assert printed["outlook"]["next_ranges"][0] == {
        "opening_range": "0900",
        "opens": "2024-11-24T23:00:00+00:00",
        "decision": "2024-11-24T23:05:00+00:00",
    }


def test_a_prediction_on_a_trading_day_says_nothing_of_the_calendar(trained: Path) -> None:
    del trained
    result = CliRunner().invoke(app, ["predict", "--at", "2024-11-21T09:05"])
    assert "trading day" not in result.stdout


@pytest.mark.usefixtures("home")
def test_a_prediction_of_a_holiday_is_refused_with_the_range_before_it_even_without_a_model() -> (
    None
):
    result = CliRunner().invoke(app, ["predict", "--at", "2024-12-25T12:00"])
    assert result.exit_code == 2
    assert "the exchange is closed that day (holiday)" in result.stderr
    assert "the range before it: --at 2024-12-25T00:35" in result.stderr
    assert "next opening ranges, Thu 26 Dec: 0900 at 09:00" in result.stderr


def test_a_live_run_on_a_holiday_waits_for_nothing_and_says_when_the_next_ranges_are(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, own / "clock", datetime(2024, 12, 25, 1, 5, 3, tzinfo=UTC))
    monkeypatch.setattr(
        "tasks.prediction.await_bars.sleep", lambda _: pytest.fail("it waits for bars")
    )
    result = shadow_predict("mgc", "1100")
    assert result.slot == "MGC:2024-12-25:1100"
    assert [entry.reason for entry in result.entries] == ["holiday", "holiday"]
    assert result.today == CHRISTMAS


def test_a_run_on_a_trading_day_says_nothing_of_the_calendar(trained: Path) -> None:
    del trained
    as_of = datetime(2024, 11, 21, 0, 7, tzinfo=UTC)
    assert shadow_predict("mgc", as_of=as_of).today is None
