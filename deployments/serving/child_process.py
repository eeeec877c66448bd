"""A child process that is restarted with growing delays and ended with all its children."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ml_core.files import written_atomically
from tasks.runs.process_mark import is_gone, mark, process_number

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""First and longest wait, in seconds, before a restart; doubled with each death in a row."""

STEADY_AFTER = 120.0
"""Seconds after which a process counts as steady: its next death is the first in a row."""

_LEFT_BEHIND_SECONDS = 5.0


@dataclass(slots=True)
class ChildProcess:
    """A Python process that the supervisor keeps alive.

    Attributes
    ----------
    name, arguments, log
        Its name; the arguments after the interpreter; the file for its output.
    stop_signal
        Signal that asks it to end.
    environment
        Variables added to this process's environment.
    deaths
        Number of deaths in a row.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    stop_signal: signal.Signals
    environment: Mapping[str, str] = field(default_factory=dict)
    deaths: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _began: float = 0.0
    _next: float = 0.0
    _ever: list[str] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether it was started and no death has been recorded since."""
        return self._process is not None

    @property
    def marks(self) -> list[str]:
        """Marks of the process and of earlier ones, whose children may still live."""
        return self._ever

    def start(self) -> None:
        """Start it; its output is appended to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                # a Ctrl-C in the terminal reaches only the supervisor, which ends the others
                start_new_session=True,
            )
        self._began = time.monotonic()
        self._ever.append(mark(self._process.pid))

    def status(self) -> int | None:
        """Return its exit status; None while it runs."""
        return None if self._process is None else self._process.poll()

    def note_death(self) -> float:
        """Count its death; return the seconds until it may be started again."""
        alive = time.monotonic() - self._began
        self.deaths = 1 if alive > STEADY_AFTER else self.deaths + 1
        wait: float = min(FIRST_WAIT * 2.0 ** (self.deaths - 1), LONGEST_WAIT)
        self._next = time.monotonic() + wait
        self._process = None
        return wait

    @property
    def may_start(self) -> bool:
        """Whether it is not running and its wait is over."""
        return self._process is None and time.monotonic() >= self._next

    def end(self, within: float) -> None:
        """Ask it to end, then kill it and every process that it started.

        Parameters
        ----------
        within
            Seconds it has to end by itself.
        """
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
        for name in self._ever:
            _signal_group(name, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._process = None


def note_children(path: Path, children: list[ChildProcess]) -> None:
    """Write the running processes to a file, for the next supervisor if this one is killed."""
    with written_atomically(path) as temporary:
        temporary.write_text(
            json.dumps([one for child in children for one in child.marks]), "utf-8"
        )


def end_left_behind(path: Path) -> int:
    """End the processes that a killed supervisor left running; return their number."""
    try:
        marks = [str(load) for load in json.loads(path.read_text("utf-8"))]
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return 0
    alive = [name for name in marks if is_gone(name) is False]
    for process_mark in alive:
        _signal_group(process_mark, signal.SIGTERM)
    deadline = time.monotonic() + _LEFT_BEHIND_SECONDS
    while any(is_gone(name) is False for name in alive) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process_mark in marks:
        _signal_group(process_mark, signal.SIGKILL)
    path.unlink(missing_ok=True)
    return len(alive)


def _signal_group(process_mark: str, which: signal.Signals) -> None:
    """Send a signal to the process group of a process that we started.

    The group outlives its first process. If that number now belongs to another process, the group
    ended long ago, and no signal is sent.
    """
    gone = is_gone(process_mark)
    if gone is None:
        return
    number = process_number(process_mark)
    if gone and psutil.pid_exists(number):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(number, which)
