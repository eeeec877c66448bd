"""The reader's terminal: a real shell in its own folder, with lasting exports."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.conftest import PROJECT
from tests.waiting import AT_MOST_SECONDS

log = logging.getLogger(__name__)

_LOOKED_AFTER_SECONDS = 0.1
_OF_ALL_TESTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SSL_CERT_FILE")
_SYSTEM = "/usr/local/bin:/usr/bin:/bin"
_THE_SHELLS_OWN = re.compile(r"(_|_status|SHLVL|OLDPWD|PWD|BASH\w*)")


@dataclass(frozen=True, slots=True)
class Done:
    """A finished command: its status and its whole output."""

    status: int
    printed: str


@dataclass(slots=True)
class Terminal:
    """A shell in ``folder``, with the project's environment active and none of the tests'.

    Attributes
    ----------
    folder
        The reader's current folder, which is also their home folder.
    environment
        The variables that are set; ``export`` adds to them.
    typed
        The reader's input when a command asks for it, by a part of the command.
    programs
        Folder of programs that replace those on the path, except for long-running commands.
    """

    folder: Path
    environment: dict[str, str]
    typed: dict[str, str] = field(default_factory=dict)
    programs: Path | None = None
    _up: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = field(default_factory=list)

    def run(self, command: str) -> Done:
        """Run a command to its end."""
        kept = self.folder / ".environment"
        script = (
            f"set -a\n{command}\n_status=$?\nexport -p > {shlex.quote(str(kept))}\nexit $_status\n"
        )
        first = f"{self.programs}:" if self.programs else ""
        began = time.monotonic()
        with subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment | {"PATH": first + self.environment["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            typed = next((text for part, text in self.typed.items() if part in command), "")
            try:
                printed, _ = process.communicate(typed, AT_MOST_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        log.info("%5.1f s  %s", time.monotonic() - began, command)
        if kept.exists():  # missing after a command that ends the shell
            self.environment = _exported(kept)
            self.environment["PATH"] = self.environment["PATH"].replace(first, "")
            kept.unlink()
        return Done(process.returncode, printed)

    def start(self, command: str, ready: Callable[[], bool]) -> Done:
        """Start a command that runs until it is stopped; return once it is ready or has ended."""
        file = (self.folder / f"started-{len(self._up)}.log").open("w+b")
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        self._up.append((process, file))
        began = time.monotonic()
        deadline = began + AT_MOST_SECONDS
        while process.poll() is None and not ready():
            if time.monotonic() > deadline:
                return Done(124, f"not ready after {AT_MOST_SECONDS:g} s\n{_read(file)}")
            time.sleep(_LOOKED_AFTER_SECONDS)
        log.info("%5.1f s  %s, ready", time.monotonic() - began, command)
        return Done(process.poll() or 0, _read(file))

    def stop(self) -> None:
        """Stop what still runs, like Ctrl-C: the last one first, as it may need the others."""
        while self._up:
            process, file = self._up.pop()
            with file:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)
                process.wait(AT_MOST_SECONDS)


def terminal_in(folder: Path, clock: Path, programs: Path | None = None) -> Terminal:
    """Return a terminal with the environment of this interpreter active."""
    active = Path(sys.prefix) / "bin"
    # `make` must find everything installed: it would install what runs these tests
    installed = folder / ".installed"
    installed.touch()
    return Terminal(
        folder,
        {
            "PATH": f"{active}:{_SYSTEM}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            "USER": "reader",
            "BROWSER": "true",
            "PYTHONPATH": str(PROJECT),
            # as in tests/conftest.py, with the reasons
            **{name: os.environ[name] for name in _OF_ALL_TESTS},
            "ORBCAST_CLOCK_FILE": str(clock),
            "MAKEFLAGS": f" -- BIN={active} STAMP={installed} PAGES={installed}",
        },
        programs=programs,
    )


PACKAGES = ("deployments", "flows", "tasks", "registry", "monitoring", "ml_core")


def copy_project(folder: Path) -> None:
    """Copy the files of a clone, so that no page can write into this one."""
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, folder / name)
    _copy_files(folder)


def link_project(copy: Path, folder: Path) -> None:
    """Make a further copy, whose packages are links: pages write to none of their files."""
    for name in PACKAGES:
        shutil.copytree(copy / name, folder / name, copy_function=os.link)
    _copy_files(folder)


def _copy_files(folder: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "prefect.yaml"):
        shutil.copy(PROJECT / name, folder / name)
    for lock in PROJECT.glob("requirements*.lock"):
        shutil.copy(lock, folder / lock.name)
    (folder / ".venv").symlink_to(sys.prefix)


def _read(file: IO[bytes]) -> str:
    return Path(file.name).read_text("utf-8", errors="replace")


def _exported(file: Path) -> dict[str, str]:
    """Read the output of `export -p` with a shell, since a shell quoted it."""
    read = subprocess.run(
        ["env", "-i", "bash", "-c", f". {shlex.quote(str(file))}; env -0"],
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (pair.partition("=") for pair in read.stdout.split("\0") if pair)
    return {name: value for name, _, value in pairs if not _THE_SHELLS_OWN.fullmatch(name)}
