"""The command line without a server: statuses, one-line errors, help."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from prefect.settings.models.server.events import ServerEventsSettings
from pydantic import BaseModel, ValidationError, model_serializer
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.cli.commands import SECTIONS
from deployments.cli.errors import OPERATOR, error_line, exit_status
from deployments.cli.operation import run as run_command
from flows.shadow_predict import shadow_predict
from flows.tune import tune
from ml_core.errors import DefectError, InputError, OperatorError, TransientError
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tests.ml_core.builders import MARKETS


def every(command: Any, *path: str) -> Iterator[list[str]]:
    """Yield every command and every group, by the words that call it."""
    yield list(path)
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from every(subcommand, *path, name)


COMMANDS = list(every(typer.main.get_command(app)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> tuple[int, str, str]:
    """Return the exit status, output and errors of a command run in this process."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "deployments.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: " ".join(path) or "orbcast")
def test_help_fits_a_terminal(command: list[str]) -> None:
    status, text, _ = run(*command, "--help")
    assert status == 0
    assert max(len(line) for line in text.splitlines()) <= 80
    listed = text.partition("Commands:")[2] if command else text.partition("First steps:")[2]
    assert "..." not in listed, "each line of a list of commands is whole"


def test_every_command_is_listed_below_one_heading() -> None:
    under = [name for commands in SECTIONS.values() for name in commands]
    assert sorted(under) == sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    _, text, _ = run("--help")
    headings = [line[:-1] for line in text.splitlines() if re.fullmatch(r"[A-Z][\w ,]+:", line)]
    assert headings == ["Options", *SECTIONS]


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "deployments.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    heavy = {"rich.progress", "pydantic", "numpy", "pyarrow", "duckdb", "sqlalchemy"}
    assert not loaded & {*heavy, "prefect", "matplotlib", "tasks.settings"}


HELPS = """
import json, sys
from typer.testing import CliRunner
from deployments.cli.app import app

terminal = CliRunner()
for command in json.loads(sys.stdin.read()):
    result = terminal.invoke(app, [*command, "--help"])
    assert result.exit_code == 0, (command, result.output)
    heavy = {"alembic", "duckdb", "lightgbm", "matplotlib", "numpy", "pandas", "prefect"}
    heavy |= {"pyarrow", "rich.console", "scipy", "sqlalchemy", "tasks.settings"}
    assert not heavy & set(sys.modules), (command, heavy & set(sys.modules))
"""

LISTS_WHAT_IS_INSTALLED = ["ingest"]
"""Its help names all kinds of source, including those of other packages."""


def test_no_command_s_help_imports_anything_heavy() -> None:
    commands = [command for command in COMMANDS if command != LISTS_WHAT_IS_INSTALLED]
    done = subprocess.run(
        [sys.executable, "-c", HELPS],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


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
    ids=lambda value: type(value).__name__,
)
def test_the_status_says_who_must_act(error: Exception, status: int) -> None:
    assert exit_status(error) == status
    assert "\n" not in error_line(error)


def test_an_unexpected_error_is_called_an_internal_error_and_points_to_debug() -> None:
    assert "--debug" in error_line(ZeroDivisionError("division by zero"))


