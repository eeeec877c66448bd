"""What a command prints while its flow runs: only Orbcast's own words, none of Prefect's."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from registry.studies.trials import list_trials
from tasks.settings import current_settings
from tests.at_a_terminal import Ended, at_a_pipe, at_a_terminal
from tests.trained_market import give_prefect_database

pytestmark = pytest.mark.timeout(1900)  # this file takes minutes, so it starts early

ENGINE = re.compile(
    r"prefect|mark_run|flow run|task run|temporary|INFO|WARNING|Beginning|Finished"
)
"""Words of Prefect's own log lines, and of its work for Orbcast."""

_MAIN = """
import ml_core.learning.folds as folds
from deployments.cli.app import main
folds.MIN_TRAINING_DAYS = 140
main()
"""
SHORT = (sys.executable, "-c", _MAIN)
"""The command line, for a home of eleven months."""

QUICK = """
name = "quick"
kind = "residual"
refit = "month"

[directional]
max_rounds = 40
"""

EVALUATE = ("evaluate", "--recipe", "quick", "--from", "2024-11-01")
TUNE = ("tune", "--recipe", "quick", "--trials", "3", "--folds", "1", "--holdout", "1")
RETRAIN = ("run", "nightly-retrain", "--param", "to_day=2024-11-20")
OUTCOMES = ("run", "log-outcomes")

LINES = {
    EVALUATE: [r"Studying quick( on http\S+)? \.\.\."],
    TUNE: [
        r"Tuning quick( on http\S+)? \.\.\.",
        r"tune-mgc-quick-\S+: 0 of 3 trials are done",
        *(
            rf"trial {number} of 3: (0\.\d{{5}}|stopped early), best 0\.\d{{5}}"
            for number in (1, 2, 3)
        ),
    ],
    RETRAIN: [r"Running nightly-retrain( on http\S+)? \.\.\."],
}
"""Commands, and each one's lines of progress."""


@pytest.fixture
def quick(own: Path, prefect_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained home with a recipe that trains quickly, and no server."""
    give_prefect_database(prefect_database, own)
    (own / "recipes").mkdir()
    (own / "recipes" / "quick.toml").write_text(QUICK, "utf-8")
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    return own


@pytest.fixture
def served(quick: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home with a running server and no processes: to start them takes a command longest."""
    del prefect_server
    name_server(monkeypatch)
    return quick


def name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    monkeypatch.setenv("ORBCAST_TASK_RUNNER", "threads")


def fits(lines: list[str], patterns: list[str]) -> bool:
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def require_own_words(ended: Ended) -> None:
    assert ended.status == 0, ended.errors
    assert ENGINE.findall(ended.output + "\n".join(ended.frames)) == []
    assert ended.output.strip()


def require_lines_above_the_bar(ended: Ended, command: tuple[str, ...]) -> None:
    require_own_words(ended)
    drawn = re.compile(r"\d:\d\d:\d\d (so far|left)")
    frames = [frame.rstrip() for frame in ended.frames]
    assert [frame for frame in frames if drawn.search(frame)], "the bar"
    lines = [frame for frame in frames if frame and not drawn.search(frame)]
    assert fits(lines, LINES[command]), lines
    assert all(len(frame) <= 80 for frame in frames)


def test_at_a_pipe_a_run_prints_a_line_as_it_begins_and_its_result(served: Path) -> None:
    ended = at_a_pipe(served, *OUTCOMES)
    require_own_words(ended)
    api = str(PREFECT_API_URL.value())
    assert ended.errors == f"Running log-outcomes on {api} ...\n"
    assert ended.output.startswith("MGC: ")
    assert ended.output.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("home_of", "command"), [("quick", EVALUATE), ("served", RETRAIN)])
def test_at_a_pipe_progress_is_plain_lines_of_the_command_s_own(
    home_of: str, command: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    ended = at_a_pipe(request.getfixturevalue(home_of), *command, program=SHORT)
    require_own_words(ended)
    assert not re.search(r"[\r\x1b]", ended.errors + ended.output)
    assert fits(ended.errors.splitlines(), LINES[command]), ended.errors


@pytest.mark.slow
def test_at_a_terminal_the_same_lines_stand_above_the_bar(served: Path) -> None:
    require_lines_above_the_bar(at_a_terminal(served, *TUNE, program=SHORT), TUNE)


@pytest.mark.slow
def test_quiet_prints_the_result_alone(served: Path) -> None:
    ended = at_a_pipe(served, *TUNE, "--quiet", "--json", program=SHORT)
    assert (ended.status, ended.errors) == (0, "")
    assert json.loads(ended.output)["trials"] == 3


@pytest.mark.slow
def test_a_run_that_fails_is_one_line_and_with_debug_what_the_engine_has_to_say_of_it(
    served: Path,
) -> None:
    empty = served.parent / "empty"
    ended = at_a_pipe(empty, *RETRAIN, "--quiet")
    assert (ended.status, ended.output) == (2, "")
    assert ended.errors.startswith("orbcast: the lake has no bars of mgc")
    assert ended.errors.count("\n") == 1

    debugged = at_a_pipe(empty, *RETRAIN, "--quiet", "--debug")
    assert (debugged.status, debugged.output) == (2, "")
    assert debugged.errors.endswith(ended.errors)
    assert "Encountered exception during execution" in debugged.errors, "Prefect's own"
    assert "Beginning flow run" not in debugged.errors


@pytest.mark.slow
def test_ctrl_c_ends_a_study_in_a_line_and_it_can_be_made_again(served: Path) -> None:
    stopped = at_a_terminal(served, *EVALUATE, program=SHORT, stop_at="Folds of")
    assert stopped.status == 130
    assert stopped.output == ""
    assert "Traceback" not in stopped.errors
    assert stopped.frames[-2:] == ["stopped", ""]

    again = at_a_terminal(served, *EVALUATE, program=SHORT)
    require_lines_above_the_bar(again, EVALUATE)


@pytest.mark.slow
def test_ctrl_c_ends_a_search_in_a_line_and_it_goes_on_where_it_was(
    quick: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del prefect_server
    stopped = at_a_pipe(quick, *TUNE, program=SHORT, stop_at="trial 1 of 3")
    assert stopped.status == 130
    assert stopped.output == ""
    *printed, last = stopped.errors.splitlines()
    assert last == "stopped"
    assert fits(printed, LINES[TUNE][: len(printed)]), stopped.errors
    assert len(printed) >= 3  # a second trial may end before the signal comes

    name_server(monkeypatch)
    again = at_a_pipe(quick, *TUNE, program=SHORT)
    require_own_words(again)
    _, done, *trial_lines = again.errors.splitlines()
    recorded = re.fullmatch(r"tune-mgc-quick-\S+: ([123]) of 3 trials are done", done)
    assert recorded, again.errors
    assert int(recorded[1]) >= len(printed) - 2  # it may also be recorded but not printed
    assert fits(trial_lines, LINES[TUNE][2 + int(recorded[1]) :])
    trials = [
        trial
        for trial in list_trials(current_settings().database(), "MGC")
        if trial.study.startswith("tune-mgc-quick")
    ]
    assert [trial.state in {"complete", "pruned"} for trial in trials] == [True] * 3
