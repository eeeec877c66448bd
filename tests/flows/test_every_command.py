"""Every command on a home with a history: JSON for scripts, and prose that fits 80 columns."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.demo import DemoResult
from flows.check_drift import check_drift
from flows.log_outcomes import log_outcomes
from flows.nightly_retrain import nightly_retrain
from ml_core.evidence.evaluation import Evaluation
from ml_core.evidence.promotion.trial_cost import trial_cost
from tasks.prediction.day_outlook import day_outlook
from tasks.settings import current_settings, now
from tasks.training.retrain.artifact import Retrained
from tasks.training.study_report import StudyResult
from tests.conftest import PROJECT
from tests.live_days import answer_live, set_clock
from tests.trained_market import copy_home, made_once

NOW = datetime(2024, 11, 28, 1, 30, tzinfo=UTC)
"""Thursday, 11:30 in Brisbane: three ranges of the day are closed, three are to come."""

FIRST_DAY = date(2024, 11, 26)
SLOT = "MGC:2024-11-27:0900"
LONG_NAME = "residual-small-tuned-on-the-latest-folds"
LONG = (
    "after looking at every figure of the last ninety days, with its interval, beside that of the "
    "corridor, and talking it over with the desk twice"
)
SIGNED = ("--reason", LONG, "--by", "ana-maria.of-the-desk@example.com")

QUICK = """
name = "quick"
kind = "residual"
refit = "month"

[directional]
max_rounds = 40
"""

EXECUTIONS = """\
Instrument,Action,Quantity,Price,Time,ID,E/X,Order ID,Commission,Account
MGC 12-24,Buy,1,2650.1,2024-11-26 01:12:00,151d7340c82841a9b245c942fb975c37,Entry,o1,$1.24,LIVE7
MGC 12-24,Sell,1,2652.3,2024-11-26 02:12:00,151d7340c82841a9b245c942fb975c38,Exit,o2,$1.24,LIVE7
MGC 12-24,Hold,1,2652.3,2024-11-26 02:12:00,151d7340c82841a9b245c942fb975c39,Exit,o2,$1.24,LIVE7
ES 12-24,Sell,1,6052.25,2024-11-26 02:12:00,151d7340c82841a9b245c942fb975c40,Exit,o3,$2.24,LIVE7
"""
"""A platform's executions, for `orbcast fills`."""

NEWS = """\
time,name,known_since
2024-11-28T13:30Z,Employment Cost Index of the whole civilian economy,2024-10-01
2024-11-27T19:00Z,FOMC,2024-10-01
"""

TELLS_NOTHING = {
    "up": "runs until it is stopped; `orbcast status --json` tells of it",
    "receive": "runs until it is stopped; a receipt answers each push",
    "down": "its exit status is the answer",
    "dashboard": "a page in a browser",
}
"""Commands without --json, and why."""

READING: dict[str, tuple[str, ...]] = {
    "status": (),
    "bars status": (),
    "market list": (),
    "market check": ("mgc",),
    "market calendars": ("cme",),
    "bars batches": (),
    "bars sources": (),
    "bars show": ("last",),
    "recipes list": (),
    "recipes show": (LONG_NAME,),
    "recipes diff": (LONG_NAME, "plain-lightgbm"),
    "features": ("--own",),
    "audit lookahead": ("--decisions", "6"),
    "audit parity": ("--from", "2024-11-20"),
    "power": ("--lift", "0.02", "--trades", "250", "--correct", "141"),
    "models list": (),
    "models show": ("challenger",),
    "models card": (),
    "models verify": (),
    "models history": (),
    "predict": ("--at", "2024-11-27T09:05"),
    "predictions": (),
    "explain": (SLOT,),
    "strategy show": (),
    "strategy check": ("own.toml",),
    "strategy worth": (),
    "strategy intents": (),
    "paper show": ("--from", "plans"),
    "account list": (),
    "account show": ("own-money",),
    "account check": ("own-account.toml",),
    "account chance": ("own-money", "--from", "2024-06-03", "--paths", "100"),
    "events show": (),
    "fills show": (),
    "fills report": ("--from", "2024-11-26"),
    "performance": (),
    "drift check": (),
    "drift show": (),
    "verify": (),
    "rollout status": (),
    "approve": (),
    "breaker status": (),
    "notices": (),
    "notify list": (),
}
"""Commands that read, with their arguments."""

