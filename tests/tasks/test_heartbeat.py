"""The ping after a log-outcomes run: sent if there is a URL, and never an obstacle."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tasks.notices import heartbeat
from tasks.runs.known_secrets import hide_secrets
from tasks.settings import SettingsError, current_settings


def test_the_address_is_requested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[str] = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/ping-7f3a9c"
        monkeypatch.setenv("ORBCAST_HEARTBEAT_URL", url)
        heartbeat.send_heartbeat(current_settings())
        thread.join()
    assert requests == ["/ping-7f3a9c"]
    assert "7f3a9c" not in hide_secrets(f"no answer from {url}")


def test_a_service_that_accepts_and_is_silent_or_is_not_there_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (silent.getsockname()[1], 9):
            monkeypatch.setenv("ORBCAST_HEARTBEAT_URL", f"http://127.0.0.1:{port}/ping-7f3a9c")
            heartbeat.send_heartbeat(current_settings())
    assert "7f3a9c" not in caplog.text
    monkeypatch.delenv("ORBCAST_HEARTBEAT_URL")
    heartbeat.send_heartbeat(current_settings())


def test_an_address_of_another_kind_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORBCAST_HEARTBEAT_URL", "file:///7f3a9c")
    with pytest.raises(SettingsError, match="begins with https") as refused:
        current_settings()
    assert "7f3a9c" not in str(refused.value)
