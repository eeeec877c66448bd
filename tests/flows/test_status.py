"""The status in a few lines, even of an empty home; and interrupting it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.serving.prefect_server.session import SERVER_FILE
from tasks.health.breaker import change
from tasks.settings import current_settings, now
from tests.live_days import set_clock
from tests.waiting import AT_MOST_SECONDS


def market_status() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["status", "--json"])
    assert result.exit_code == 0, result.output
    (market,) = json.loads(result.stdout)["markets"]
    status: dict[str, Any] = market
    return status


@pytest.mark.usefixtures("home")
def test_an_empty_home_has_a_status() -> None:
    status = market_status()
    assert (status["stage"], status["breaker"], status["serves"]) == ("shadow", "closed", None)
    assert "server: not up" in CliRunner().invoke(app, ["status"]).stdout


@pytest.mark.usefixtures("own")
def test_a_trained_home_s_status_has_the_serving_version_and_the_open_breaker() -> None:
    change(current_settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=now())
    status = market_status()
    assert "(baseline)" in str(status["serves"])
    assert status["breaker"] == "open, by hand: doubt"
    assert str(status["last_bar"]).startswith("2024-11-")
    assert status["retrains_rest"] is None


@pytest.mark.usefixtures("own")
def test_the_exit_status_shows_a_monitor_that_something_is_wrong(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, own / "clock", SATURDAY)
    up = "deployments.cli.operation.status.serving.prefect_server.session.server_of"
    monkeypatch.setattr(up, lambda _settings: "http://127.0.0.1:9/api")
    monkeypatch.setattr(
        "deployments.cli.operation.status.serving.prefect_server.runs.runs_of", lambda *_: []
    )
    well = CliRunner().invoke(app, ["status", "--check"])
    assert (well.exit_code, well.stdout) == (0, "all is well\n")

    set_clock(monkeypatch, own / "clock", WEEKDAY_NOON)  # the first ranges are over
    change(current_settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=now())
    monkeypatch.setattr(up, lambda _settings: None)
    wrong = CliRunner().invoke(app, ["status", "--check"])
    assert wrong.exit_code == 4
    server, breaker, *slots = wrong.stdout.splitlines()
    assert server.startswith("server: not up")
    assert breaker == "MGC: the breaker is open, by hand: doubt"
    assert slots
    assert all("of 2024-11-28 has no prediction" in line for line in slots)
    result = CliRunner().invoke(app, ["status", "--check", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["problems"][0]) == (4, server)


WEEKDAY_NOON = datetime(2024, 11, 28, 2, 0, tzinfo=UTC)
LAST_RANGE_OVER = datetime(2024, 11, 28, 15, 0, tzinfo=UTC)
SATURDAY = datetime(2024, 11, 30, 3, 0, tzinfo=UTC)
CHRISTMAS = datetime(2024, 12, 25, 2, 0, tzinfo=UTC)


def screen_at(moment: datetime, own: Path, patch: pytest.MonkeyPatch) -> list[str]:
    set_clock(patch, own / "clock", moment)
    patch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(app, ["status", "--market", "mgc"]).stdout.splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
    return lines


RANGES = ["0900", "1000", "1100", "1800", "2300", "0030"]


def first_words(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines if line[:4] in RANGES]


@pytest.mark.parametrize("moment", [WEEKDAY_NOON, LAST_RANGE_OVER], ids=["noon", "after the last"])
def test_the_status_is_one_screen_of_eighty_columns_with_todays_ranges(
    moment: datetime, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = screen_at(moment, own, monkeypatch)
    assert first_words(lines) == RANGES
    assert any(line.startswith("Thu 28 Nov  decided") for line in lines)
    over = moment == LAST_RANGE_OVER
    assert (
        any(line.startswith("  next opening ranges, Fri 29 Nov: 0900") for line in lines) == over
    )
    market = market_status()
    assert [slot["opening_range"] for slot in market["slots"]] == RANGES
    assert market["outlook"]["closed"] is None


@pytest.mark.parametrize(
    ("moment", "today", "next_day"),
    [
        (SATURDAY, "Sat 30 Nov 2024 is no trading day (weekend)", "Mon 02 Dec"),
        (CHRISTMAS, "Wed 25 Dec 2024 is no trading day (holiday)", "Thu 26 Dec"),
    ],
    ids=["weekend", "holiday"],
)
def test_on_a_closed_day_the_status_says_why_and_has_the_next_day_s_ranges(
    moment: datetime, today: str, next_day: str, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = screen_at(moment, own, monkeypatch)
    assert f"  today: {today}" in lines
    assert any(
        line.split() == [*next_day.split(), "opens", "decided", "Australia/Brisbane"]
        for line in lines
    )
    assert first_words(lines) == RANGES
    assert any(line.startswith("0900        09:00  09:05    in ") for line in lines)
    market = market_status()
    weekend = market["outlook"]["closed"] == "weekend"
    assert [slot["state"] for slot in market["slots"]] == ([] if weekend else ["closed"] * 6)
    assert market["outlook"]["closed"] in today
    assert [
        opening_range["opening_range"] for opening_range in market["outlook"]["next_ranges"]
    ] == RANGES


def left_by_a_server(home: Path) -> Path:
    """Write what Prefect's server leaves of its runs, as far as it is read."""
    path = home / "prefect" / "prefect.db"
    path.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            CREATE TABLE flow (id TEXT, name TEXT);
            CREATE TABLE flow_run (flow_id TEXT, start_time TEXT, state_name TEXT,
                                   parent_task_run_id TEXT);
            INSERT INTO flow VALUES ('a', 'shadow-predict'), ('b', 'log-outcomes'), ('c', 'part');
            INSERT INTO flow_run VALUES
                ('a', '2025-06-29 22:05:02.000001', 'Completed', NULL),
                ('a', '2025-06-29 23:05:02.000001', 'Failed', NULL),
                ('b', '2025-06-29 23:15:00.000001', 'Completed', NULL),
                ('b', NULL, 'Scheduled', NULL),
                ('c', '2025-06-29 23:20:00.000001', 'Completed', 'of another');
            """
        )
    return path


def test_of_a_server_that_is_down_the_last_runs_are_known_and_none_comes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    path = left_by_a_server(home)
    before = path.read_bytes()
    result = CliRunner().invoke(app, ["status", "--json"])
    assert json.loads(result.stdout)["runs"] == [
        {
            "flow": "log-outcomes",
            "when": "2025-06-29T23:15:00.000001+00:00",
            "state": "Completed",
        },
        {"flow": "shadow-predict", "when": "2025-06-29T23:05:02.000001+00:00", "state": "Failed"},
    ]
    printed = CliRunner().invoke(app, ["status"]).stdout
    assert "log-outcomes completed 2025-06-29 23:15, shadow-predict failed" in printed
    assert "next runs (UTC): none while the server is down" in printed
    assert path.read_bytes() == before


def test_a_server_s_database_that_cannot_be_read_hides_nothing_else(home: Path) -> None:
    left_by_a_server(home).write_bytes(b"no database" * 100)
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 0
    assert "last runs (UTC): none yet" in result.stdout
    assert "MGC: stage shadow" in result.stdout


def test_two_markets_have_a_part_each(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    monkeypatch.setenv("ORBCAST_MARKETS", "mgc,nq")
    monkeypatch.setenv("COLUMNS", "80")
    assert "ranges today" not in CliRunner().invoke(app, ["status", "--market", "nq"]).stdout
    lines = CliRunner().invoke(app, ["status"]).stdout.splitlines()
    parts = [line.partition(":")[0] for line in lines if ": stage " in line]
    assert parts == ["MGC", "NQ"]
    (at,) = [at for at, line in enumerate(lines) if "ranges today" in line]
    table = lines[at + 1 : at + 3]
    assert [line.split()[:3] for line in table] == [
        ["MGC", "shadow", "closed"],
        ["NQ", "shadow", "closed"],
    ]
    assert max(len(line) for line in lines) <= 80


def test_down_stops_what_is_up_and_reports_when_nothing_is(home: Path) -> None:
    assert "not running" in CliRunner().invoke(app, ["down"]).stdout
    up = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note = home / "prefect" / SERVER_FILE
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"api": "http://127.0.0.1:9/api", "pid": up.pid}), "utf-8")
    watcher = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", "--home", str(home), "down"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert up.wait(AT_MOST_SECONDS) == -15
    assert "stopped" in watcher.communicate(timeout=AT_MOST_SECONDS)[0]
