"""Who may ask a server of ours: by the name it is called by, the page that asks, and a secret."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from email.message import Message

from tasks.runs.environment import THIS_MACHINE


def host_names(port: int, *more: str) -> set[str]:
    """Return the values of the header Host that mean this machine, and ``more`` hosts.

    >>> sorted(host_names(5200))
    ['127.0.0.1:5200', '[::1]:5200', 'localhost:5200']
    """
    hosts = (f"[{name}]" if ":" in name else name for name in (*THIS_MACHINE, *more))
    return {f"{name}:{port}" for name in hosts}


def knows_the_secret(headers: Message | Mapping[str, str], secret: str) -> bool:
    """Return whether a request carries ``user:secret``; an empty one is not asked for."""
    if not secret:
        return True
    wanted = base64.b64encode(secret.encode()).decode()
    given = headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Basic {wanted}".encode())
