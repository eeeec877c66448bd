"""How everything stands in a few lines, of a home with nothing in it too; and stopping it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.prefect_session import SERVER_FILE
from tasks.breaker import change
from tasks.settings import now, settings


def told() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["status", "--json"])
    assert result.exit_code == 0, result.output
    (market,) = json.loads(result.stdout)["markets"]
    found: dict[str, Any] = market
    return found


@pytest.mark.usefixtures("home")
def test_an_empty_home_has_a_status() -> None:
    found = told()
    assert (found["stage"], found["breaker"], found["serves"]) == ("shadow", "closed", None)
    assert "server: not up" in CliRunner().invoke(app, ["status"]).stdout


@pytest.mark.usefixtures("own")
def test_a_trained_home_says_what_serves_and_that_the_breaker_is_open() -> None:
    change(settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=now())
    found = told()
    assert "(baseline)" in str(found["serves"])
    assert found["breaker"] == "open, by hand: doubt"
    assert str(found["last_bar"]).startswith("2024-11-")
    assert found["retrains_rest"] is None


@pytest.mark.usefixtures("own")
def test_the_status_is_one_screen_of_eighty_columns_with_todays_ranges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, ["status", "--market", "mgc"]).stdout.splitlines()
    assert len(shown) <= 24
    assert max(len(line.rstrip()) for line in shown) <= 100, "only what cannot be broken is longer"
    ranges = [each.name for each in settings().market("mgc").ranges]
    for name in ranges:
        assert any(line.startswith(name) for line in shown)
    assert [each["opening_range"] for each in told()["slots"]] == ranges


def test_down_stops_what_is_up_and_says_when_nothing_is(home: Path) -> None:
    assert "nothing is up" in CliRunner().invoke(app, ["down"]).stdout
    up = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    note = home / "prefect" / SERVER_FILE
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"api": "http://127.0.0.1:9/api", "pid": up.pid}), "utf-8")
    watcher = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", "--home", str(home), "down"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert up.wait(20) == -15
    assert "stopped" in watcher.communicate(timeout=20)[0]
