"""Run commands in separate processes whose error stream is a terminal or a pipe."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROGRAM = (sys.executable, "-m", "deployments.cli")


@dataclass(frozen=True)
class Ended:
    """A finished command: its status, its output, and its error stream byte for byte."""

    status: int
    output: str
    errors: str

    @property
    def frames(self) -> list[str]:
        """What was drawn on the error stream, by line; a redrawn line counts as another one."""
        return re.split(r"[\r\n]+", ESCAPES.sub("", self.errors))


def at_a_terminal(
    home: Path, *arguments: str, program: Sequence[str] = PROGRAM, stop_at: str | None = None
) -> Ended:
    """Run a command whose error stream is a terminal.

    Parameters
    ----------
    home, arguments, program
        The command's home, arguments and program.
    stop_at
        Words on the error stream at which it gets one Ctrl-C.
    """
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    with _started(home, arguments, program, follower, TERM="xterm") as process:
        os.close(follower)
        ended = _followed(process, leader, stop_at)
    os.close(leader)
    return ended


def at_a_pipe(
    home: Path, *arguments: str, program: Sequence[str] = PROGRAM, stop_at: str | None = None
) -> Ended:
    """Run a command whose error stream is a pipe, in the same way."""
    with _started(home, arguments, program, subprocess.PIPE) as process:
        assert process.stderr is not None
        return _followed(process, process.stderr.fileno(), stop_at)


def _started(
    home: Path,
    arguments: Sequence[str],
    program: Sequence[str],
    errors: int,
    **environment: str,
) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.Popen(
        [*program, "--home", str(home), *arguments],
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**kept, **environment},
        text=True,
    )


def _followed(process: subprocess.Popen[str], errors: int, stop_at: str | None) -> Ended:
    """Read a process's output until it ends, and stop it when it writes certain words."""
    written: list[bytes] = []

    def read() -> None:
        stopped = stop_at is None
        with contextlib.suppress(OSError):  # a terminal's other end is closed
            while some := os.read(errors, 65536):
                written.append(some)
                if not stopped and stop_at in b"".join(written).decode(errors="replace"):
                    process.send_signal(signal.SIGINT)
                    stopped = True

    reading = threading.Thread(target=read)
    reading.start()
    assert process.stdout is not None
    output = process.stdout.read()
    reading.join()
    return Ended(process.wait(), output, b"".join(written).decode())
