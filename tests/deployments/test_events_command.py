"""`orbcast events`: news is imported, shown as known at a time, and blocks trades of rules."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.decision.plan_slot import active_plan
from ml_core.strategy.trades import PlanResult
from tasks.prediction.outcomes.value_added import follow_rules
from tasks.prediction.predict import plan_slot, predict_slot
from tasks.prediction.slots import slots_between
from tasks.settings import current_settings, now
from tests.live_days import set_clock

FIRST, LAST = date(2024, 9, 2), date(2024, 9, 13)


@pytest.fixture(autouse=True)
def home(trained_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORBCAST_HOME", str(trained_home))
    folder = trained_home / "strategies"
    folder.mkdir(exist_ok=True)
    (folder / "careful.toml").write_text(
        'name = "careful"\n[[blackouts]]\nevents = ["CPI"]\nbefore = 0\nafter = 40\n'
    )
    (folder / "careless.toml").write_text('name = "careless"\n')
    return trained_home


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
    return result.stderr if status else result.stdout


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def followed(name: str) -> tuple[PlanResult, ...]:
    settings = current_settings()
    rules = settings.rules("MGC", name)
    return follow_rules(settings, "mgc", rules, first=FIRST, last=LAST, at=now())


def entered(taken: tuple[PlanResult, ...]) -> dict[tuple[date, str], datetime]:
    return {
        one.slot.key: one.slot.entered_at
        for one in taken
        if one.size and one.slot.entered_at is not None
    }


def test_only_news_that_was_known_by_then_keeps_a_strategy_out(tmp_path: Path) -> None:
    without = entered(followed("careless"))
    assert entered(followed("careful")) == without
    around = sorted(without.values())[::4]
    lines = [f"{moment.isoformat()},CPI" for moment in around]
    unstated = tmp_path / "unstated.csv"
    unstated.write_text("time,name\n" + "\n".join(lines))
    printed = run("events", "import", str(unstated))
    assert f"unstated.csv: {len(around)} events, {len(around)} of them new or changed" in printed
    assert f"0 known since the time in the file, {len(around)} since now" in printed
    # it is known only since the import, so it is not used for the past
    assert entered(followed("careful")) == without

    stated = tmp_path / "stated.csv"
    stated.write_text(
        "time,name,known_since\n" + "\n".join(f"{line},2024-01-01" for line in lines)
    )
    assert run_json("events", "import", str(stated))["files"][0]["added"] == len(around)
    assert run_json("events", "import", str(stated))["files"][0]["added"] == 0
    careful = followed("careful")
    for moment in entered(careful).values():
        assert not any(timedelta(0) <= moment - news <= timedelta(minutes=40) for news in around)
    refused = [one for one in careful if one.why_not == "news: CPI"]
    unarmed = [
        one
        for one in careful
        if any(check.name == "news" and not check.passed for check in one.plan.checks)
    ]
    assert len(refused) >= len(around)  # each of them is exactly the minute of an entry
    assert len(entered(careful)) >= len(without) - len(refused) - len(unarmed)
    assert entered(followed("careless")) == without


@pytest.mark.parametrize("since", ["2024-01-01", ""])
def test_a_decision_goes_by_news_that_was_known_at_its_time(
    since: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_STRATEGY", "careful")
    settings = current_settings()
    day = date(2024, 10, 22 if since else 23)
    slot = slots_between(settings.market("mgc"), day, day)[1]
    path = tmp_path / "news.csv"
    at = slot.decision - timedelta(minutes=5)
    path.write_text(f"time,name,known_since\n{at.isoformat()},CPI,{since}\n")
    run("events", "import", str(path))
    planned = plan_slot.fn(predict_slot.fn("mgc", slot, "replay"))
    assert planned is not None
    plan = active_plan(planned.record)
    news = next(check for check in plan.checks if check.name == "news")
    assert news.passed == (not since)
    assert plan.armed == (not since)
    assert ("CPI, no entry" in news.words) == bool(since)


def test_news_is_shown_as_it_was_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'zone = "America/New_York"\n[[event]]\ntime = 2024-11-07T14:00:00\nname = "FOMC"\n'
        "known_since = 2024-08-01\n"
        '[[event]]\ntime = 2024-11-08T09:00:00\nname = "talk"\nimportance = "low"\n'
    )
    imported = run_json("events", "import", str(path), "--market", "mgc")
    assert (imported["market"], imported["files"][0]["events"]) == ("MGC", 2)
    period = ("--from", "2024-11-07", "--to", "2024-11-08")
    (event,) = run_json("events", "show", *period, "--known-at", "2024-10-01T09:00")
    assert (event["name"], event["time"]) == ("FOMC", "2024-11-07T19:00:00+00:00")
    assert run_json("events", "show", *period, "--known-at", "2024-07-01T09:00") == []
    assert "Fri 2024-11-08 05:00" in run("events", "show", *period)
    assert run_json("events", "show", *period, "--market", "nq") == []
    assert "no news is recorded" in run("events", "show", "--from", "2030-01-01")


def test_status_names_what_comes_within_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, clock = datetime(2027, 2, 10, 9, 0, tzinfo=UTC), tmp_path / "clock"
    set_clock(monkeypatch, clock, moment)
    soon = moment + timedelta(hours=3, minutes=5)
    path = tmp_path / "soon.csv"
    later = soon + timedelta(days=2)
    path.write_text(f"time,name\n{soon.isoformat()},NFP\n{later.isoformat()},PPI\n")
    run("events", "import", str(path))
    (market,) = run_json("status")["markets"]
    assert [event["name"] for event in market["news"]] == ["NFP"]
    set_clock(monkeypatch, clock, moment + timedelta(minutes=1))
    text = " ".join(run("status").split())
    assert "news: NFP (high)" in text
    assert "in 3 h 0" in text
    assert "PPI" not in text


def test_a_wrong_file_is_one_line_and_nothing_of_any_file_is_kept(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("time,name\n2031-01-14T13:30Z,CPI\n")
    bad.write_text("time,name\n2031-01-14 13:30,CPI\n")
    line = run("events", "import", str(good), str(bad), status=2)
    assert "bad.csv: line 2: time 2031-01-14 13:30:00 has no zone; give --zone" in line
    assert line.count("\n") == 1
    assert run_json("events", "show", "--from", "2031-01-01") == []
    line = run("events", "import", str(tmp_path / "no.csv"), status=2)
    assert "does not exist; check the path" in line
