"""A Prefect server for one command, where none is up; it ends with the command, however that ends.

Prefect can start one by itself, but imports all of the server into the command first, waits for it
idly, and leaves it behind when the command is killed. Run as a module, this file is the server.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from deployments.serving.prefect_health import answers_in_time
from ml_core.errors import OperatorError

_END_WITHIN_SECONDS = 5.0
_HOST = "127.0.0.1"


class NoTemporaryServerError(OperatorError):
    """It did not come up."""

    log: Path
    template = "no temporary Prefect server came up here; its last words are in {log}"


@contextlib.contextmanager
def temporary_server(log: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a server on a free port of the loopback; yield its API, and what waits for it.

    Prefect's settings are those of this process's environment. What takes long to import is best
    imported before waiting.

    Parameters
    ----------
    log
        Where its words go, from the beginning.

    Raises
    ------
    NoTemporaryServerError
        By what waits: it does not answer.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink, socket.create_server((_HOST, 0)) as port:
        api = f"http://{_HOST}:{port.getsockname()[1]}/api"
        server = subprocess.Popen(  # noqa: S603 - this file
            [sys.executable, "-m", "deployments.serving.temporary_server", str(port.fileno())],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            pass_fds=[port.fileno()],
            # a Ctrl-C is the command's, which may have something to tell the server yet
            start_new_session=True,
        )

    def wait() -> None:
        if not answers_in_time(api, lambda: server.poll() is not None):
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


def _serve(descriptor: int) -> None:
    """Be the server, until the command that reads nothing and says nothing closes its end."""
    import uvicorn  # noqa: PLC0415 - the server's own
    from prefect.server.api.server import create_app  # noqa: PLC0415

    app = create_app(ephemeral=True, final=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))

    def end_with_the_command() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_the_command, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
