"""Whether a Prefect server answers, asked without importing Prefect."""

from __future__ import annotations

import urllib.error
import urllib.request
from urllib.parse import urlsplit

from tasks.environment import THIS_MACHINE

_ANSWER_SECONDS = 1.0


def answers(url: str) -> bool:
    """Tell whether a Prefect API says that it is healthy."""
    if not url.startswith(("http://", "https://")):
        return False
    # no proxy leads back to this machine
    past: dict[str, str] | None = {} if urlsplit(url).hostname in THIS_MACHINE else None
    ask = urllib.request.build_opener(urllib.request.ProxyHandler(past))
    try:
        with ask.open(f"{url}/health", timeout=_ANSWER_SECONDS) as reply:
            return bool(reply.status == 200)  # noqa: PLR2004 - HTTP OK
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
