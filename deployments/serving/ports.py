"""Ports of this machine that servers listen on, and checks that they are free."""

from __future__ import annotations

import socket

from ml_core.errors import OperatorError

HOST = "127.0.0.1"

PREFECT_SERVER = "deployments.serving.prefect_server.process"
"""Module of the Prefect server's process, named here because importing it takes seconds."""


class PortInUseError(OperatorError):
    """Another program listens on the port of a server."""

    port: int
    other: str
    template = (
        f"port {{port}} on {HOST} is taken by another program; stop it, or choose another with "
        "`{other}`"
    )


def require_free(port: int, other: str) -> None:
    """Require that a port of the loopback interface is free.

    Parameters
    ----------
    port
        The port.
    other
        Command that chooses another port, for the message.

    Raises
    ------
    PortInUseError
        Another program listens on it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise PortInUseError(port, other) from None
