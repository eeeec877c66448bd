"""A temporary Prefect server for one command; it ends when the command ends or dies.

Prefect can start such a server, but it first imports the whole server into the command, waits for
it idly, and leaves it running when the command is killed.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deployments.serving.ports import PREFECT_SERVER
from deployments.serving.prefect_server.health import wait_until_healthy
from ml_core.errors import OperatorError

_END_WITHIN_SECONDS = 5.0
_HOST = "127.0.0.1"


class NoTemporaryServerError(OperatorError):
    """The temporary server did not start."""

    log: Path
    template = "no temporary Prefect server started here; the end of its log says why: {log}"


@contextlib.contextmanager
def temporary_server(log: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a server on a free loopback port; yield its API and a function that waits for it.

    Prefect's settings come from this process's environment. Do slow imports before waiting.

    Parameters
    ----------
    log
        File for its output, which is overwritten.

    Raises
    ------
    NoTemporaryServerError
        Raised while waiting: the server does not answer.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink, socket.create_server((_HOST, 0)) as port:
        api = f"http://{_HOST}:{port.getsockname()[1]}/api"
        server = subprocess.Popen(
            [sys.executable, "-m", PREFECT_SERVER, "descriptor", str(port.fileno())],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            pass_fds=[port.fileno()],
            # a Ctrl-C goes to the command only, which may still have to report to the server
            start_new_session=True,
        )

    def wait() -> None:
        if not wait_until_healthy(api, lambda: server.poll() is not None):
            raise NoTemporaryServerError(log)

    try:
        yield api, wait
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(_END_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
