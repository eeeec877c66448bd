"""A ping after each log-outcomes run, to a service that alerts somebody when pings stop."""

from __future__ import annotations

import urllib.request

from tasks.notices.delivery import quietly
from tasks.settings import Settings

SECONDS = 5.0
"""Time limit for the service, so that it does not delay a run."""


def send_heartbeat(settings: Settings) -> None:
    """Request the URL in ``ORBCAST_HEARTBEAT_URL``, if it is set; a failure is logged."""
    url = settings.heartbeat_url.get_secret_value()
    if not url:
        return
    with (
        quietly("the heartbeat was not accepted"),
        urllib.request.build_opener().open(url, timeout=SECONDS) as reply,
    ):
        reply.read(1)
