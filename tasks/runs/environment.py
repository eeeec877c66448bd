"""The environment that Prefect and processes started from here find."""

from __future__ import annotations

import os

from tasks.settings import Settings

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
"""Names it has for itself."""


def prepare_environment(settings: Settings, **more: str) -> None:
    """Hand these settings to Prefect and to every process started from this one.

    To be called before Prefect is first imported, since it reads its settings then. What the
    person has set stays, except ``more``.
    """
    os.environ["ORBCAST_HOME"] = str(settings.home)
    for name, value in settings.prefect_environment().items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = _past_proxies(os.environ.get(name) or os.environ.get("NO_PROXY", ""))
    os.environ.update(more)


def _past_proxies(hosts: str) -> str:
    """Add this machine to the hosts that are asked directly: no proxy leads back to it.

    >>> _past_proxies("intranet.example"), _past_proxies("")
    ('intranet.example,127.0.0.1,localhost,::1', '127.0.0.1,localhost,::1')
    """
    named = [part.strip() for part in hosts.split(",") if part.strip()]
    return ",".join(dict.fromkeys((*named, *THIS_MACHINE)))
