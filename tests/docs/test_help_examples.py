"""The examples in each command's `--help`: parsed for real, and run on the demo's home."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from prefect.settings import PREFECT_API_URL

from deployments.cli.app import app
from tests.docs.following import normalised
from tests.docs.page import steps_of
from tests.docs.pages import PAGES, path_of
from tests.docs.tables import EXCUSED
from tests.docs.terminal import terminal_in

_EXAMPLE = re.compile(r"^\s*(?:Examples?: )?(orbcast .*)$", re.MULTILINE)


@cache
def on_a_page() -> frozenset[str]:
    """Return the commands that are run because a page shows them."""
    steps = (step for name in PAGES for step in steps_of(path_of(name)))
    return frozenset(normalised(step.text) for step in steps if step.kind == "command") - set(
        EXCUSED
    )


THEIRS = "reads files of the reader's; bring-your-own-data.md runs it on others"
OWN_FILES = "reads files of the reader's; fills.md imports another"
OWN_NEWS = "reads files of the reader's; news.md imports another"
FLOW = "a flow of half a minute; a page runs it with other values"
APPROVAL = "answers a run that waits; approval.md does"
STORE = "store.md runs it, which names a store"
READ_ONLY: Mapping[str, str] = {
    "orbcast store status": STORE,
    "orbcast store push": STORE,
    "orbcast store pull": STORE,
    "orbcast store prune": STORE,
    "orbcast store prune --remove": "tests/deployments/test_store_command.py runs it",
    "orbcast demo --in var/demo": "tests/docs/conftest.py runs it",
    "orbcast ingest --source dbn ~/databento/mgc/": THEIRS,
    "orbcast ingest --source duckdb bars.duckdb --column contract=contract": THEIRS,
    "orbcast ingest DAT_ASCII_2024.csv --layout histdata --remember": THEIRS,
    "orbcast ingest es.csv --market es --zone America/New_York --dry-run": THEIRS,
    "orbcast events import 2026.csv --zone America/New_York": OWN_NEWS,
    "orbcast events import comex.toml --market mgc": OWN_NEWS,
    "orbcast fills import executions.csv --zone America/Chicago": OWN_FILES,
    "orbcast fills import mine.csv --zone UTC --columns "
    "time=When,side=What,quantity=Lots,price=At": OWN_FILES,
    "orbcast market costs mgc --slippage 1.4 --commission 1.30": (
        "changes the market of the others; tests/deployments/test_fills_report.py runs it"
    ),
    "orbcast import-legacy --duckdb old.duckdb --market mgc": "import-legacy.md runs it dry",
    "orbcast run nightly-retrain --param to_day=2025-06-30": FLOW,
    "orbcast run shadow-predict --param as_of=2025-06-30T09:05": FLOW,
    "orbcast run replay --param from_day=2025-04-01 --param to_day=2025-06-30": FLOW,
    "orbcast evaluate --market mgc --recipe residual-mirrored": FLOW,
    "orbcast evaluate --recipe plain-lightgbm --from 2023-01-01 --refit month "
    "--figures study.json": (FLOW),
    "orbcast tune --market mgc --trials 50": FLOW,
    "orbcast simulate --days 365 --edge 0.05 --out sim.duckdb": "quick-start.md runs it",
    "orbcast audit lookahead --decisions 200": "recipes.md runs it on fewer",
    "orbcast study setups --market mgc --figures setups.json": "evidence.md runs it",
    "orbcast strategy backtest --from 2024-01-01": "strategy.md runs it",
    "orbcast strategy backtest --strategy first-candle --json": "strategy.md runs it as text",
    "orbcast account chance trailing-intraday-50k --strategy six-ranges": (
        "accounts.md runs it on fewer days"
    ),
    "orbcast account chance own-money --strategy first-candle --strategy six-ranges": (
        "accounts.md runs it on fewer paths"
    ),
    "orbcast account chance own-money --days 250 --json": "accounts.md runs it as text",
    'orbcast approve 3f2a81c0 --reason "read the study, all conditions hold"': APPROVAL,
    'orbcast approve 3f2a81c0 --refuse --reason "not before the roll"': APPROVAL,
    "orbcast up --port 4201": "operate.md runs it",
    "orbcast receive --port 6201": "a server until it is stopped; feeds.md has it run by `up`",
    "orbcast db copy --to postgresql://orbcast@127.0.0.1/orbcast": "postgresql.md moves over",
    "orbcast notify automations": "`orbcast notify add` of notifications.md does it too",
}
"""Examples that are only parsed, and why."""

STATUSES: Mapping[str, int] = {
    "orbcast explain MGC:2025-06-30:0900": 2,  # the demo predicts only its last days
    "orbcast verify --head 3f9a61c2": 1,  # no such head
    'orbcast fills withdraw 3f9a01c2 --reason "a simulated account"': 2,  # no such import
    "orbcast fills report --from 2025-06-01": 2,  # no fills
    'orbcast verify --accept-restored --by ann --reason "disk failed, last week\'s backup"': 2,
    'orbcast models promote challenger --reason "passed the rule, seen by me"': 2,
    'orbcast rollout step-up --to advisory --reason "gates passed" --by ana': 2,
    'orbcast rollout step-down --to shadow --reason "doubt" --by ana': 2,  # it is at that stage
}
"""Examples that correctly end with a status other than 0 on the demo's home."""


