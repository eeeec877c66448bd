"""Supervision of real child processes: deaths, waits, and leftovers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments.serving import child_process
from deployments.serving.child_process import ChildProcess, end_left_behind, note_children
from tasks.runs.process_mark import is_gone, mark
from tests.waiting import wait_until

WITH_A_CHILD = (
    "import subprocess, sys, time;"
    "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(one.pid, flush=True); time.sleep(600)"
)
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)"
)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildProcess]:
    made = ChildProcess("child", ("-c", WITH_A_CHILD), tmp_path / "child.log", signal.SIGTERM)
    yield made
    made.end(0.0)


def first_line(child: ChildProcess) -> str:
    """Wait for and return the first line of a child."""
    wait_until(lambda: child.log.read_text("utf-8").endswith("\n"))
    return child.log.read_text("utf-8").strip().rpartition("\n")[2]


def pid_of(child: ChildProcess) -> int:
    return int(json.loads(child.marks[-1])[1])


def dead(child: ChildProcess) -> None:
    wait_until(lambda: child.status() is not None)


def ended(pid: int) -> bool:
    def is_so() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return True

    wait_until(is_so)
    return True


def test_each_death_in_a_row_doubles_the_wait_up_to_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [1000.0]
    monkeypatch.setattr(child_process.time, "monotonic", lambda: moment[0])
    short = ChildProcess("short", ("-S", "-c", "pass"), tmp_path / "log", signal.SIGTERM)
    waits = []
    for _ in range(8):
        short.start()
        dead(short)
        waits.append(short.note_death())
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert not short.may_start
    moment[0] += 60.0
    assert short.may_start


def test_a_death_after_a_steady_life_begins_a_new_row(
    child: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    child.deaths = 5
    child.start()
    os.kill(pid_of(child), signal.SIGKILL)
    dead(child)
    later = time.monotonic() + child_process.STEADY_AFTER + 1.0
    monkeypatch.setattr(child_process.time, "monotonic", lambda: later)
    assert child.note_death() == child_process.FIRST_WAIT


def test_what_a_killed_child_had_started_is_ended_with_it(child: ChildProcess) -> None:
    child.start()
    grandchild = int(first_line(child))
    os.kill(pid_of(child), signal.SIGKILL)
    assert ended(pid_of(child))
    assert psutil.pid_exists(grandchild)
    child.end(1.0)
    assert ended(grandchild)


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = ChildProcess("deaf", ("-c", DEAF), tmp_path / "deaf.log", signal.SIGTERM)
    deaf.start()
    assert first_line(deaf) == "deaf"
    pid = pid_of(deaf)
    deaf.end(0.2)
    assert ended(pid)


def test_a_new_supervisor_ends_what_a_killed_one_left(child: ChildProcess, tmp_path: Path) -> None:
    child.start()
    grandchild = int(first_line(child))
    note_children(tmp_path / "children.json", [child])
    assert end_left_behind(tmp_path / "children.json") == 1
    assert ended(pid_of(child))
    assert ended(grandchild)
    assert end_left_behind(tmp_path / "children.json") == 0


def test_another_process_of_the_same_number_is_let_be(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, start_new_session=True) as other:
        try:
            host, number, began = json.loads(mark(other.pid))
            noted = json.dumps([host, number, began - 3600.0])
            assert is_gone(noted)
            (tmp_path / "children.json").write_text(json.dumps([noted]), "utf-8")
            assert end_left_behind(tmp_path / "children.json") == 0
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize("text", ["", "{", "7", '["a"]', "[1]"])
def test_notes_that_cannot_be_read_end_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "children.json").write_text(text, "utf-8")
    assert end_left_behind(tmp_path / "children.json") == 0
