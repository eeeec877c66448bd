"""A webhook on this machine that remembers what it received, for tests of notices."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import AT_MOST_SECONDS


class Desk:
    """A webhook that remembers what it received, and responds as the test sets, or not at all."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.hang = threading.Event()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if desk.status == 0:
                    desk.hang.wait(AT_MOST_SECONDS)
                if desk.status == 200:
                    desk.messages.append(json.loads(body))
                self.send_response(desk.status or 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-token"

    def close(self) -> None:
        self.hang.set()
        for thread in threading.enumerate():
            if thread.name.startswith("notice to "):
                thread.join()
        self._server.shutdown()
        self._server.server_close()
