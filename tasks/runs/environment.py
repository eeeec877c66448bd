"""The environment variables for Prefect and for processes started from here."""

from __future__ import annotations

import os

from tasks.settings import Settings

TEMPORARY_SERVER = "ORBCAST_PREFECT_IS_TEMPORARY"
"""Set where the Prefect server is one command's own: nobody else has runs there."""

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
"""Names by which a machine refers to itself."""


def prepare_environment(settings: Settings, **more: str) -> None:
    """Pass these settings to Prefect and to every process started from this one.

    Call this before Prefect is first imported, since Prefect reads its settings then. Variables
    that the user has set are kept, except those in ``more``.
    """
    os.environ["ORBCAST_HOME"] = str(settings.home)
    for name, value in prefect_environment(settings).items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = _past_proxies(os.environ.get(name) or os.environ.get("NO_PROXY", ""))
    os.environ.update(more)


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that tie Prefect to this installation.

    Without an API URL, a flow run starts Prefect's own temporary server on this home.
    """
    secret = settings.auth.get_secret_value()
    return {
        **({"PREFECT_API_AUTH_STRING": secret} if secret else {}),
        "PREFECT_HOME": str(settings.prefect_dir),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "DO_NOT_TRACK": "1",
    }


def is_temporary_server() -> bool:
    """Return whether the Prefect server is one command's own."""
    return TEMPORARY_SERVER in os.environ


def server_environment(settings: Settings, host: str, port: int) -> dict[str, str]:
    """Return further variables for the Prefect server of `orbcast up` and its clients.

    Concurrency slots held by runs are stored on disk, so that a restarted server knows them; runs
    are kept for ninety days; pages from other origins may not send requests.
    """
    values = {
        "PREFECT_API_URL": f"http://{host}:{port}/api",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": (f"http://{host}:{port},http://localhost:{port}"),
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
    }
    if secret := settings.auth.get_secret_value():
        values["PREFECT_SERVER_API_AUTH_STRING"] = secret
    return values


def _past_proxies(hosts: str) -> str:
    """Add this machine to the hosts reached without a proxy: no proxy leads back to it.

    >>> _past_proxies("intranet.example"), _past_proxies("")
    ('intranet.example,127.0.0.1,localhost,::1', '127.0.0.1,localhost,::1')
    """
    named = [part.strip() for part in hosts.split(",") if part.strip()]
    return ",".join(dict.fromkeys((*named, *THIS_MACHINE)))
