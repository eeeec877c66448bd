"""How far something long is: on the error stream of a terminal, with the time left."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from deployments.cli.progress import Pace
from tasks import artifacts
from tasks.watching import watched

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_a_terminal(home: Path, *arguments: str) -> tuple[int, str, str]:
    """Status and output of a command whose error stream is a terminal, and what it showed."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    environment = {name: each for name, each in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli", "--home", str(home), *arguments],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**environment, "TERM": "xterm"},
        text=True,
    )
    os.close(follower)
    shown: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while some := os.read(leader, 65536):
                shown.append(some)

    reading = threading.Thread(target=read)
    reading.start()
    printed, _ = process.communicate()
    reading.join()
    os.close(leader)
    return process.returncode, printed, b"".join(shown).decode()


def test_the_time_left_is_shown_at_a_terminal_and_nothing_of_it_in_the_output(
    tmp_path: Path,
) -> None:
    database = tmp_path / "simulated.duckdb"
    status, printed, shown = at_a_terminal(
        tmp_path, "simulate", "--days", "400", "--out", str(database), "--json"
    )
    assert status == 0
    assert json.loads(printed)["file"] == str(database)
    frames = re.split(r"[\r\n]+", ESCAPES.sub("", shown))
    assert any(re.search(r"\d+ % \d:\d\d:\d\d left", each) for each in frames)
    assert all(len(each.rstrip()) <= 80 for each in frames)


def test_elsewhere_the_error_stream_stays_empty(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "deployments.cli", "--home", str(tmp_path)),
            *("simulate", "--days", "20", "--out", str(tmp_path / "simulated.duckdb")),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_done_before_does_not_make_the_rest_look_quick() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin(0.5)
    clock.now = 10.0
    pace.reached(0.6)
    assert pace.words == "0:00:40 left"


def test_what_takes_longer_than_it_looked_tells_the_time_gone_by() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now = 10.0
    pace.reached(0.5)
    clock.now = 25.0
    assert pace.words == "0:00:25 so far"
    pace.reached(1.0)
    assert pace.words == "0:00:25 so far"


def test_a_bar_that_a_flow_moves_in_the_ui_moves_for_whoever_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("prefect.artifacts.create_progress_artifact", lambda *_, **__: "id")
    monkeypatch.setattr("prefect.artifacts.update_progress_artifact", lambda *_: None)
    seen: list[tuple[float, str]] = []
    with watched(lambda share, words: seen.append((share, words))):
        move = artifacts.progress("folds", "Folds of mine", 0.25)
        move(0.5)
    move(0.75)
    assert seen == [(0.25, "Folds of mine"), (0.5, "Folds of mine")]
