"""Health check of a Prefect server, without importing Prefect."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from tasks.runs.environment import THIS_MACHINE

HEALTHY_WITHIN_SECONDS = 120.0
"""Time that a starting server has until it must answer."""

_ANSWER_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.1


def is_healthy(url: str) -> bool:
    """Return whether a Prefect API says that it is healthy."""
    if not url.startswith(("http://", "https://")):
        return False
    # without a proxy: none leads back to this machine
    past: dict[str, str] | None = {} if urlsplit(url).hostname in THIS_MACHINE else None
    ask = urllib.request.build_opener(urllib.request.ProxyHandler(past))
    try:
        with ask.open(f"{url}/health", timeout=_ANSWER_SECONDS) as reply:
            return bool(reply.status == HTTPStatus.OK)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def wait_until_healthy(url: str, given_up: Callable[[], bool] = lambda: False) -> bool:
    """Wait until a starting server answers; return False if it does not or is given up."""
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while not given_up():
        if is_healthy(url):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_SECONDS)
    return False
