"""Commands that run until they are stopped, and how to tell that they are ready."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.dashboard.conftest import answers, free_port
from tests.docs.terminal import Terminal

_UP = re.compile(r"\b(orbcast( --home \S+)?|make) up\b")
_PAGE = re.compile(r"\b(orbcast( --home \S+)?|make) dashboard\b")
_WORKER = re.compile(r"\bdeployments\.distributed\.worker\b")
_SERVER = re.compile(r"\bprefect server start\b")
_REFUSED = 401


class Servers:
    """Assigns each server its own port, and remembers the last one."""

    def __init__(self) -> None:
        self.up = self.page = 0

    def __call__(self, terminal: Terminal, command: str) -> tuple[str, Callable[[], bool]] | None:
        """Return a server's command with its port, and a test for ready; None for others."""
        if _UP.search(command) or _SERVER.search(command):
            self.up = port = free_port()
            path = "deployments/name/recover/orbcast" if _UP.search(command) else "health"
            return (
                command.replace("{up}", str(port)),
                lambda: _responds(f"http://127.0.0.1:{port}/api/{path}"),
            )
        if _PAGE.search(command):
            self.page = port = free_port()
            return (
                command.replace("{page}", str(port)),
                lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"),
            )
        if _WORKER.search(command):
            api = terminal.environment["PREFECT_API_URL"]
            return command, lambda: _works(f"{api}/work_pools/local/workers/filter")
        return None


def _responds(url: str) -> bool:
    try:
        return answers_or_refuses(url)
    except (URLError, OSError):
        return False


def answers_or_refuses(url: str) -> bool:
    """Return whether a server responds, including one that asks for a secret."""
    try:
        with urlopen(url, timeout=2) as reply:  # noqa: S310 - our own server's
            return bool(reply.status == 200)
    except HTTPError as refused:
        return refused.code == _REFUSED


def _works(url: str) -> bool:
    request = Request(  # noqa: S310 - our own server's
        url, data=b"{}", headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urlopen(request, timeout=2) as reply:  # noqa: S310
            return bool(json.loads(reply.read()))
    except (URLError, OSError):
        return False
