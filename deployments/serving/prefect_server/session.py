"""Setup of Prefect for this process: which server it uses, and what it logs."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import tasks
from deployments import serving
from deployments.disk_space import require_room
from deployments.serving.prefect_server.health import is_healthy
from deployments.serving.prefect_server.temporary import temporary_server
from tasks.runs.environment import TEMPORARY_SERVER, prepare_environment
from tasks.settings import Settings, api_url

SERVER_FILE = "server.json"
"""File in the Prefect home while `orbcast up` runs: addresses of its API and the reports."""


@contextlib.contextmanager
def prefect_session(settings: Settings, *, level: str = "INFO") -> Iterator[str | None]:
    """Run flows in this process, on the running server or else on a temporary one.

    Child processes share the server. Call this before Prefect is imported. Yields the API of the
    running server, or None.

    Parameters
    ----------
    settings
        Settings; their home holds Prefect's database.
    level
        Lowest level of log lines to keep, and of Orbcast's own lines to show in the terminal.

    Raises
    ------
    NoTemporaryServerError
        No server is running, and a temporary one does not start.
    """
    running = api_url() or server_of(settings)
    more = {"PREFECT_LOGGING_LEVEL": level}
    if running is not None:
        more["PREFECT_API_URL"] = running
        if reports := _server_note(settings).get("reports"):
            more["ORBCAST_REPORTS_URL"] = reports
    require_room(settings.home)
    settings.prefect_dir.mkdir(parents=True, exist_ok=True)  # Prefect does not create parents
    prepare_environment(settings, **more)
    with contextlib.ExitStack() as stack:
        api = running or stack.enter_context(_on_a_temporary_server(settings))

        # heartbeats add a second to each flow, still in 3.9.1, and a crash here is seen anyway
        changed: dict[Any, Any] = {
            tasks.prefect_api.PREFECT_API_URL: api,
            tasks.prefect_api.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
        stack.enter_context(tasks.prefect_api.temporary_settings(changed))
        serving.terminal_log.show_own_words_only()
        yield running


@contextlib.contextmanager
def _on_a_temporary_server(settings: Settings) -> Iterator[str]:
    """Start a server for this process and its children; return its API."""
    with temporary_server(settings.home / "logs" / "temporary-server.log") as (api, wait):
        # before Prefect is imported: one of its threads reads the settings at that time only, and
        # would start another server
        os.environ |= {"PREFECT_API_URL": api, TEMPORARY_SERVER: "yes"}
        log_worker = tasks.prefect_api.APILogWorker  # imports Prefect while the server starts

        try:
            wait()
            yield api
        finally:
            log_worker.drain_all(timeout=5)  # later, these lines would find no server
            del os.environ["PREFECT_API_URL"], os.environ[TEMPORARY_SERVER]


def server_of(settings: Settings) -> str | None:
    """Return the API of the server that `orbcast up` runs for this home; None if it is silent."""
    url = _server_note(settings).get("api")
    return url if url and is_healthy(url) else None


def name_running_server(settings: Settings) -> None:
    """Have Prefect use the server of `orbcast up`, if it runs, for events and notices.

    Call this before Prefect is imported. A server that the user named is kept.
    """
    if api_url() is None and (server := server_of(settings)):
        prepare_environment(settings, PREFECT_API_URL=server)


def _server_note(settings: Settings) -> dict[str, str]:
    """Return the addresses that a running `orbcast up` noted; empty if none runs."""
    try:
        noted = json.loads((settings.prefect_dir / SERVER_FILE).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}
    return {name: str(value) for name, value in noted.items()}
