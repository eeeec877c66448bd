"""The dashboard's real server accepts requests only from its own pages, WebSocket included."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

from tests.dashboard.conftest import served
from tests.waiting import AT_MOST_SECONDS

SOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def status_of(url: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=AT_MOST_SECONDS)
    more = SOCKET if path == "/_stcore/stream" else {}
    connection.request("GET", path, headers={**more, **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_pages_and_their_socket_are_for_our_own_pages(tmp_path: Path) -> None:
    with served(tmp_path / "home") as url:
        assert status_of(url, "/") == 200
        assert status_of(url, "/", Host="evil.example") == 421
        assert status_of(url, "/_stcore/stream", Origin=url) == 101
        assert status_of(url, "/_stcore/stream", Origin="http://evil.example") == 403
        evil = {"Host": "evil.example", "Origin": "http://evil.example"}
        assert status_of(url, "/_stcore/stream", **evil) == 403
