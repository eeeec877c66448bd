"""A forked `orbcast` behaves like the installed one, except for its imports."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.docs.terminal import Terminal, terminal_in
from tests.waiting import AT_MOST_SECONDS

pytestmark = pytest.mark.slow


@pytest.fixture
def terminal(programs: Path, tmp_path: Path) -> Terminal:
    (tmp_path / "clock").write_text("0")
    return terminal_in(tmp_path, tmp_path / "clock", programs)


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        ("orbcast levitate", 2, "no such command 'levitate'"),
        ("ORBCAST_WORKERS=none orbcast status", 2, "ORBCAST_WORKERS='none'"),
        ("mkdir -p there && cd there && orbcast bars status --json", 0, '"MGC"'),
        ("orbcast models list | tr a-z A-Z", 0, "MGC HAS NO VERSION YET"),
        ("PREFECT_API_URL=http://127.0.0.1:9/api orbcast approve", 3, "Connection refused"),
    ],
)
def test_it_ends_and_prints_as_the_console_script_does(
    command: str, status: int, words: str, terminal: Terminal
) -> None:
    forked = terminal.run(command)
    terminal.programs = None
    installed = terminal.run(command)

    assert (installed.status, words in installed.printed) == (status, True), installed.printed
    assert forked == installed


def test_a_signal_ends_it_as_it_ends_the_console_script(
    terminal: Terminal, tmp_path: Path
) -> None:
    assert terminal.programs is not None
    with subprocess.Popen(
        [terminal.programs / "orbcast", "notify", "add", "email", "me"],
        cwd=tmp_path,
        env=terminal.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.read(1), "it asks for the URL, and waits for it"
        waiting.terminate()
        assert waiting.wait(AT_MOST_SECONDS) == -signal.SIGTERM
