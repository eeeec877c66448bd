"""`orbcast market`: from an instrument's name to a usable market file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.new_market import RangeChoice, day_start, market_file, specifications
from ml_core.market.market import Market, load_market
from ml_core.market.schedule import build_schedule
from tasks.settings import current_settings
from tests.conftest import PROJECT

COSTS = ("--commission", "1.24", "--slippage", "1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str, status: int = 0, typed: str | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), input=typed)
    assert result.exit_code == status, result.stderr
    return result.stdout if not status else result.stderr


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def made_of(root: str, folder: Path, **choices: Any) -> Market:
    spec = specifications()[root]
    usual = {
        "zone": spec.zone,
        "ranges": [RangeChoice.of(spec.first_range)],
        "commission": 1.0,
        "slippage_ticks": 1.0,
    }
    path = folder / f"{root}.toml"
    text = market_file(spec, root, **{**usual, **choices})
    path.write_text(text, encoding="utf-8")
    return load_market(path)


@pytest.mark.parametrize("root", sorted(specifications()))
def test_each_instrument_makes_a_market_whose_range_forms_on_nearly_every_day(
    root: str, tmp_path: Path
) -> None:
    market = made_of(root, tmp_path)

    schedule = build_schedule(market, date(2023, 1, 1), date(2024, 12, 31))

    assert np.mean(schedule.open[:, 0]) > 0.98


def test_micro_gold_seen_from_brisbane_is_the_market_that_is_shipped(tmp_path: Path) -> None:
    shipped = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    starts = [RangeChoice(f"{spec.start:%H:%M}", spec.minutes) for spec in shipped.ranges]

    made = made_of(
        "MGC",
        tmp_path,
        zone="Australia/Brisbane",
        ranges=starts,
        commission=shipped.instrument.commission_per_side,
    )

    for field in ("symbol", "name", "zone", "day_start", "calendar", "contract_pattern"):
        assert getattr(made, field) == getattr(shipped, field), field
    assert made.instrument == shipped.instrument
    assert [spec.name for spec in made.ranges] == [spec.name for spec in shipped.ranges]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/New_York", (18 * 60, True)),
        ("America/Chicago", (17 * 60, True)),
        ("Australia/Brisbane", (9 * 60, False)),  # 08:00 in the American summer
        ("Europe/London", (23 * 60, True)),  # 22:00 in the weeks between the two changes
        ("UTC", (23 * 60, True)),
    ],
)
def test_the_trading_day_starts_where_the_exchange_opens_at_the_latest(
    zone: str, start: tuple[int, bool]
) -> None:
    assert day_start("CMEGlobex_Gold", zone) == start


def test_a_new_market_is_listed_checked_and_served(home: Path) -> None:
    made = run_json("market", "new", "es", *COSTS, "--range", "09:30", "--range", "09:30/15")

    assert made["ranges"] == ["0930", "0930_15m"]
    assert (home / "markets" / "es.toml").is_file()
    assert current_settings().markets == ("es",)
    assert {entry["market"] for entry in run_json("market", "list")["markets"]} == {
        "es",
        "mgc",
        "nq",
    }
    checked = run_json("market", "check", "es")
    assert len(checked["days"]) == 3
    assert checked["days"][0]["ranges"][0]["start"] == "09:30"


def test_micro_gold_goes_on_being_served_where_it_has_bars(home: Path) -> None:
    (home / "lake" / "MGC").mkdir(parents=True)
    run("market", "new", "es", *COSTS)

    assert current_settings().markets == ("mgc", "es")


def test_what_a_round_trip_costs_is_shown() -> None:
    run("market", "new", "mes", "--commission", "0.62", "--slippage", "1")
    assert "3.74 USD a contract and round trip" in run("market", "check", "mes")


def test_another_symbol_of_a_known_kind() -> None:
    run("market", "new", "aapl", "--like", "STOCK", "--commission", "0", "--slippage", "1")

    market = current_settings().market("aapl")
    assert (market.symbol, market.name) == ("AAPL", "AAPL, US stock")


def test_without_a_terminal_the_costs_must_be_given_as_options() -> None:
    assert "give --commission" in run("market", "new", "es", status=2)


def test_a_market_of_one_s_own_is_not_written_over(home: Path) -> None:
    run("market", "new", "es", *COSTS)
    (home / "markets" / "es.toml").write_text("mine")

    assert "--replace" in run("market", "new", "es", *COSTS, status=2)

    assert (home / "markets" / "es.toml").read_text() == "mine"
    run("market", "new", "es", *COSTS, "--replace")
    assert "es" in run("market", "check", "es").lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("market", "new", "../es", *COSTS, "--like", "ES"), "is not a valid market name"),
        (("market", "new", "foo", *COSTS), "no instrument 'foo' is known"),
        (("market", "new", "es", *COSTS, "--zone", "Mars"), "no zone named 'Mars'"),
        (("market", "new", "es", *COSTS, "--range", "half nine"), "write 09:30/5"),
        (("market", "new", "es", *COSTS, "--range", "15:58"), "does not end inside session"),
        (("market", "new", "es", *COSTS, "--range", "16:59/30"), "range 1659_30m never forms"),
        (("market", "calendars", "zzz"), "no exchange calendar has 'zzz' in its name"),
        (("market", "check", "nothing"), "there is no market 'nothing'"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_file(
    home: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in run(*arguments, status=2)
    assert not list(home.glob("markets/*.toml"))


def test_a_name_that_leads_elsewhere_names_no_market_and_prints_nothing_of_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.toml").write_text("password = 'hunter2'")

    words = run("bars", "status", "--market", "../../secret", status=2)

    assert "there is no market '../../secret'" in words
    assert "hunter2" not in words
    assert "write ../" not in words


def test_calendars_are_listed_by_a_part_of_their_name() -> None:
    listed = run_json("market", "calendars", "crude")
    assert "CMEGlobex_Crude" in listed
    assert "NYSE" not in listed


@pytest.mark.parametrize(("name", "below"), [("CL", True), ("MCL", True), ("NG", False)])
def test_a_market_that_has_traded_below_zero_is_written_as_one(
    tmp_path: Path, name: str, *, below: bool
) -> None:
    assert made_of(name, tmp_path).instrument.allow_nonpositive_prices == below


def test_the_days_a_file_has_of_its_own_are_shown_beside_the_calendar_s(home: Path) -> None:
    run("market", "new", "mgc", *COSTS, "--zone", "Australia/Brisbane", "--range", "09:00")
    file = home / "markets" / "mgc.toml"
    days = (
        '\n[[calendar_days]]\nday = 2024-12-24\nclose = "04:45"\n'
        "\n[[calendar_days]]\nday = 2025-01-09\nclosed = true\n"
        '\n[[calendar_days]]\nday = 2025-11-28\nhalt = ["12:44", "23:30"]\n'
        '\n[[calendar_days]]\nday = 2025-03-01\nclose = "12:00"\n'
    )
    before = run_json("market", "check", "mgc")
    file.write_text(file.read_text("utf-8") + days, "utf-8")

    checked = run_json("market", "check", "mgc")

    assert [own["day"] for own in checked["calendar_days"]] == [
        "2024-12-24",
        "2025-01-09",
        "2025-03-01",
        "2025-11-28",
    ]
    assert checked["calendar_days"][0]["by_calendar"] == "09:00-08:00"
    assert [own["by_file"] for own in checked["calendar_days"]] == [
        "09:00-04:45",
        None,
        None,
        "09:00-04:45, no trade 12:44-23:30",
    ]
    assert "set open and close" in checked["calendar_days"][2]["fault"]
    assert checked["definition"] != before["definition"]
    printed = run("market", "check", "mgc")
    assert "2025-01-09  closed (by the calendar 09:00-08:00)" in printed
    assert "2025-03-01  changes nothing" in printed


def test_two_markets_share_no_symbol(home: Path) -> None:
    run("market", "new", "es", *COSTS)

    message = run(
        "market", "new", "es_evening", "--like", "ES", "--symbol", "ES", *COSTS, status=2
    )

    assert "the bars of market es are called ES" in message
    assert "give another --symbol" in message
    assert not (home / "markets" / "es_evening.toml").exists()
    run("market", "new", "es", *COSTS, "--replace")
