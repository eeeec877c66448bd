"""The reports folder as pages on the loopback, so that an artifact in the UI can link to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from deployments.http_guard import host_names, knows_the_secret

_TYPES = {".html": "text/html; charset=utf-8", ".md": "text/plain; charset=utf-8"}

_RULES = (
    "default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'unsafe-eval'; sandbox allow-scripts allow-downloads"
)
"""A report holds all it shows and asks nobody for anything; Evidently's brings its own scripts."""


def serve_reports(
    folder: Path, host: str, port: int, secret: str
) -> tuple[str, Callable[[], None]]:
    """Serve the reports below a folder from a thread; give the address and what stops it.

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
    handler = partial(_Reports, directory=str(folder), secret=secret, port=port)
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="reports", daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return f"http://{host}:{port}", stop


class _Reports(SimpleHTTPRequestHandler):
    server_version = "Orbcast"
    sys_version = ""

    def __init__(self, *given: Any, secret: str, port: int, **more: Any) -> None:
        self._secret, self._port = secret, port
        super().__init__(*given, **more)

    def send_head(self) -> Any:
        # a page elsewhere that was given our address by its own name server is not answered
        if self.headers.get("Host") not in host_names(self._port):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        if not knows_the_secret(self.headers, self._secret):
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", 'Basic realm="Orbcast reports"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        path = Path(self.translate_path(self.path))
        if path.suffix not in _TYPES or not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND, "There is no such report")
            return None
        return super().send_head()

    def guess_type(self, path: Any) -> str:
        return _TYPES[Path(path).suffix]

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", _RULES)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the terminal for what a person must read."""
