"""An impossible operation ends in one line with a remedy and its status, and no half work."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.serving.runner import deployment
from tests.deployments.test_catalogue import SPECS
from tests.waiting import AT_MOST_SECONDS

DEAD = "http://127.0.0.1:9/api"
"""Port 9 (discard), on which nothing listens."""

OF_A_MARKET = (
    ["predict", "--at", "2025-06-30T09:05"],
    ["ingest", "bars.csv", "--source", "csv"],
    ["evaluate"],
    ["tune"],
    ["drift", "check"],
    ["drift", "show"],
    ["performance"],
    ["rollout", "status"],
    ["breaker", "status"],
    ["audit", "parity"],
    ["run", "log-outcomes"],
    ["models", "list"],
)
OF_THE_DATABASE = (
    ["status"],
    ["performance"],
    ["rollout", "status"],
    ["drift", "show"],
    ["notices"],
    ["predict", "--at", "2025-06-30T09:05"],
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that does not exist yet."""
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def invoke(*arguments: str) -> tuple[int, list[str]]:
    """Run a command; return its status and the lines of its errors."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stderr.strip().splitlines()


def orbcast(home: Path, *arguments: str, most: int | None = None, **more: str) -> Any:
    """Run a command as a separate process that cannot write a file larger than ``most`` bytes."""

    def limited() -> None:
        if most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(
        [sys.executable, "-m", "deployments.cli", "--home", str(home), *arguments],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=AT_MOST_SECONDS,
        preexec_fn=limited,
    )


@pytest.mark.parametrize("command", OF_A_MARKET, ids=" ".join)
def test_a_market_there_is_not_is_refused_before_anything_is_written(
    home: Path, command: list[str]
) -> None:
    status, lines = invoke(*command, "--market", "xyz")
    assert status == 2
    assert len(lines) == 1
    assert "there is no market 'xyz'" in lines[0]
    assert "use one of these: mgc" in lines[0]
    assert not home.exists()


@pytest.mark.parametrize("command", OF_THE_DATABASE, ids=" ".join)
def test_a_database_of_a_later_release_is_left_as_it_is(home: Path, command: list[str]) -> None:
    home.mkdir()
    kept = sqlite3.connect(home / "orbcast.sqlite")
    kept.executescript(
        "CREATE TABLE alembic_version (version_num TEXT);INSERT INTO alembic_version VALUES (9999)"
    )
    before = list(kept.iterdump())
    status, lines = invoke(*command)
    assert status == 3
    assert len(lines) == 1
    assert "has schema 9999, newer than this Orbcast supports; upgrade Orbcast" in lines[0]
    assert list(kept.iterdump()) == before
    kept.close()


@pytest.mark.parametrize("command", OF_THE_DATABASE, ids=" ".join)
def test_a_home_that_is_a_file_is_the_operator_s(home: Path, command: list[str]) -> None:
    home.write_text("not a folder", encoding="utf-8")
    status, lines = invoke(*command)
    assert status == 3
    assert len(lines) == 1
    assert "make the folder writable or set ORBCAST_HOME elsewhere" in lines[0]
    assert home.read_text(encoding="utf-8") == "not a folder"


def test_nothing_is_up_where_the_home_is_a_file(home: Path) -> None:
    home.write_text("not a folder", encoding="utf-8")
    result = CliRunner().invoke(app, ["down"])
    assert (result.exit_code, result.stdout) == (0, "not running\n")


def test_a_disk_without_room_is_named_and_the_next_try_finds_nothing_broken(
    tmp_path: Path,
) -> None:
    full = orbcast(tmp_path, "status", most=8192)
    assert full.returncode == 3
    (line,) = full.stderr.strip().splitlines()
    assert line.startswith("orbcast: database sqlite:")
    assert "the space left" in line
    assert orbcast(tmp_path, "status").returncode == 0


def test_a_server_that_does_not_answer_is_named_with_the_setting_that_names_it(
    tmp_path: Path,
) -> None:
    run = orbcast(tmp_path, "run", "log-outcomes", "--quiet", PREFECT_API_URL=DEAD)
    assert run.returncode == 3
    last = run.stderr.strip().splitlines()[-1]
    assert "Failed to reach API at http://127.0.0.1:9/api" in last
    assert "is PREFECT_API_URL right?" in last
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "orbcast.sqlite").exists()


def test_status_reports_a_named_server_that_does_not_respond(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setenv("PREFECT_API_URL", DEAD)
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"server: {DEAD} does not respond; start it, or unset")


@pytest.mark.parametrize(
    "command",
    [["audit", "parity"], ["drift", "show"]],
    ids=" ".join,
)
def test_days_that_are_no_days_are_refused(home: Path, command: list[str]) -> None:
    del home
    status, _ = invoke(*command, "--from", "soon")
    assert status == 2


def test_days_the_wrong_way_round_are_refused(home: Path) -> None:
    del home
    status, lines = invoke("audit", "parity", "--from", "2025-06-30", "--to", "2025-06-01")
    assert status == 2
    assert lines == ["orbcast: --from 2025-06-30 is after --to 2025-06-01; swap them"]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.entrypoint)
def test_the_run_form_describes_each_of_its_fields(spec: Any) -> None:
    form = deployment(spec)._parameter_openapi_schema
    missing = [name for name, field in form.properties.items() if not field.get("description")]
    assert missing == []