def test_a_setting_that_prefect_does_not_take_is_named_and_no_internal_error() -> None:
    with pytest.raises(ValidationError) as raised:
        ServerEventsSettings.model_validate({"retention_period": "9{}0"})
    assert exit_status(raised.value) == OPERATOR
    line = error_line(raised.value)
    assert line.startswith("Prefect rejects one of its own settings (retention_period of ")
    assert "'9{}0'" in line


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
        (["explain", "X"], 2, "MGC:2025-06-30:0900"),
        (["explain", "MGC:2025-06-30:0900"], 2, "`orbcast predictions` lists"),
        (["models", "card"], 2, "orbcast run nightly-retrain"),
        (["recipes", "show", "mine"], 2, "residual-mirrored"),
        (["strategy", "show", "--strategy", "mine"], 2, "orb-default"),
        (["strategy", "check", "nowhere.toml"], 2, "does not exist"),
        (["strategy", "check", "."], 2, "is a folder, pipe or device; name a file"),
        (["ingest", "--source", "csv", "."], 2, "no file ends in .csv"),
        (["ingest", "--source", "duckdb", "."], 2, "is a folder and not a file"),
        (["import-legacy"], 2, "give --duckdb FILE"),
        (["import-legacy", "--registry", "nowhere"], 2, "is not a folder"),
        (["simulate", "--days", "2", "--out", "tests"], 2, "tests is a folder; name a file"),
        (["simulate", "--days", "99999999", "--out", "x.duckdb"], 2, "equal to 36525"),
        (["simulate", "--seed", "-1", "--out", "x.duckdb"], 2, "equal to 0"),
        (["audit", "lookahead", "--seed", "-1"], 2, "equal to 0"),
        (["tune", "--seed", "-1"], 2, "equal to 0"),
        (["power", "--lift", "-1"], 2, "a number above 0"),
        (["predictions", "--rows", "-1"], 2, "equal to 1"),
        (["predictions", "--range", "0700"], 2, "use one of"),
        (["predictions", "--mode", "never"], 2, "'live', 'replay'"),
        (["predictions", "--outcome", "never"], 2, "'timeout'"),
        (["performance", "--by", "year"], 2, "is not one of 'version'"),
        (["performance", "--last", "soon"], 2, "such as 90d"),
        (["models", "history", "--at", "noon"], 2, "2025-06-30T09:05"),
        (["strategy", "intents", "--since", "noon"], 2, "2025-06-30T09:05"),
        (["rollout", "step-up", "--to", "moon", "--reason", "x"], 2, "off, shadow"),
        (["rollout", "step-down", "--to", "shadow", "--reason", "x"], 2, "name a lower stage"),
        (["breaker", "open", "--reason", ""], 2, "give it one with --reason"),
        (["notify", "add", "pigeon", "desk", "--url-env", "HOME"], 2, "slack, teams"),
        (["notify", "add", "slack", "desk", "--url-env", "NOT_SET_AT_ALL"], 2, "export it first"),
        (["verify", "--head", "xyz"], 2, "8 to 64 digits"),
        (["approve"], 3, "start it with `orbcast up`"),
        (["refresh"], 2, "orbcast ingest"),
        (["refresh", "--event"], 3, "start it with `orbcast up`"),
        (["dashboard", "--port", "0"], 2, "equal to 1"),
        (["status", "--loudly"], 2, "no such option: --loudly; see `"),
        (["explain"], 2, "missing argument 'slot'; see `"),
        (["breaker", "open"], 2, "missing option '--reason'; see `"),
        (["stauts"], 2, "Did you mean 'stats', 'status'? See `"),
        (["models", "shwo"], 2, "Did you mean 'show'? See `"),
        (["--hoem", "x", "status"], 2, "--home"),
        (["--home", "pyproject.toml", "status"], 2, "is a file; name a folder"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
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


@pytest.mark.parametrize(
    "command",
    [
        ["predictions"],
        ["dataset", "--out", "x.parquet"],
        ["strategy", "backtest"],
        ["strategy", "trades"],
        ["study", "setups"],
        ["audit", "lookahead"],
        ["audit", "parity"],
        ["evaluate"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("home")
def test_days_the_wrong_way_round_are_refused_in_the_same_words(command: list[str]) -> None:
    status, _, errors = run(*command, "--from", "2025-06-30", "--to", "2025-06-01")
    assert status == 2
    assert errors == "orbcast: --from 2025-06-30 is after --to 2025-06-01; swap them\n"


def test_a_demo_does_not_mix_its_simulated_bars_into_a_home_of_ones_own(home: Path) -> None:
    spec = SourceSpec(kind="duckdb", paths=("/bars/mine.duckdb",))
    remember_source(home / "sources.toml", "mgc", spec)
    status, text, errors = run("--home", str(home), "demo")
    assert (status, text) == (2, "")
    assert "takes its bars of mgc from /bars/mine.duckdb" in errors
    assert not (home / "trader.duckdb").exists()


def test_a_wrong_market_file_is_refused_by_key_value_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        (MARKETS / "mgc.toml").read_text("utf-8").replace("Australia/Brisbane", "Mars/Olympus"),
        "utf-8",
    )
    done = start("bars", "status", "--market", "bad", ORBCAST_MARKETS_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "zone = 'Mars/Olympus'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["recipes", "show", "baseline"], ["recipes", "list"]])
def test_a_reader_who_has_enough_is_no_error(home: Path, command: list[str]) -> None:
    del home
    nobody, pipe = os.pipe()
    os.close(nobody)
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", *command],
        stdout=pipe,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(pipe)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("home")
def test_a_question_left_unanswered_is_reported_as_stopped() -> None:
    result = CliRunner().invoke(app, ["notify", "add", "slack", "desk"], input="")
    assert result.exit_code == 130
    assert result.stderr.endswith("stopped\n")


class Interrupted(BaseModel):
    """A result that Ctrl-C interrupts while it is written as JSON."""

    @model_serializer
    def written(self) -> dict[str, str]:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("home")
def test_a_ctrl_c_that_pydantic_took_for_an_error_is_reported_as_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.settings.current_settings", Interrupted().model_dump_json)
    assert run("bars", "status") == (130, "", "stopped\n")


def test_debug_shows_the_traceback_wherever_it_stands(home: Path) -> None:
    del home
    status, _, errors = run("bars", "status", "--debug", "--market", "gold")
    assert status == 2
    assert "Traceback" in errors


def test_an_empty_lake_is_reported_without_an_error(home: Path) -> None:
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


@pytest.mark.usefixtures("home")
def test_bars_without_a_volume_are_imported_where_the_command_permits_it(tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("ts_utc,open,high,low,close\n2024-01-02 23:00,1,1,1,1\n", "utf-8")
    ingest = ("ingest", "--source", "csv", str(bars))
    status, _, errors = run(*ingest)
    assert (status, "--no-volume" in errors) == (2, True)
    status, text, _ = run(*ingest, "--no-volume")
    assert (status, text.splitlines()[0][:18]) == (0, "MGC: 1 bars added,")


@pytest.mark.slow
def test_a_simulated_market_goes_from_database_to_dataset(home: Path, tmp_path: Path) -> None:
    database, rows = tmp_path / "sim.duckdb", tmp_path / "slots.parquet"
    mapped = ("--column", "contract=contract")
    assert run("simulate", "--days", "70", "--out", str(database))[0] == 0
    status, text, errors = run(
        "ingest", "--source", "duckdb", str(database), *mapped, "--remember"
    )
    assert (status, errors) == (0, "")
    assert "0 rows quarantined" in text
    assert (home / "sources.toml").exists()
    again = run("ingest", "--source", "duckdb", str(database), *mapped)
    assert "0 bars added, 0 revised" in again[1]
    status, text, _ = run("dataset", "--from", "2024-02-12", "--out", str(rows))
    assert status == 0
    assert rows.exists()
    assert "with a usable range" in text
    status, text, _ = run("audit", "lookahead", "--decisions", "12")
    assert status == 0
    assert "Clean" in text
    assert "--decisions 12" in run("audit", "lookahead", "--days", "2")[2], "of before"


@pytest.mark.parametrize("name", ["0900", "1000", "2300"])
def test_a_range_named_by_digits_is_a_name_on_the_command_line(name: str) -> None:
    predicts = shadow_predict.parameters.properties
    assert run_command._pair(f"opening_range={name}", predicts) == ("opening_range", name)
    assert run_command._pair("trials=20", tune.parameters.properties) == ("trials", 20)
