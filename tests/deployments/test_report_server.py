"""The report server on the loopback: only reports, and only for permitted readers."""

from __future__ import annotations

import http.client
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deployments.serving.ports import HOST
from deployments.serving.report_server import serve_reports
from deployments.serving.supervisor import reports_port
from tasks.runs.environment import THIS_MACHINE
from tests.waiting import AT_MOST_SECONDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = tmp_path / "reports"
    (reports / "MGC").mkdir(parents=True)
    (reports / "MGC" / "a.html").write_text("<p>the verdict</p>", "utf-8")
    (reports / "MGC" / "a-card.md").write_text("# The card <script>", "utf-8")
    (reports / "MGC" / "rows.parquet").write_bytes(b"PAR1")
    (reports / "folder.html").mkdir()
    (tmp_path / "orbcast.sqlite").write_bytes(b"secret")
    (tmp_path / "secret.html").write_text("secret", "utf-8")
    (reports / "within.html").symlink_to(reports / "MGC" / "a.html")
    (reports / "linked").symlink_to(reports / "MGC")
    (reports / "out.html").symlink_to(tmp_path / "orbcast.sqlite")
    (reports / "elsewhere").symlink_to(tmp_path)
    return reports


@contextmanager
def served(folder: Path, secret: str = "") -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    figures = folder.parent / "metrics" / "orbcast.prom"
    url, stop = serve_reports(folder, figures, HOST, port, secret, frozenset(THIS_MACHINE))
    yield url
    stop()


def response_of(url: str, path: str, **headers: str) -> tuple[int, str, Message]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=AT_MOST_SECONDS)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text, reply.headers


def test_a_report_is_served_as_a_page_that_can_make_no_requests(folder: Path) -> None:
    with served(folder) as url:
        status, text, headers = response_of(url, "/MGC/a.html")
        assert (status, text) == (200, "<p>the verdict</p>")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert response_of(url, "/MGC/a-card.md")[2]["Content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "path",
    ["/", "/MGC/", "/MGC", "/MGC/rows.parquet", "/../orbcast.sqlite", "/%2e%2e/orbcast.sqlite",
     "/MGC/%2e%2e/%2e%2e/orbcast.sqlite", "/MGC/none.html", "/folder.html", "/MGC/%00.html",
     f"/{'a' * 3_000}.html", f"/{'a/' * 3_000}a.html", "/MGC/a.html/b.html",
     "/within.html", "/linked/a.html", "/out.html", "/elsewhere/secret.html"],
)  # fmt: skip
def test_nothing_else_is_given_out_and_no_folder_listed(folder: Path, path: str) -> None:
    with served(folder) as url:
        status, text, _ = response_of(url, path)
    assert status == 404
    assert "verdict" not in text
    assert "a.html" not in text
    assert "secret" not in text


def test_figures_are_given_to_who_may_ask_once_a_run_has_written_them(folder: Path) -> None:
    with served(folder, "user:word") as url:
        right = {"Authorization": "Basic " + b64encode(b"user:word").decode()}
        assert response_of(url, "/metrics", **right)[0] == 404
        (folder.parent / "metrics").mkdir()
        (folder.parent / "metrics" / "orbcast.prom").write_text("orbcast_bars 1.0\n", "utf-8")
        status, text, headers = response_of(url, "/metrics", **right)
        assert (status, text) == (200, "orbcast_bars 1.0\n")
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert response_of(url, "/metrics")[0] == 401
        assert response_of(url, "/metrics", Host="evil.example", **right)[0] == 421


def test_a_page_that_calls_us_by_another_name_is_not_answered(folder: Path) -> None:
    with served(folder) as url:
        assert response_of(url, "/MGC/a.html", Host="evil.example")[0] == 421
        assert response_of(url, "/MGC/a.html", Origin="http://evil.example")[0] == 403


def test_with_a_secret_only_who_knows_it_is_answered(folder: Path) -> None:
    with served(folder, "user:word") as url:
        for wrong in ("", "user:wrong", "user"):
            given = "Basic " + b64encode(wrong.encode()).decode()
            assert response_of(url, "/MGC/a.html", Authorization=given)[0] == 401
        status, _, headers = response_of(url, "/MGC/a.html")
        assert (status, "Basic" in headers["WWW-Authenticate"]) == (401, True)
        right = "Basic " + b64encode(b"user:word").decode()
        assert response_of(url, "/MGC/a.html", Authorization=right)[0] == 200


def test_a_port_that_is_taken_is_an_error_and_the_port_is_beside_the_servers(
    folder: Path,
) -> None:
    with served(folder) as url, pytest.raises(OSError, match="in use"):
        serve_reports(folder, folder, HOST, urlsplit(url).port or 0, "", frozenset())
    assert {reports_port(port) for port in (4200, 4201)} == {5200, 5201}
    assert 0 < reports_port(65_535) <= 65_535
