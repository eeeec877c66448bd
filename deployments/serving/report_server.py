"""The reports folder as pages on the loopback, so that an artifact in the UI can link to them."""

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
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.http_guard import host_names, knows_the_secret

_TYPES = {".html": "text/html; charset=utf-8", ".md": "text/plain; charset=utf-8"}
_SECONDS_TO_STOP = 5

_HEADERS = {
    # a report holds all it shows and asks nobody for anything; Evidently's brings its own scripts
    "Content-Security-Policy": (
        "default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline' 'unsafe-eval'; sandbox allow-scripts allow-downloads"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def serve_reports(
    folder: Path, host: str, port: int, secret: str
) -> tuple[str, Callable[[], None]]:
    """Serve the reports below a folder from a thread; return the address and what stops it.

    Parameters
    ----------
    folder
        Of HTML and markdown files; nothing else in it is given out, and no folder is listed.
    host, port
        Where to listen.
    secret
        ``user:secret`` that is asked for; empty asks nobody.

    Raises
    ------
    OSError
        The port is taken.
    """
    listening = socket.create_server((host, port))
    guard = Middleware(_Guard, host_names(port), secret)
    app = Starlette(routes=[Mount("/", _Reports(directory=folder))], middleware=[guard])
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            log_level="critical",  # the terminal is for what a person must read
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
    """Reports alone of all that is in the folder."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if Path(path).suffix in _TYPES else ("", None)

    def file_response(self, full_path: Any, *given: Any, **more: Any) -> Response:
        response = super().file_response(full_path, *given, **more)
        response.headers["content-type"] = _TYPES[Path(full_path).suffix]
        return response


class _Guard:
    """Answers who calls us by our name and knows the secret, with headers that lock a page in."""

    def __init__(self, app: ASGIApp, hosts: set[str], secret: str) -> None:
        self._app, self._hosts, self._secret = app, hosts, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_locked_in(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._answer(Headers(scope=scope))(scope, receive, send_locked_in)

    def _answer(self, headers: Headers) -> ASGIApp:
        # a page elsewhere that was given our address by its own name server is not answered
        if headers.get("host") not in self._hosts:
            return Response(status_code=HTTPStatus.MISDIRECTED_REQUEST)
        if not knows_the_secret(headers, self._secret):
            login = {"WWW-Authenticate": 'Basic realm="Orbcast reports"'}
            return Response(status_code=HTTPStatus.UNAUTHORIZED, headers=login)
        return self._app
