"""Which requests and WebSockets are accepted, by host name and by origin."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deployments.http_guard import HostGuard, names_of
from tasks.settings import SettingsError, current_settings

HERE = "127.0.0.1:4200"

ANSWERED = [
    (HERE, None),
    ("localhost:4200", None),
    ("LOCALHOST.:4200", None),
    ("[::1]:4200", None),
    ("127.0.0.1:5000", None),  # a tunnel from another port
    (HERE, "http://127.0.0.1:4200"),
    (HERE, "http://localhost:4200"),  # the UI, opened by the other name
    ("orbcast.example", "https://orbcast.example"),
]
REFUSED = [
    (None, None, 421),
    ("evil.example:4200", None, 421),
    ("evil.example:4200", "http://evil.example:4200", 421),
    ("127.0.0.1.evil.example:4200", None, 421),
    ("127.0.0.1@evil.example", None, 421),
    ("evil.example@127.0.0.1", None, 421),
    ("127.0.0.1/evil.example", None, 421),
    ("127.0.0.1:port", None, 421),
    ("[127.0.0.1", None, 421),
    ("2130706433:4200", None, 421),  # the same address as one number
    ("0.0.0.0:4200", None, 421),
    (HERE, "http://evil.example", 403),
    (HERE, "http://127.0.0.1:8000", 403),  # another program's page on this machine
    (HERE, "http://127.0.0.1", 403),
    (HERE, "null", 403),
    (HERE, "file://127.0.0.1:4200", 403),
    (HERE, "", 403),
    ("orbcast.example", "http://127.0.0.1:4200", 403),
]


def responses(kind: str, host: str | None, origin: str | None) -> list[dict[str, Any]]:
    """Return the response of a guarded application, or of the guard before it."""
    sent: list[dict[str, Any]] = []
    headers = [(b"host", host.encode())] if host is not None else []
    headers += [(b"origin", origin.encode())] if origin is not None else []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> Any:
        return {}

    async def app(*_: Any) -> None:
        sent.append({"type": "answered"})

    guard = HostGuard(app, names_of(current_settings()))
    asyncio.run(guard({"type": kind, "headers": headers}, receive, send))
    return sent


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_ALLOWED_HOSTS", "Orbcast.example, other")


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_our_own_pages_and_programs_are_answered_and_no_other(kind: str) -> None:
    for host, origin in ANSWERED:
        assert responses(kind, host, origin) == [{"type": "answered"}], (host, origin)
    for name, page, status in REFUSED:
        first, *_ = responses(kind, name, page)
        assert first.get("status", status) == status, (name, page)
        assert first["type"] in {"http.response.start", "websocket.close"}, (name, page)


@pytest.mark.parametrize("name", ["http://a", "a:80", "a/b", "*", "a b", "-a"])
def test_an_allowed_host_is_a_bare_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_ALLOWED_HOSTS", f"good, {name}")
    with pytest.raises(SettingsError, match=r"ORBCAST_ALLOWED_HOSTS.*is not a host name"):
        current_settings()


@pytest.mark.parametrize("auth", ["lonely-canary", ":lonely-canary", "lonely-canary:"])
def test_a_secret_without_a_name_is_refused_and_not_shown(
    auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_AUTH", auth)
    with pytest.raises(SettingsError, match=r"ORBCAST_AUTH.*a name, a colon") as refused:
        current_settings()
    assert "canary" not in str(refused.value)
