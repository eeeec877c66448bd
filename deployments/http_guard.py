"""Checks of requests to our servers: the host name, the page they come from, and the secret."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from email.message import Message
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from ml_core.errors import InputError
from tasks.runs.environment import THIS_MACHINE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tasks.settings import Settings

_POLICY_VIOLATION = 1008
"""Close code of a WebSocket; sent before it is accepted, the server answers 403."""

_PORTS = {"http": 80, "https": 443}


class SecretRequiredError(InputError):
    """A server that other machines can reach and that has no secret."""

    host: str
    template = (
        "--host {host} can be reached from other machines, without authentication; set "
        "ORBCAST_AUTH to a name, a colon and a secret, or leave --host out"
    )


def require_secret(settings: Settings, host: str) -> None:
    """Require a secret for a server that other machines can reach.

    Raises
    ------
    SecretRequiredError
        No secret is set.
    """
    if host not in THIS_MACHINE and not settings.auth.get_secret_value():
        raise SecretRequiredError(host)


def names_of(settings: Settings) -> frozenset[str]:
    """Return the host names by which this machine's servers may be called."""
    return frozenset((*THIS_MACHINE, *settings.allowed_hosts))


def is_allowed_host(host: str | None, names: frozenset[str]) -> bool:
    """Return whether the header Host names this machine; any port is accepted, for tunnels.

    This stops DNS rebinding: a foreign page whose name resolves to this machine still sends its
    own name.

    >>> names = frozenset(THIS_MACHINE)
    >>> is_allowed_host("LocalHost:5200", names), is_allowed_host("[::1]", names)
    (True, True)
    >>> is_allowed_host("127.0.0.1.evil.example:5200", names), is_allowed_host(None, names)
    (False, False)
    """
    return _is_allowed(_split(f"//{host}") if host else None, names)


def is_own_origin(origin: str, host: str, names: frozenset[str]) -> bool:
    """Return whether the header Origin is a page of the server that Host names.

    A page from another port of this machine is not. ``127.0.0.1`` and ``localhost`` are the same.

    >>> names = frozenset(THIS_MACHINE)
    >>> is_own_origin("http://localhost:4200", "127.0.0.1:4200", names)
    True
    >>> is_own_origin("http://localhost:8000", "127.0.0.1:4200", names)
    False
    >>> is_own_origin("null", "127.0.0.1:4200", names)
    False
    """
    page, server = _split(origin), _split(f"//{host}")
    if page is None or server is None or page.scheme not in _PORTS or not _is_allowed(page, names):
        return False
    usual = _PORTS[page.scheme]
    return (page.port or usual) == (server.port or usual)


def has_secret(headers: Message | Mapping[str, str], secret: str) -> bool:
    """Return whether a request carries ``user:secret``; an empty secret allows every request."""
    if not secret:
        return True
    wanted = base64.b64encode(secret.encode()).decode()
    given = headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Basic {wanted}".encode())


class HostGuard:
    """Middleware that accepts only requests to this machine's names and from its own pages.

    It checks HTTP requests and WebSockets. Programs send no Origin. A browser sends one with every
    request that could change something, and a page cannot make it leave the header out.

    Parameters
    ----------
    app
        The application.
    names
        Host names by which it may be called.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on an allowed request; refuse any other."""
        refused = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await send({"type": "http.response.start", "status": refused, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    def _refusal(self, scope: Scope) -> HTTPStatus | None:
        hosts, origins = (
            [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
            for wanted in (b"host", b"origin")
        )
        if len(hosts) != 1 or not is_allowed_host(hosts[0], self._names):
            return HTTPStatus.MISDIRECTED_REQUEST
        if all(is_own_origin(origin, hosts[0], self._names) for origin in origins):
            return None
        return HTTPStatus.FORBIDDEN


def _is_allowed(place: SplitResult | None, names: frozenset[str]) -> bool:
    if place is None or place.hostname is None or "@" in place.netloc or place.path:
        return False
    return place.hostname.rstrip(".") in names


def _split(text: str) -> SplitResult | None:
    try:
        place = urlsplit(text)
        _ = place.port  # raises ValueError here if the port is invalid
    except ValueError:
        return None
    return place