def commands(group: Any = None) -> Iterator[Any]:
    """Yield each command that can be run, below this group or below all groups."""
    group = group or typer.main.get_command(app)
    for command in group.commands.values():
        if hasattr(command, "commands"):
            yield from commands(command)
        else:
            yield command


def examples() -> Iterator[str]:
    for command in commands():
        matches = re.findall(
            r"^\s*(?:Examples?: )?(orbcast .*)$", command.callback.__doc__, re.MULTILINE
        )
        assert matches, command.name
        yield from matches


def understood(example: str) -> None:
    """Parse an example with the real parser, which raises like the command line."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(example)[1:]
    context = command.make_context("orbcast", words)
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, command, words = command.resolve_command(context, rest)
        context = command.make_context(name, words, parent=context)


@pytest.mark.parametrize("example", sorted(set(examples())))
def test_the_parser_understands_each_example(example: str) -> None:
    understood(example)


def test_no_help_shows_the_markup_of_a_docstring() -> None:
    assert [command.name for command in commands() if "---" in (command.help or "")] == []


def test_an_example_that_is_wrong_is_not_understood() -> None:
    with pytest.raises(Exception, match="--loudly"):
        understood("orbcast status --loudly")


def test_what_is_only_read_is_an_example_and_on_no_page() -> None:
    assert set(READ_ONLY) <= set(examples()) - on_a_page()
    assert set(STATUSES) <= set(examples()) - set(READ_ONLY)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # includes a possible wait for the demo
def test_each_other_example_runs(demo: Path, tmp_path: Path, prefect_server: None) -> None:
    del prefect_server
    shutil.copytree(demo / "served", tmp_path / "var")
    chosen = [
        example
        for example in dict.fromkeys(examples())
        if example not in READ_ONLY and example not in on_a_page()
    ]
    chosen.sort(key=lambda example: "rollback" in example)  # last: others depend on what serves
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.in_one_process"],
        input=json.dumps([shlex.split(example)[1:] for example in chosen]),
        cwd=tmp_path,
        env={
            **terminal_in(tmp_path, demo / "clock").environment,
            "NTFY_URL": "ntfy://127.0.0.1:1/ranges",
            # a server of its own would take each command longer than its work
            "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    assert [
        f"{example}: {status}: {printed[-300:]}"
        for example, (status, printed) in zip(chosen, json.loads(done.stdout), strict=True)
        if status != STATUSES.get(example, 0)
    ] == []