DOING: dict[str, tuple[str, ...]] = {
    "demo": (),
    "ingest": ("--source", "duckdb", "trader.duckdb", "--column", "contract=contract"),
    "refresh": (),
    "market new": ("es", "--commission", "2.10", "--slippage", "1"),
    "market costs": ("mgc", "--slippage", "2", "--commission", "1.30"),
    "events import": ("news.csv", "--zone", "America/New_York"),
    "fills import": ("executions.csv", "--zone", "America/Chicago"),
    "fills withdraw": ("last", "--reason", LONG),
    "bars forget": ("last",),
    "dataset": ("--from", "2024-11-04", "--out", "rows.parquet"),
    "import-legacy": ("--registry", "."),
    "simulate": ("--days", "5", "--out", "simulated.duckdb"),
    "evaluate": ("--from", "2024-11-01", "--recipe", "baseline", "--quiet"),
    "tune": ("--recipe", "quick", "--trials", "1", "--folds", "1", "--holdout", "1", "--quiet"),
    "stats": ("--if", "weekday == 0", "--range", "0900", "--side", "up"),
    "strategy backtest": ("--from", "2024-11-01"),
    "strategy trades": ("--strategy", "orb-default", "--strategy", "six-ranges"),
    "paper run": ("--from", "plans"),
    "study setups": ("--range", "0900", "--rr", "1", "--day", "all", "--stop", "full"),
    "models promote": ("challenger", "--override", *SIGNED),
    "models rollback": SIGNED,
    "rollout approve": ("--to", "advisory", *SIGNED),
    "rollout step-up": ("--to", "auto", *SIGNED),
    "rollout step-down": ("--to", "off", *SIGNED),
    "breaker open": SIGNED,
    "breaker reset": SIGNED,
    "run": ("check-drift", "--quiet"),
    "notify add": ("webhook", "desk", "--url-env", "DESK_URL"),
    "notify remove": ("phone",),
    "notify off": ("phone", "break"),
    "notify on": ("phone", "break", "--market", "mgc"),
    "notify quiet": ("phone", "22:00", "07:00", "--zone", "Australia/Brisbane"),
    "notify test": (),
    "notify retry": (),
    "notify automations": (),
    "db upgrade": (),
    "db copy": ("--to", "sqlite:///copied.sqlite"),
    "store status": (),
    "store push": (),
    "store pull": (),
    "store prune": (),
}
"""Commands that change something, with their arguments."""

STATUS = {"rollout approve": 2, "rollout step-up": 2, "notify test": 3}
"""Commands that are refused here, or report findings; the others end with 0."""

ACCOUNT = 'name = "own"\nbalance = 1000\nrisk_money = 10\n'

EXPLAINS = {"status", "recipes list", "breaker status", "rollout status", "notices"}
"""Commands that show the long reason in full."""

DATA = {
    "recipes diff",
    "import-legacy",
    "left_out",
    *("groups", "years", "refused", "by_opinion", "hashes", "bars", "ranges", "trades"),
}
"""JSON documents, and objects in them, whose keys are data and not field names."""

A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command with its path, without groups."""
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from leaves(subcommand, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.fixture(scope="session")
def home_with_history(
    run_folder: Path,
    untouched_home: Path,
    prefect_server: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A home: two days of live predictions, a long version name, long reasons, notice, channel."""
    del prefect_server

    def live(folder: Path) -> None:
        home = shutil.copytree(untouched_home, tmp_path_factory.mktemp("history") / "home")
        give_a_history(home)
        copy_home(home, folder)

    return made_once(run_folder / "home-with-history", live)


def give_a_history(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(folder))
        settings = current_settings()
        own = settings.own_recipes_dir / f"{LONG_NAME}.toml"
        own.parent.mkdir()
        own.write_text(f'name = "{LONG_NAME}"\nkind = "residual"\nabout = "{LONG}"\nseeds = 2\n')
        nightly_retrain("mgc", LONG_NAME)
        run_in(patch, "models", "promote", "challenger", "--override", *SIGNED)
        set_clock(patch, folder / "clock", NOW)
        answer_live(patch, FIRST_DAY, NOW)
        log_outcomes("mgc")
        check_drift("mgc")
        run_in(patch, "audit", "parity")
        run_in(patch, "breaker", "open", *SIGNED)
        run_in(patch, "rollout", "step-down", "--to", "off", *SIGNED)
        run_in(patch, "rollout", "step-up", "--to", "shadow", *SIGNED)
        add_phone(patch)
        (folder / "executions.csv").write_text(EXECUTIONS, "utf-8")
        (folder / "news.csv").write_text(NEWS, "utf-8")
        run_in(patch, "events", "import", str(folder / "news.csv"))
        run_in(patch, "fills", "import", str(folder / "executions.csv"), "--zone", "UTC")


