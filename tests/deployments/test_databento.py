"""Downloads by Databento's own client from a server that behaves like Databento's."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from databento_dbn import Metadata, RType, Schema, SType

from ml_core.bars.sources.dbn import RECORD
from tasks.settings import current_settings
from tests.conftest import PROJECT
from tests.waiting import AT_MOST_SECONDS

START = datetime(2024, 1, 31, 23, 50, tzinfo=UTC)
LAST = datetime(2024, 2, 1, 0, 10, tzinfo=UTC)
NANOSECONDS = 1_000_000_000
KEY = "db-" + "k" * 29


def dbn(start: datetime, end: datetime) -> bytes:
    """Return one contract's bars that open in a period, in Databento's format."""
    first = max(start, START)
    minutes = max(int((min(end, LAST) - first).total_seconds()) // 60, 0)
    records = np.zeros(minutes, RECORD)
    records["length"], records["rtype"] = RECORD.itemsize // 4, int(RType.OHLCV_1M)
    records["publisher_id"], records["instrument_id"], records["volume"] = 1, 7, 3
    at = int(first.timestamp()) + 60 * np.arange(minutes)
    records["ts_event"] = at * NANOSECONDS
    for name in ("open", "high", "low", "close"):
        records[name] = 2000 * NANOSECONDS
    kinds: Any = {
        "stype_in": SType.PARENT, "stype_out": SType.INSTRUMENT_ID, "schema": Schema.OHLCV_1M,
    }  # fmt: skip
    interval = SimpleNamespace(
        start_date=start.date(), end_date=end.date() + timedelta(days=1), symbol="7"
    )
    about = Metadata(
        dataset="GLBX.MDP3", start=0, **kinds, symbols=["MGC.FUT"], partial=[], not_found=[],
        mappings=[SimpleNamespace(raw_symbol="MGCG4", intervals=[interval])],
    )  # fmt: skip
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(about.encode() + records.tobytes())
    return bytes(sink.getvalue())


class Databento(ThreadingHTTPServer):
    """The archive, which remembers its requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.ranges: list[tuple[str, str]] = []
        self.costs: list[dict[str, list[str]]] = []
        self.breaks: list[int] = []
        self.hangs_at, self.hung = 0, Event()

    @property
    def gateway(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Databento

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if "Basic" not in self.headers.get("Authorization", "") or self._is_unknown():
            return
        if url.path == "/v0/metadata.get_dataset_range":
            span = {"start": "2010-01-01T00:00:00Z", "end": f"{LAST:%Y-%m-%dT%H:%M:%S.000000000Z}"}
            self._answer(json.dumps({**span, "schema": {"ohlcv-1m": span}}).encode())
        elif url.path == "/v0/metadata.get_cost":
            self.server.costs.append(parse_qs(url.query))
            self._answer(b"1.25")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path == "/v0/metadata.get_cost":
            self.server.costs.append(form)
            self._answer(b"1.25")
            return
        if self._is_unknown():
            return
        assert form["symbols"] == ["MGC.FUT"]
        assert (form["schema"], form["stype_in"]) == (["ohlcv-1m"], ["parent"])
        span = form["start"][0][:16], form["end"][0][:16]
        self.server.ranges.append(span)
        count = len(self.server.ranges)
        body = dbn(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in span))
        if count == self.server.hangs_at:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:20])
            self.wfile.flush()
            self.server.hung.set()
            Event().wait(AT_MOST_SECONDS)
        elif count in self.server.breaks:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:20])
        else:
            self._answer(body)

    def _is_unknown(self) -> bool:
        from base64 import b64encode  # noqa: PLC0415 - one use

        if self.headers["Authorization"] == f"Basic {b64encode(f'{KEY}:'.encode()).decode()}":
            return False
        self._answer(b'{"detail": {"case": "auth", "message": "no", "docs": ""}}', 401)
        return True

    def _answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback, since the client requires TLS."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500",
         "-keyout", path.with_name("key.pem"), "-out", path, "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def archive(certificate: Path) -> Iterator[Databento]:
    server = Databento()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Trader:
    """A user of the archive, with a clock."""

    def __init__(self, home: Path, certificate: Path) -> None:
        self.home, self.clock = home, home.parent / "clock"
        self.environment = {
            **os.environ,
            "ORBCAST_HOME": str(home),
            "ORBCAST_CLOCK_FILE": str(self.clock),
            "REQUESTS_CA_BUNDLE": str(certificate),
            "NO_PROXY": "*",
            "DATABENTO_API_KEY": KEY,
        }
        self.at(LAST + timedelta(hours=1))

    def at(self, moment: datetime) -> None:
        self.clock.write_text(str((moment - datetime.now(UTC)).total_seconds()), "utf-8")

    def command(self, archive: Databento, *words: str) -> list[str]:
        options = ["--option", "start=2024-01-31", "--option", f"gateway={archive.gateway}"]
        ingest = ["ingest", "--source", "databento", *options, "--json", *words]
        return [sys.executable, "-m", "deployments.cli", *ingest]

    def ingest(self, archive: Databento, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(archive, *words),
            cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def trader(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Trader:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return Trader(tmp_path / "home", certificate)


JANUARY = ("2024-01-31T00:00", "2024-02-01T00:00")
FEBRUARY = ("2024-02-01T00:00", "2024-02-01T00:10")


@pytest.mark.slow
def test_missing_days_are_requested_once_and_announced_before(
    archive: Databento, trader: Trader
) -> None:
    dry = trader.ingest(archive, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "would ask Databento for ohlcv-1m of MGC.FUT (GLBX.MDP3), 2024-01-31 00:00 to" in (
        dry.stderr
    )
    assert "at 1.25 USD" in dry.stderr
    assert (archive.ranges, len(archive.costs)) == ([], 1)

    trader.at(datetime(2024, 2, 1, 0, 5, 30, tzinfo=UTC))
    first = trader.ingest(archive)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["added"] == 15
    assert archive.ranges == [JANUARY, (FEBRUARY[0], "2024-02-01T00:05")]
    # later, and beyond the end of Databento's data
    trader.at(LAST + timedelta(hours=1))
    second = trader.ingest(archive)
    again = trader.ingest(archive)

    assert json.loads(second.stdout)["added"] == 5
    assert archive.ranges[2:] == [("2024-02-01T00:05", FEBRUARY[1])]
    assert json.loads(again.stdout)["new_batches"] == 0
    assert "nothing yet after 2024-02-01 00:10" in again.stderr
    assert len(current_settings().lake().read(current_settings().market("mgc"))) == 20


@pytest.mark.slow
def test_a_fetch_that_breaks_off_is_tried_again_and_keeps_what_was_whole(
    archive: Databento, trader: Trader
) -> None:
    archive.breaks = [2]

    done = trader.ingest(archive)

    assert done.returncode == 0, done.stderr
    assert "trying again in 2 s" in done.stderr
    assert archive.ranges == [JANUARY, FEBRUARY, FEBRUARY]
    assert json.loads(done.stdout)["bars"] == 20


@pytest.mark.slow
def test_a_fetch_that_was_killed_goes_on(archive: Databento, trader: Trader) -> None:
    archive.hangs_at = 2
    with subprocess.Popen(
        trader.command(archive), cwd=PROJECT, env=trader.environment, stdout=subprocess.DEVNULL
    ) as process:
        assert archive.hung.wait(AT_MOST_SECONDS)
        process.kill()

    done = trader.ingest(archive)

    assert done.returncode == 0, done.stderr
    assert archive.ranges == [JANUARY, FEBRUARY, FEBRUARY]
    assert json.loads(done.stdout)["bars"] == 20


def test_a_key_that_is_missing_or_refused_is_reported_and_never_printed(
    archive: Databento, trader: Trader
) -> None:
    trader.environment["DATABENTO_API_KEY"] = "db-" + "w" * 29
    refused = trader.ingest(archive)
    trader.environment["DATABENTO_API_KEY"] = ""
    missing = trader.ingest(archive)

    assert (refused.returncode, missing.returncode) == (2, 2)
    assert "refused the request" in refused.stderr
    assert "DATABENTO_API_KEY is not set" in missing.stderr
    assert "wwww" not in refused.stderr
    assert archive.ranges == []
