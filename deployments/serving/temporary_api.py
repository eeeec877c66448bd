"""The process of a temporary Prefect server: see ``temporary_server``."""

from __future__ import annotations

import socket
import sys
import threading

import uvicorn
from prefect.server.api.server import create_app


def _serve(descriptor: int) -> None:
    """Run the server until the command that started it closes its end of the pipe."""
    app = create_app(ephemeral=True, final=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))

    def end_with_the_command() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_the_command, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