def add_phone(patch: pytest.MonkeyPatch) -> None:
    """Add the channel, or restore its URL: all homes of the tests share one Prefect."""
    patch.setenv("PHONE_URL", "http://127.0.0.1:9/hook")
    run_in(patch, "notify", "add", "webhook", "phone", "--url-env", "PHONE_URL")


def without_a_session(patch: pytest.MonkeyPatch) -> None:
    """Let commands use the tests' own Prefect server."""

    def session(settings: Any, **given: Any) -> contextlib.AbstractContextManager[str]:
        del settings, given
        return contextlib.nullcontext("the test server")

    patch.setattr("deployments.serving.prefect_server.session.prefect_session", session)


def run_in(patch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run a command that must succeed."""
    without_a_session(patch)
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output


@pytest.fixture
def home(
    home_with_history: Path,
    simulated_database: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A copy of that home, in the folder the commands' files are in."""
    folder = tmp_path / "home"
    copy_home(home_with_history, folder)
    (tmp_path / "trader.duckdb").symlink_to(simulated_database)
    (tmp_path / "news.csv").write_text("time,name\n2026-01-14T08:30,CPI\n", "utf-8")
    (tmp_path / "executions.csv").write_text(EXECUTIONS, "utf-8")
    (tmp_path / "own-account.toml").write_text(ACCOUNT, "utf-8")
    (tmp_path / "own.toml").write_text('name = "own"\nabout = "My own."\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORBCAST_HOME", str(folder))
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")
    monkeypatch.setenv("DESK_URL", "http://127.0.0.1:9/hook")
    monkeypatch.setattr("deployments.demo.run_demo", demo_without_running)
    monkeypatch.setattr("ml_core.learning.folds.MIN_TRAINING_DAYS", 140)
    (folder / "recipes" / "quick.toml").write_text(QUICK, "utf-8")
    without_a_session(monkeypatch)
    return folder


def demo_without_running(folder: Path, say: Any, on_share: Any) -> DemoResult:
    """Return what a demo would return, for an existing version."""
    on_share(0.5, "[1/6] Simulate: anything")
    say("[1/6] Simulate: anything  (1.0 s)")
    record = current_settings().models().versions("MGC")[-1]
    evaluation = Evaluation.from_json(json.loads((record.folder / "metrics.json").read_text()))
    study = StudyResult(
        symbol="MGC",
        recipe="quick",
        recipe_hash="a" * 64,
        verdict="a verdict",
        folds=("2024-09",),
        not_judged=(),
        counts=True,
        promotion=None,
        report="study.html",
        evaluation=evaluation,
        cost=trial_cost(2, 1),
        fills=None,
    )
    return DemoResult(
        home=folder,
        symbol="MGC",
        retrained=Retrained(
            verdict="words",
            symbol="MGC",
            champion="words",
            challenger="words",
            decision="words",
        ),
        study=study,
        evaluation=evaluation,
        truth={"bayes_accuracy": 0.7, "bayes_log_loss": float("nan")},
        report=Path("report.html"),
        outlook=day_outlook(current_settings().market("mgc"), now()),
        seconds=1.0,
    )


def invoke(
    monkeypatch: pytest.MonkeyPatch, path: str, *more: str, columns: int
) -> tuple[str, str]:
    """Run a command with its arguments from above; return its output and errors."""
    monkeypatch.setenv("COLUMNS", str(columns))
    if path == "approve":
        monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    if path in READING:  # other commands act now, after the training
        clock = Path(os.environ["ORBCAST_HOME"]) / "clock"
        monkeypatch.setenv("ORBCAST_CLOCK_FILE", str(clock))
    if path.startswith("notify"):
        add_phone(monkeypatch)
    if path.startswith("store"):
        folder = Path(os.environ["ORBCAST_HOME"]).with_name("store")
        monkeypatch.setenv("ORBCAST_STORE", f"file://{folder}")
    if path == "store prune":  # refused if the store lacks what the record names
        run_in(monkeypatch, "store", "push")
    given = {**READING, **DOING}[path]
    result = CliRunner().invoke(app, [*path.split(), *given, *more])
    assert result.exit_code == STATUS.get(path, 0), result.output
    return result.stdout, result.stderr


def refuse(constant: str) -> None:
    """Raise for a constant that Python reads but that is not JSON."""
    raise AssertionError(constant)


def fields(value: Any) -> Iterator[str]:
    """Yield the field names of every object, except objects whose keys are data."""
    for item in value if isinstance(value, list) else ():
        yield from fields(item)
    for name, item in value.items() if isinstance(value, dict) else ():
        yield name
        yield from fields(list(item.values()) if name in DATA and isinstance(item, dict) else item)


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a document."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else ():
        yield from texts(item)
    for item in value if isinstance(value, list) else ():
        yield from texts(item)


def test_each_command_has_json_unless_it_prints_no_data() -> None:
    without = {
        path
        for path, command in COMMANDS.items()
        if all("--json" not in p.opts for p in command.params)
    }
    assert without == set(TELLS_NOTHING)
    assert set(COMMANDS) == {*READING, *DOING, *TELLS_NOTHING}, "none is left out below"


NEEDS_PREFECT = {"audit parity", "drift check", "approve"}
"""Those of the reading commands whose work is done by a task."""

READS = """
import json, sys
from deployments.cli.app import app
from tests.docs.in_one_process import ended
for words in json.loads(sys.stdin.read()):
    status, told = ended(words)
    assert status == 0, (words, told)
    assert "prefect" not in sys.modules, words
"""


@pytest.mark.slow
def test_commands_that_only_read_do_not_wait_for_prefect_s_imports(home: Path) -> None:
    reading = [
        [*path.split(), *given] for path, given in READING.items() if path not in NEEDS_PREFECT
    ]
    done = subprocess.run(
        [sys.executable, "-c", READS],
        cwd=home.parent,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "ORBCAST_CLOCK_FILE": str(home / "clock"),
        },
        input=json.dumps(reading),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


HEAVY = {
    *("alembic", "arch", "duckdb", "evidently", "lightgbm", "matplotlib", "narwhals", "numpy"),
    *("optuna", "pandas.core", "pandas_market_calendars", "prefect", "pyarrow", "pyarrow.dataset"),
    *("pydantic_settings", "rich.progress", "scipy", "scipy.stats", "sklearn.base", "sqlalchemy"),
}
"""Packages that take long to import. Python also lists a refused import, so pandas and
scikit-learn are recognised by a submodule."""

TREES = {"lightgbm", "narwhals", "scipy"}

IMPORTS = {
    "models list": {"numpy", "sqlalchemy"},
    "status": {"numpy", "pyarrow", "sqlalchemy"},
    "predict": {"numpy", "pyarrow", "sqlalchemy", *TREES},
}
"""Which of them the commands that a trader waits for most may import, and do import."""


@pytest.mark.parametrize("path", IMPORTS)
def test_a_command_that_is_waited_for_imports_what_it_needs_and_no_more(
    path: str, home: Path
) -> None:
    given = READING[path]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "deployments.cli", *path.split(), *given],
        cwd=home.parent,
        env={**os.environ, "ORBCAST_CLOCK_FILE": str(home / "clock")},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported & HEAVY == IMPORTS[path]


@pytest.mark.parametrize("path", [*READING, *DOING])
def test_json_is_one_document_alone_whatever_the_width(
    path: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setenv("FORCE_COLOR", "1")
    printed, _ = invoke(monkeypatch, path, "--json", columns=40)
    if path in {"rollout approve", "rollout step-up"}:
        assert printed == "", "refused"
        return
    document = json.loads(printed, parse_constant=refuse)
    if path not in DATA:
        odd = [field for field in fields(document) if not re.fullmatch(r"[a-z][a-z0-9_]*", field)]
        assert odd == []
    times = [text for text in texts(document) if A_TIME.match(text) and " " not in text[11:]]
    assert [time for time in times if not re.fullmatch(r".{10}T.*\+00:00", time)] == []


@pytest.mark.parametrize("path", [*READING, *DOING])
def test_printed_text_fits_80_columns_and_nothing_is_cut(
    path: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, _ = invoke(monkeypatch, path, columns=80)
    documents = {"models show", "models card", "recipes show"}  # printed as they are
    if path not in documents:
        wide = [line for line in printed.splitlines() if len(line) > 80]
        assert [line for line in wide if " " in line.strip()] == []
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    if path in EXPLAINS:
        assert [word for word in LONG.split() if word not in printed] == [], "no word is cut"
    versions = [folder.name for folder in (home / "models" / "MGC").glob("*/*")]
    cut = [version for version in versions if version[:16] in printed and version not in printed]
    assert cut == [], "a version is there to be copied"


@pytest.mark.usefixtures("home")
def test_a_fault_with_json_is_one_line_on_the_error_stream_and_no_document() -> None:
    result = CliRunner().invoke(app, ["explain", "MGC:2024-11-27:0700", "--json"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("orbcast: ")
    assert result.stderr.count("\n") == 1


def test_an_empty_home_has_empty_lists_rather_than_prose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "empty"))
    for path in ("models list", "models history", "models verify", "drift show", "notify list"):
        result = CliRunner().invoke(app, [*path.split(), "--json"])
        assert (result.exit_code, result.stdout) == (0, "[]\n"), path
