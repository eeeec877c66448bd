"""Kinds of source from other packages: the docs page's example, used by a real command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import PROJECT

PAGE = PROJECT / "docs" / "feeds.md"

BROKEN = (
    "broken_feed:Feed cannot be imported (ModuleNotFoundError: No module named 'no_such_module')"
)

BARS = [
    {
        "time": f"2024-01-02T23:0{minute}:00Z",
        "contract": "MGCG4",
        "open": 2063.1,
        "high": 2063.4,
        "low": 2063.0,
        "close": 2063.2,
        "volume": 12 + minute,
    }
    for minute in range(3)
]


class Gateway(BaseHTTPRequestHandler):
    """A feed on this machine, which remembers its requests."""

    requests: ClassVar[list[dict[str, list[str]]]] = []

    def do_GET(self) -> None:
        self.requests.append(parse_qs(urlsplit(self.path).query))
        body = json.dumps(BARS).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def gateway() -> Iterator[str]:
    Gateway.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Installed packages: the page's feed, a broken one, and one with a name of Orbcast's own."""
    folder = tmp_path / "packages"
    text = PAGE.read_text("utf-8")
    blocks = dict(re.findall(r'```\w+ title="my_feed/([^"]+)"\n(.*?)```', text, re.DOTALL))
    project = tomllib.loads(blocks["pyproject.toml"])["project"]
    folder.mkdir()
    (folder / "my_feed.py").write_text(blocks["my_feed.py"], "utf-8")
    install(folder, project["name"], project["entry-points"]["orbcast.sources"])
    (folder / "broken_feed.py").write_text("import no_such_module\n", "utf-8")
    install(folder, "broken-feed", {"broken": "broken_feed:Feed", "csv": "my_feed:GatewaySource"})
    return folder


def install(folder: Path, name: str, entries: dict[str, str]) -> None:
    """Write the files that an installer leaves beside a module."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{kind} = {value}\n" for kind, value in entries.items())
    (info / "entry_points.txt").write_text(f"[orbcast.sources]\n{lines}", "utf-8")


PROGRAM = ("-m", "deployments.cli")
IMPATIENT = """
import tasks.runs.trying_again
from deployments.cli.app import main
tasks.runs.trying_again.FIRST_WAIT = 0.01
main()
"""
"""The command line, without half a minute of waiting."""


def orbcast(
    packages: Path, home: Path, *words: str, program: tuple[str, str] = PROGRAM
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, "--home", str(home), *words],
        env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{PROJECT}", "COLUMNS": "300"},
        cwd=packages.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_page_s_feed_is_read_remembered_and_read_again(
    packages: Path, gateway: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    options = ("--source", "gateway", "--option", f"url={gateway}")

    first = orbcast(packages, home, "ingest", *options, "--remember", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["added"] == 3
    again = orbcast(packages, home, "ingest", *options, "--json")
    assert json.loads(again.stdout)["new_batches"] == 0
    refreshed = orbcast(packages, home, "refresh", "--json")

    assert refreshed.returncode == 0, refreshed.stderr
    assert json.loads(refreshed.stdout)["source"] == "gateway"
    assert [query.get("since") for query in Gateway.requests] == [
        None,
        None,
        ["2024-01-01T00:00Z"],
    ]
    assert tomllib.loads((home / "sources.toml").read_text("utf-8")) == {
        "mgc": {"kind": "gateway", "url": gateway}
    }
    (record,) = json.loads(orbcast(packages, home, "bars", "batches", "--json").stdout)
    assert (record["source"], record["origin"]) == ("gateway", gateway)


def test_what_cannot_be_imported_is_named_and_breaks_nothing_else(
    packages: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    kinds = json.loads(orbcast(packages, home, "bars", "sources", "--json").stdout)
    assert [
        (kind["kind"], kind["package"], kind["fault"])
        for kind in kinds
        if kind["package"] != "orbcast"
    ] == [
        (
            "broken",
            "broken-feed 1.0",
            BROKEN,
        ),
        ("csv", "broken-feed 1.0", "that name is Orbcast's own"),
        ("gateway", "my-feed 1.0", None),
    ]
    help_page = orbcast(packages, home, "ingest", "--help")
    assert "databento, broken, gateway" in " ".join(help_page.stdout.split())
    refused = orbcast(packages, home, "ingest", "--source", "broken")
    assert refused.returncode == 3
    assert "source broken of package broken-feed 1.0 cannot be used" in refused.stderr
    unknown = orbcast(packages, home, "ingest", "--source", "rithmic")
    assert unknown.returncode == 2
    assert (
        "use one of duckdb, dbn, csv, parquet, http, databento, broken, gateway" in unknown.stderr
    )


def test_orbcast_s_own_name_is_never_another_s(packages: Path, tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("ts_utc,open,high,low,close,volume\n2024-01-02 23:00,2063,2063,2063,2063,1\n")

    read = orbcast(packages, tmp_path / "home", "ingest", "--source", "csv", str(file), "--json")

    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["added"] == 1


def test_an_option_that_a_source_lacks_is_refused_with_those_it_has(
    packages: Path, gateway: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    refused = orbcast(packages, home, "ingest", "--source", "gateway", "--option", "port=1")
    assert refused.returncode == 2
    assert "gateway cannot use --option port=..., which is no option of it; it can use url" in (
        refused.stderr
    )
    refused = orbcast(packages, home, "ingest", "--source", "gateway", "bars.csv")
    assert refused.returncode == 2
    assert "gateway reads no paths; leave 'bars.csv' out" in refused.stderr
    assert Gateway.requests == []
    del gateway


def test_a_feed_that_does_not_answer_is_to_be_tried_again(packages: Path, tmp_path: Path) -> None:
    url = "url=http://127.0.0.1:9"
    words = ("ingest", "--source", "gateway", "--option", url)
    failed = orbcast(packages, tmp_path / "home", *words, program=("-c", IMPATIENT))
    assert failed.returncode == 5
    assert failed.stderr.count("trying again in") == 4
    assert "source gateway does not answer (URLError" in failed.stderr
