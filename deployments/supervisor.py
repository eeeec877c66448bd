"""One process that starts the Prefect server and the runner, and stops both."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from deployments.prefect_session import SERVER_FILE, answers
from ml_core.errors import OperatorError
from ml_core.files import written_atomically
from tasks.settings import Settings, prepare_environment

HOST = "127.0.0.1"
HEALTHY_WITHIN_SECONDS = 120.0
STOP_WITHIN_SECONDS = 8.0
_LOOK_EVERY_SECONDS = 0.25


class PortTakenError(OperatorError):
    """Another program listens where the server should."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port

    def __str__(self) -> str:
        return (
            f"port {self.port} on {HOST} is taken by another program; stop it, or choose another "
            "with `orbcast up --port 4201`"
        )


class AlreadyUpError(OperatorError):
    """A second instance on one home."""

    def __init__(self, home: str) -> None:
        super().__init__(home)
        self.home = home

    def __str__(self) -> str:
        return f"`orbcast up` is running for {self.home} already; use it, or stop it first"


class ChildDiedError(OperatorError):
    """The server or the runner ended by itself."""

    def __init__(self, name: str, status: int, log: str) -> None:
        super().__init__(name, status, log)
        self.name, self.status, self.log = name, status, log

    def __str__(self) -> str:
        return f"the {self.name} ended with status {self.status}; its last words are in {self.log}"


def supervise(where: Settings, port: int, say: Callable[[str], None] = print) -> int:
    """Run server and runner until SIGINT or SIGTERM; give the exit status.

    Parameters
    ----------
    where
        Settings; their home holds Prefect's database and the logs.
    port
        Of the server, on the loopback only.
    say
        Prints a line for the person.

    Raises
    ------
    PortTakenError, AlreadyUpError, ChildDiedError
        The operator must act.
    """
    for name in where.markets:
        where.market(name)  # a wrong name is told at once, not in a log
    where.database()
    where.prefect_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(where.prefect_dir / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyUpError(str(where.home)) from None
    try:
        _require_free(port)
        return _Children(where, port, say).run()
    finally:
        (where.prefect_dir / SERVER_FILE).unlink(missing_ok=True)
        lock.release()


class _Children:
    def __init__(self, where: Settings, port: int, say: Callable[[str], None]) -> None:
        self._where, self._port, self._say = where, port, say
        self._api = f"http://{HOST}:{port}/api"
        self._running: list[tuple[str, subprocess.Popen[bytes], Path]] = []
        self._stop = False

    def run(self) -> int:
        before = [(each, signal.signal(each, self._on_signal)) for each in _SIGNALS]
        try:
            self._start_all()
            while not self._stop:
                self._require_alive()
                time.sleep(_LOOK_EVERY_SECONDS)
        except ChildDiedError as error:
            self._tell(error)
            raise
        finally:
            self._end()
            for each, handler in before:
                signal.signal(each, handler)
        self._say("Stopped.")
        return 0

    def _start_all(self) -> None:
        prepare_environment(
            self._where, PREFECT_API_URL=self._api, PREFECT_RUNNER_POLL_FREQUENCY="2"
        )
        self._say(f"Starting the Prefect server on {HOST}:{self._port} (about 15 s) ...")
        self._start(
            "server",
            ["-m", "prefect", "server", "start", "--host", HOST, "--port", str(self._port)],
        )
        deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
        while not self._stop and not answers(self._api):
            self._require_alive()
            if time.monotonic() > deadline:
                raise ChildDiedError("server", 0, str(self._running[0][2]))
            time.sleep(_LOOK_EVERY_SECONDS)
        if self._stop:
            return
        with written_atomically(self._where.prefect_dir / SERVER_FILE) as temporary:
            temporary.write_text(json.dumps({"api": self._api, "pid": os.getpid()}), "utf-8")
        self._start("runner", ["-m", "deployments.runner"])
        self._say(f"Look at http://{HOST}:{self._port} : runs, deployments, and Run to start one.")
        self._say(f"Markets: {', '.join(self._where.markets)}. Home: {self._where.home}")
        self._say(f"Logs: {self._where.home / 'logs'}. Ctrl-C stops everything.")

    def _start(self, name: str, arguments: list[str]) -> None:
        log = self._where.home / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own modules
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                # a Ctrl-C in the terminal reaches this process alone, which then ends the others
                start_new_session=True,
            )
        self._running.append((name, child, log))

    def _require_alive(self) -> None:
        for name, child, log in self._running:
            status = child.poll()
            if status is not None:
                raise ChildDiedError(name, status, str(log))

    def _tell(self, error: ChildDiedError) -> None:
        """Tell a person: nobody else is left who could."""
        from tasks.notices import notify  # noqa: PLC0415 - Prefect, when all is over
        from tasks.settings import now  # noqa: PLC0415

        notify(
            self._where,
            "up",
            None,
            f"up {error.name} {now().isoformat()}",
            f"Orbcast stopped: the {error.name} died",
            f"{error}. Nothing is predicted, and no outcome logged, until it is started again: "
            f"orbcast --home {self._where.home} up",
        )

    def _end(self) -> None:
        """End the runner first, so that no run starts against a server that is going."""
        for name, child, _ in reversed(self._running):
            if child.poll() is None:
                self._say(f"Stopping the {name} ...")
                child.send_signal(signal.SIGTERM if name == "server" else signal.SIGINT)
            try:
                child.wait(STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop = True


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _require_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise PortTakenError(port) from None
