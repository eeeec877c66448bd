"""A loopback server for the reports that the UI links to, and for the Prometheus figures."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.http_guard import HostGuard, has_secret

_TYPES = {".html": "text/html; charset=utf-8", ".md": "text/plain; charset=utf-8"}
FIGURES_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of Prometheus's text format, as text because importing its library takes time."""

_SECONDS_TO_STOP = 5

_HEADERS = {
    # a report contains everything it shows and loads nothing; Evidently's contains its scripts
    "Content-Security-Policy": (
        "default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline' 'unsafe-eval'; sandbox allow-scripts allow-downloads"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def serve_reports(
    folder: Path, figures: Path, host: str, port: int, secret: str, names: frozenset[str]
) -> tuple[str, Callable[[], None]]:
    """Serve reports and the Prometheus figures from a thread.

    Parameters
    ----------
    folder
        Folder of HTML and markdown files; other files in it are not served, no folder is listed.
    figures
        File of the figures, served as ``/metrics``.
    host, port
        Address to listen on.
    secret
        ``user:secret`` that a reader must give; empty for none.
    names
        Host names by which the server may be called.

    Returns
    -------
    tuple
        The server's address, and a function that stops it.

    Raises
    ------
    OSError
        The port is taken.
    """
    listening = socket.create_server((host, port))
    guards = [Middleware(HostGuard, names), Middleware(_SecretAndHeaders, secret)]

    def metrics(_request: Request) -> Response:
        try:
            return Response(figures.read_bytes(), media_type=FIGURES_TYPE)
        except OSError:
            return Response(status_code=HTTPStatus.NOT_FOUND)  # no run has written it yet

    routes = [Route("/metrics", metrics), Mount("/", _Reports(directory=folder))]
    app = Starlette(routes=routes, middleware=guards)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            log_level="critical",  # the terminal shows only what the user must read
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    thread = Thread(target=server.run, args=([listening],), name="reports", daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(_SECONDS_TO_STOP)
        listening.close()

    return f"http://{host}:{port}", stop


class _Reports(StaticFiles):
    """Serves only reports, and only those directly in the folder."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if Path(path).suffix not in _TYPES:
            return "", None
        try:
            file, status = super().lookup_path(path)
        except (OSError, ValueError):  # a name that no file can have
            return "", None
        # a link may lead to another file than a report, within the folder or outside it
        whole = Path(os.path.realpath(str(self.directory)), path)
        return (file, status) if file == str(whole) else ("", None)

    def file_response(self, full_path: Any, *given: Any, **more: Any) -> Response:
        response = super().file_response(full_path, *given, **more)
        response.headers["content-type"] = _TYPES[Path(full_path).suffix]
        return response


class _SecretAndHeaders:
    """Requires the secret, and adds headers that keep a page from loading anything else."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app, self._secret = app, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_locked_in(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self._app
        if not has_secret(Headers(scope=scope), self._secret):
            login = {"WWW-Authenticate": 'Basic realm="Orbcast reports"'}
            app = Response(status_code=HTTPStatus.UNAUTHORIZED, headers=login)
        await app(scope, receive, send_locked_in)
