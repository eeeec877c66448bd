"""The command line without a server: statuses, one-line errors, help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli import run as run_command
from deployments.cli.app import app
from deployments.cli.errors import line_of, status_of
from flows.shadow_predict import shadow_predict
from flows.tune import tune
from ml_core.errors import DefectError, InputError, OperatorError, TransientError
from tests.ml_core.builders import MARKETS

COMMANDS = (
    [],
    ["demo"],
    ["ingest"],
    ["refresh"],
    ["bars", "status"],
    ["dataset"],
    ["audit", "lookahead"],
    ["run"],
    ["predict"],
    ["models", "list"],
    ["models", "show"],
    ["models", "verify"],
    ["models", "promote"],
    ["models", "history"],
    ["evaluate"],
    ["tune"],
    ["performance"],
    ["power"],
    ["recipes", "list"],
    ["recipes", "show"],
    ["recipes", "diff"],
    ["study", "setups"],
    ["verify"],
    ["explain"],
    ["breaker", "status"],
    ["breaker", "open"],
    ["breaker", "reset"],
    ["models", "rollback"],
    ["up"],
    ["simulate"],
    ["db", "upgrade"],
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a command in this process."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "deployments.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: " ".join(each) or "orbcast")
def test_help_fits_a_terminal(command: list[str]) -> None:
    status, text, _ = run(*command, "--help")
    assert status == 0
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("x"), 2),
        (OperatorError("x"), 3),
        (DefectError("x"), 4),
        (ValueError("x"), 4),
        (TransientError("x"), 5),
        (PermissionError("x"), 3),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_status_says_who_must_act(error: Exception, status: int) -> None:
    assert status_of(error) == status
    assert "\n" not in line_of(error)


def test_an_unexpected_error_is_called_a_defect_and_points_to_debug() -> None:
    assert "--debug" in line_of(ZeroDivisionError("division by zero"))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["bars", "status", "--market", "gold"], 2, "use one of these: mgc, nq"),
        (["ingest", "--source", "dbn", "nowhere.dbn"], 2, "does not exist"),
        (["ingest", "--source", "xls", "a.xls"], 2, "'xls' cannot be used"),
        (["ingest", "--source", "csv", "a", "--column", "ts"], 2, "--column ts=my_time_column"),
        (["dataset", "--out", "x.parquet"], 2, "orbcast ingest --market mgc"),
        (["dataset", "--out", "x.parquet", "--stop", "none"], 2, "label option stop"),
        (["dataset", "--out", "x.parquet", "--roll", "never"], 2, "same_day_volume"),
        (["audit", "lookahead", "--from", "soon"], 2, "a day such as 2025-06-30"),
        (["predict", "--at", "noon"], 2, "2025-06-30T09:05"),
        (["predict", "--at", "2025-06-30T09:05"], 2, "orbcast run nightly-retrain"),
        (["models", "show", "champion"], 2, "orbcast run nightly-retrain"),
        (["models", "rollback", "--reason", "x"], 2, "orbcast models promote"),
        (["simulate", "--edge", "0.9", "--out", "x.duckdb"], 2, "such as 0.03"),
        (["run", "dance"], 2, "nightly-retrain"),
    ],
    ids=lambda each: " ".join(each)[:40] if isinstance(each, list) else None,
)
def test_bad_input_is_one_line_with_its_remedy(
    home: Path, arguments: list[str], status: int, words: str
) -> None:
    got, _, errors = run(*arguments)
    assert got == status
    assert words in errors
    assert errors.startswith("orbcast: ")
    assert errors.count("\n") == 1
    assert not (home / "lake" / "MGC" / "bars").exists()


def test_a_wrong_market_file_is_refused_by_key_value_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        (MARKETS / "mgc.toml").read_text("utf-8").replace("Australia/Brisbane", "Mars/Olympus"),
        "utf-8",
    )
    done = start("bars", "status", "--market", "bad", ORBCAST_MARKETS_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "zone = 'Mars/Olympus'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_debug_shows_the_traceback_wherever_it_stands(home: Path) -> None:
    del home
    status, _, errors = run("bars", "status", "--debug", "--market", "gold")
    assert status == 2
    assert "Traceback" in errors


def test_an_empty_lake_is_told_without_an_error(home: Path) -> None:
    status, text, _ = run("bars", "status")
    assert status == 0
    assert "no bars yet" in text
    assert not home.exists()


def test_a_database_that_is_none_is_the_operator_s(tmp_path: Path) -> None:
    broken = tmp_path / "orbcast.sqlite"
    broken.write_bytes(b"not a database at all, but long enough to be read as one" * 40)
    done = start("models", "list", ORBCAST_HOME=str(tmp_path))
    assert done.returncode == 3
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_simulated_market_goes_from_database_to_dataset(home: Path, tmp_path: Path) -> None:
    database, rows = tmp_path / "sim.duckdb", tmp_path / "slots.parquet"
    mapped = ("--column", "contract=contract")
    assert run("simulate", "--days", "70", "--out", str(database))[0] == 0
    status, text, errors = run(
        "ingest", "--source", "duckdb", str(database), *mapped, "--remember"
    )
    assert (status, errors) == (0, "")
    assert "0 rows set aside" in text
    assert (home / "sources.toml").exists()
    again = run("ingest", "--source", "duckdb", str(database), *mapped)
    assert "0 bars added, 0 revised" in again[1]
    status, text, _ = run("dataset", "--from", "2024-02-12", "--out", str(rows))
    assert status == 0
    assert rows.exists()
    assert "with a usable range" in text
    status, text, _ = run("audit", "lookahead", "--days", "2")
    assert status == 0
    assert "Clean" in text


@pytest.mark.parametrize("name", ["0900", "1000", "2300"])
def test_a_range_named_by_digits_is_a_name_on_the_command_line(name: str) -> None:
    predicts = shadow_predict.parameters.properties
    assert run_command._pair(f"opening_range={name}", predicts) == ("opening_range", name)
    assert run_command._pair("trials=20", tune.parameters.properties) == ("trials", 20)
