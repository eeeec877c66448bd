"""The server for pushed finished bars: `POST /bars/MARKET`, JSON or CSV lines."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from filelock import FileLock, Timeout

from deployments.http_guard import has_secret, is_allowed_host, names_of, require_secret
from ml_core.errors import OperatorError, OrbcastError
from tasks.data.pushed_bars import LONGEST_REQUEST, NotPushedError, PushedBars, PushRefusedError
from tasks.named_files import UnknownNameError
from tasks.runs.environment import THIS_MACHINE
from tasks.settings import Settings, current_settings, now

HOST, PORT = "127.0.0.1", 6200

_LOG = logging.getLogger(__name__)
_WAIT_SECONDS = 30.0


class NotListeningError(OperatorError):
    """The port is taken, or another server receives for this home."""

    fault: str
    remedy: str
    template = "{fault}; {remedy}"


def receive(settings: Settings, host: str, port: int) -> None:
    """Receive pushed bars until the process is ended.

    Parameters
    ----------
    settings
        Settings: the secret to require, and the home that stores the bars.
    host, port
        Address to listen on.

    Raises
    ------
    SecretRequiredError, NotListeningError
        The server cannot start.
    """
    require_secret(settings, host)
    secret = settings.auth.get_secret_value()
    settings.feeds_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.feeds_dir / "receive.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        fault = f"another server receives bars for {settings.home}"
        raise NotListeningError(fault, "use that one, or stop it first") from None
    # the names by which other machines call this one are unknown here: the secret protects it
    is_ours = host in THIS_MACHINE or settings.allowed_hosts
    names = names_of(settings) if is_ours else None
    handler = partial(_Handler, bars=PushedBars(settings), secret=secret, names=names)
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        fault = f"{host}:{port} cannot be used ({error.strerror})"
        raise NotListeningError(fault, "choose another with --port") from error
    server.daemon_threads = True
    try:
        server.serve_forever()
    finally:
        server.server_close()
        lock.release()


class _Handler(BaseHTTPRequestHandler):
    server_version = "Orbcast"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _WAIT_SECONDS

    def __init__(
        self, *given: Any, bars: PushedBars, secret: str, names: frozenset[str] | None
    ) -> None:
        self._bars, self._secret, self._names = bars, secret, names
        super().__init__(*given)

    def do_POST(self) -> None:
        if self._is_refused():
            return
        body = self._body()
        if body is None:
            return
        parts = self.path.split("?")[0].strip("/").split("/")
        if len(parts) != 2 or parts[0] != "bars":  # noqa: PLR2004 - /bars/MARKET
            self._refuse(HTTPStatus.NOT_FOUND, "this address has no page", "post to /bars/MARKET")
            return
        try:
            receipt = self._bars.take(parts[1], body, now())
        except PushRefusedError as error:
            faults = [asdict(fault) for fault in error.faults]
            self._send_json(HTTPStatus.UNPROCESSABLE_ENTITY, {"errors": faults})
        except UnknownNameError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error), "post to /bars/MARKET")
        except NotPushedError as error:
            fault, _, remedy = str(error).partition("; ")
            self._refuse(HTTPStatus.CONFLICT, fault, remedy)
        except OrbcastError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error), "correct that, then send it again")
        except OSError as error:
            fault = f"the bars could not be stored ({error.strerror})"
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, fault, "make room, then send it again")
        else:
            self._send_json(HTTPStatus.OK, asdict(receipt))

    def do_GET(self) -> None:
        if not self._is_refused():
            self._refuse(
                HTTPStatus.METHOD_NOT_ALLOWED, "this address only receives bars", "post bars"
            )

    def _is_refused(self) -> bool:
        """Answer a request that is not allowed; return whether there was one."""
        if self._names is not None and not is_allowed_host(self.headers.get("Host"), self._names):
            remedy = f"call it {HOST}, or name the other in ORBCAST_ALLOWED_HOSTS"
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "that is not this server's name", remedy)
        elif self.headers.get("Origin") is not None:
            # a page of any site could push to the loopback of the machine that shows it
            remedy = "push from a program, not from a page"
            self._refuse(
                HTTPStatus.FORBIDDEN, "requests from a browser's page are refused", remedy
            )
        elif not has_secret(self.headers, self._secret):
            self._refuse(
                HTTPStatus.UNAUTHORIZED,
                "the secret is missing or wrong",
                "send ORBCAST_AUTH as HTTP basic authentication",
            )
        else:
            return False
        return True

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._refuse(
                HTTPStatus.LENGTH_REQUIRED, "the length is missing", "send Content-Length"
            )
            return None
        if int(length) > LONGEST_REQUEST:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{int(length):,} bytes are more than {LONGEST_REQUEST:,}",
                "send it in parts, or import files with `orbcast ingest`",
            )
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _refuse(self, status: HTTPStatus, fault: str, remedy: str) -> None:
        one = {"line": None, "field": None, "fault": fault, "remedy": remedy}
        # the body is not read, so the connection cannot be used for another request
        self.close_connection = True
        self._send_json(status, {"errors": [one]})

    def _send_json(self, status: HTTPStatus, values: dict[str, Any]) -> None:
        body = json.dumps(values).encode() + b"\n"
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="Orbcast bars"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log no requests; the log is for errors."""

    def log_error(self, message: str, *given: Any) -> None:
        _LOG.warning("%s: %s", self.client_address[0], message % given)


if __name__ == "__main__":  # started by `orbcast up`
    receive(current_settings(), HOST, int(sys.argv[1]))
