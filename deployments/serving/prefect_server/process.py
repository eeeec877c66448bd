"""The process of a Prefect server: for `orbcast up`, a container, or one command.

Prefect's own command serves the same application but does not check the Host header.
"""

from __future__ import annotations

import socket
import sys
import threading

from deployments.http_guard import HostGuard, names_of
from deployments.serving.lasting_imports import lasting_imports
from deployments.serving.ports import HOST
from ml_core.on_demand import library
from tasks import settings

prefect_settings = library("prefect.settings")
uvicorn = library("uvicorn")


def _application(*, ephemeral: bool = False) -> HostGuard:
    """Return Prefect's application, which answers to this machine's names only."""
    with lasting_imports():
        from prefect.server.api.server import create_app  # noqa: PLC0415 - only within

        app = create_app(ephemeral=ephemeral, final=True)
    return HostGuard(app, names_of(settings.current_settings()))


def serve(port: int, host: str = HOST) -> None:
    """Serve API, UI and services until the process is asked to end."""
    app = _application()
    server = prefect_settings.get_current_settings().server
    uvicorn.run(
        app,
        host=host,
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


def serve_temporarily(descriptor: int) -> None:
    """Serve only the API on a socket until the command that started this closes its pipe."""
    app = _application(ephemeral=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))

    def end_with_the_command() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_the_command, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    kind, number = sys.argv[1:]
    if kind == "port":
        serve(int(number))
    else:
        serve_temporarily(int(number))
