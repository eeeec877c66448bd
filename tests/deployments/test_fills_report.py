"""A trader who follows most plans at higher costs than assumed: the report shows both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.market.market import load_market
from tasks.home import open_home
from tasks.prediction.outcomes.value_added import follow_rules
from tasks.settings import current_settings, now
from tests.conftest import PROJECT
from tests.ml_core.fills.made_fills import HEADER
from tests.waiting import AT_MOST_SECONDS

FIRST, LAST = date(2024, 9, 2), date(2024, 10, 11)
WORSE = {"entry": 2, "WIN": 1, "LOSS": 3, "TIMEOUT": 1}
"""How many ticks worse than planned each order is filled."""
COMMISSION = 1.30


@dataclass(frozen=True)
class TraderRecord:
    """The file of a trader's fills, with how many trades of each kind it has."""

    file: Path
    followed: int
    missed: int
    improvised: int


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
    return result.stderr if status else result.stdout


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture(scope="module")
def trader(trained_home: Path) -> Iterator[TraderRecord]:
    """A trader takes four of five planned trades, and an unplanned one every seventh day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(trained_home))
        settings = current_settings()
        rules = settings.rules("MGC")
        taken = follow_rules(settings, "mgc", rules, first=FIRST, last=LAST, at=now())
        frame = open_home(trained_home).dataset(first=FIRST, last=LAST)
        rows = {
            (row["trading_day"], row["opening_range"]): row for row in frame.to_dict("records")
        }
        planned = [one for one in taken if one.size and one.slot.r_net is not None]
        followed = [one for number, one in enumerate(planned) if number % 5]
        lines = [
            line
            for one in followed
            for line in _as_traded(rows[one.slot.trading_day, one.slot.opening_range])
        ]
        days = sorted({one.slot.trading_day for one in planned})[::7]
        for day in days:
            at = datetime.fromisoformat(f"{day}T06:31:00+00:00")
            lines += [_row(at, "buy", 9999.0, "MGC"), _row(at, "sell", 9998.0, "MGC", later=60)]
        file = trained_home.parent / "mine.csv"
        file.write_text("\n".join([HEADER, *reversed(lines)]) + "\n", encoding="utf-8")
        yield TraderRecord(file, len(followed), len(planned) - len(followed), len(days))


def _as_traded(row: dict[str, Any]) -> tuple[str, str]:
    """Return the two fills of a slot, both worse than planned."""
    up = 1 if row["break_direction"] == "UP" else -1
    opens, closes = ("buy", "sell") if up == 1 else ("sell", "buy")
    entry = row["entry"] + up * 0.1 * WORSE["entry"]
    exit_ = row["exit"] - up * 0.1 * WORSE[row["outcome"]]
    entered = pd.Timestamp(row["break_time"]).to_pydatetime() + timedelta(seconds=2)
    left = pd.Timestamp(row["resolved_at"]).to_pydatetime()
    # each in its own account, since positions of different slots may overlap
    account = f"{row['trading_day']}-{row['opening_range']}"
    contract = str(row["contract"])
    return (
        _row(entered, opens, entry, contract, account),
        _row(max(left, entered), closes, exit_, contract, account, later=3),
    )


def _row(
    at: datetime, side: str, price: float, contract: str, account: str = "own", *, later: int = 0
) -> str:
    moment = (at + timedelta(seconds=later)).isoformat()
    return f"{account},{contract},{moment},{side},1,{price:.1f},{COMMISSION},,"


def test_the_report_finds_what_was_followed_and_what_it_cost_and_corrects_the_market(
    trader: TraderRecord, trained_home: Path
) -> None:
    assert "no fills" in run("fills", "report", status=2)
    brought = run_json("fills", "import", str(trader.file))
    assert brought["fills"] == 2 * (trader.followed + trader.improvised)

    period = ("--from", str(FIRST), "--to", str(LAST))
    report = run_json("fills", "report", *period)
    assert report["plans"] == "rules"
    assert report["followed"]["trades"] == trader.followed
    assert report["not_followed"]["trades"] == len(report["missed"]) == trader.missed
    assert report["improvised"]["trades"] == trader.improvised
    assert report["improvised"]["money"] == pytest.approx(
        -(10 + 2 * COMMISSION) * trader.improvised
    )
    trips = report["round_trips"]
    assert sum(trip["money"] for trip in trips) == pytest.approx(
        report["followed"]["money"] + report["improvised"]["money"]
    )
    assert report["slippage"]["entry"]["estimate"] == pytest.approx(WORSE["entry"])
    assert report["slippage"]["stop"]["estimate"] > report["slippage"]["target"]["estimate"]
    slippage, commission = report["costs"]
    assert slippage["verdict"] == commission["verdict"] == "differs"
    assert commission["corrected"] == COMMISSION
    assert f"Correct the market file: `{report['correction']}`" in run("fills", "report", *period)
    page = Path(report["report"]).read_text(encoding="utf-8")
    assert report["correction"] in page
    assert f"{trader.followed} followed" in page

    shipped = PROJECT / "deployments/markets/mgc.toml"
    before = shipped.read_bytes()
    printed = run(*report["correction"].split()[1:])
    own = trained_home / "markets" / "mgc.toml"
    assert "4.48 before" in printed
    assert "until then it does not predict" in printed
    assert shipped.read_bytes() == before
    assert "# more if your source is slower than a range's close" in own.read_text("utf-8")
    changed = load_market(own).instrument
    assert changed.commission_per_side == COMMISSION
    assert changed.slippage_ticks_per_side == slippage["corrected"]

    again = run_json("fills", "report", *period)
    assert [check["verdict"] for check in again["costs"]] == ["agrees", "agrees"]
    assert again["correction"] is None
    assert again["not_followed"]["total_r"] < report["not_followed"]["total_r"]
    own.unlink()


def test_a_closer_look_explains_less_and_a_period_without_fills_says_so(
    trader: TraderRecord,
) -> None:
    run("fills", "import", str(trader.file))
    period = ("--from", str(FIRST), "--to", str(LAST))
    closer = run_json("fills", "report", *period, "--minutes", "0")
    assert (closer["followed"]["trades"], len(closer["missed"])) == (
        0,
        trader.followed + trader.missed,
    )
    line = run("fills", "report", "--to", "2024-03-01", status=2)
    assert "has no fills from" in line
    recorded = run_json("fills", "report", *period, "--plans", "record")
    assert recorded["followed"]["trades"] == 0  # no decision was live


def test_a_home_read_from_python_has_the_same_fills_and_round_trips(
    trader: TraderRecord, trained_home: Path
) -> None:
    run("fills", "import", str(trader.file))
    home = open_home(trained_home)
    fills = home.fills()
    assert len(fills) == 2 * (trader.followed + trader.improvised)
    assert str(fills["time"].dt.tz) == "UTC"
    trips = home.round_trips(first=FIRST, last=LAST)
    assert (trips["kind"] == "followed").sum() == trader.followed
    assert trips.loc[trips["kind"] == "followed", "planned_entry"].notna().all()
    assert home.fills(first=LAST + timedelta(days=30)).empty


def own_trades() -> None:
    from deployments.dashboard.own_trades import page  # noqa: PLC0415 - Streamlit runs it elsewhere
    from deployments.dashboard.shell import view  # noqa: PLC0415 - the same

    page(view())


def test_the_dashboard_shows_the_same_and_says_what_to_run_without_a_trade(
    trader: TraderRecord,
) -> None:
    run("fills", "import", str(trader.file))
    st.cache_resource.clear()
    page = AppTest.from_function(own_trades, default_timeout=AT_MOST_SECONDS).run()
    assert not page.exception
    assert page.subheader[0].value == (
        f"{trader.followed} followed, {trader.missed} not followed, "
        f"{trader.improvised} improvised."
    )
    assert [metric.label for metric in page.metric] == [
        "Followed",
        "The same slots by the plan",
        "Not followed, by the plan",
        "Improvised",
    ]
    trips, missed = (table.value for table in page.dataframe)
    assert len(trips) == trader.followed + trader.improvised
    assert len(missed) == trader.missed
    assert page.code[0].value.startswith("orbcast market costs mgc --slippage")

    (batch,) = [one for one in run_json("fills", "show", "--files") if one["event"] == "imported"]
    run("fills", "withdraw", batch["batch_id"], "--reason", "to see the page without")
    page = AppTest.from_function(own_trades, default_timeout=AT_MOST_SECONDS).run()
    assert not page.exception
    assert page.code[0].value == "orbcast fills import FILE --market mgc"


def test_costs_that_are_none_are_refused(trader: TraderRecord) -> None:
    del trader
    assert "give --slippage" in run("market", "costs", "mgc", status=2)
    run("market", "costs", "mgc", "--slippage", "-1", status=2)
    run("market", "costs", "nowhere", "--slippage", "1", status=2)
