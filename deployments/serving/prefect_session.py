"""Prefect made ready for this process: which server it talks to, and how it speaks."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deployments.debugging import DEBUGGING
from deployments.disk_space import require_room
from deployments.serving.prefect_health import answers
from deployments.serving.temporary_server import temporary_server
from tasks.runs.environment import prepare_environment
from tasks.settings import Settings, api_url

SERVER_FILE = "server.json"
"""In the Prefect home while `orbcast up` runs: where its API and the reports are."""


@contextlib.contextmanager
def prefect_session(settings: Settings, *, level: str = "INFO") -> Iterator[str | None]:
    """Run flows in this process: on the server that is up, else on a temporary one.

    Processes that it starts share the server. Nothing of Prefect may have been imported before.
    Yields the API of the one that is up, or None.

    Parameters
    ----------
    settings
        Settings; their home holds Prefect's database.
    level
        Least level of log lines kept, and of Orbcast's own shown in the terminal.

    Raises
    ------
    NoTemporaryServerError
        None is up, and none comes up.
    """
    running = api_url() or server_of(settings)
    more = {"PREFECT_LOGGING_LEVEL": level}
    if running is not None:
        more["PREFECT_API_URL"] = running
        if reports := _noted(settings).get("reports"):
            more["ORBCAST_REPORTS_URL"] = reports
    require_room(settings.home)
    settings.prefect_dir.mkdir(parents=True, exist_ok=True)  # Prefect makes no parents
    prepare_environment(settings, **more)
    with contextlib.ExitStack() as stack:
        api = running or stack.enter_context(_on_a_temporary_server(settings))
        from prefect.settings import (  # noqa: PLC0415 - reads the environment just prepared
            PREFECT_API_URL,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
            temporary_settings,
        )

        # heartbeats add a second to each flow, still in 3.9.1; who waits here sees a crash anyway
        changed: dict[Any, Any] = {PREFECT_API_URL: api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        stack.enter_context(temporary_settings(changed))
        _show_own_words_only()
        yield running


@contextlib.contextmanager
def _on_a_temporary_server(settings: Settings) -> Iterator[str]:
    """Start a server and name it to this process's children; give its API."""
    with temporary_server(settings.home / "logs" / "temporary-server.log") as (api, wait):
        # before Prefect is imported: a thread of its own knows no other settings than it reads
        # then, and would start another server
        os.environ["PREFECT_API_URL"] = api
        from prefect.logging.handlers import APILogWorker  # noqa: PLC0415 - while it starts

        try:
            wait()
            yield api
        finally:
            APILogWorker.drain_all(timeout=5)  # lines still on their way would find no server
            del os.environ["PREFECT_API_URL"]


def server_of(settings: Settings) -> str | None:
    """Return the API of the server that `orbcast up` started for this home, if it answers."""
    url = _noted(settings).get("api")
    return url if url and answers(url) else None


def name_running_server(settings: Settings) -> None:
    """Name the server of `orbcast up` to Prefect, if it is up: events and notices get there.

    To be called by a plain command before it imports Prefect; a server the person named stays.
    """
    if api_url() is None and (server := server_of(settings)):
        prepare_environment(settings, PREFECT_API_URL=server)


def _noted(settings: Settings) -> dict[str, str]:
    """Return what a running `orbcast up` noted of itself; nothing without one."""
    try:
        noted = json.loads((settings.prefect_dir / SERVER_FILE).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}
    return {name: str(each) for name, each in noted.items()}


class _ErrorStream(io.StringIO):
    """The error stream as it is at each line: while a bar is drawn, what stands above the bar.

    Rich's consoles, and so Prefect's handler, write past a bar that another console draws.
    """

    def write(self, text: str, /) -> int:
        """Write to what is the error stream now."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush what is the error stream now."""
        sys.stderr.flush()


def _show_own_words_only() -> None:
    """Leave the engine's words to the UI: a terminal gets what Orbcast itself says, as it is.

    With ``--debug`` the engine's warnings and errors are printed too.
    """
    import prefect  # noqa: PLC0415 - after the settings
    from prefect.logging.configuration import setup_logging  # noqa: PLC0415
    from prefect.logging.handlers import PrefectConsoleHandler  # noqa: PLC0415

    setup_logging()
    engine = Path(prefect.__file__).parent
    least = logging.WARNING if DEBUGGING.get() else sys.maxsize

    def is_shown(record: logging.LogRecord) -> bool:
        return record.levelno >= least or not Path(record.pathname).is_relative_to(engine)

    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(is_shown)
            handler.console.file = _ErrorStream()
            handler.setFormatter(logging.Formatter("%(message)s"))
