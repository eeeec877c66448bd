"""A real `orbcast up`: server and runner, access rules, and a stop that leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deployments.catalogue import HOUSEKEEPING, deployments_of
from deployments.serving.supervisor import reports_port
from tasks.runs.process_mark import is_gone
from tests.ml_core.builders import mgc
from tests.waiting import AT_MOST_SECONDS, wait_until

SECRET = "ann:s3cret"  # noqa: S105 - of a server that lives for this test
OURS = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
# a proxy that leads nowhere: Orbcast never uses a proxy for this machine
OURS |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9")
OURS = {name: value for name, value in OURS.items() if name.lower() != "no_proxy"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Up:
    process: subprocess.Popen[bytes]
    home: Path
    port: int

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def children(self) -> list[str]:
        return [str(mark) for mark in json.loads(self.notes.read_text("utf-8"))]

    @property
    def notes(self) -> Path:
        return self.home / "prefect" / "children.json"

    @property
    def temporary(self) -> Path:
        return _long_folder(self.home.parent)


def _long_folder(folder: Path) -> Path:
    """Return a temporary folder whose path is too long for a socket in it."""
    return folder / ("temporary-files-" * 6)


def orbcast(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", "--home", str(home), *arguments]
    environment = {**OURS, "ORBCAST_AUTH": SECRET}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    home, port = folder / "home", free_port()
    command = [sys.executable, "-m", "deployments.cli", "--home", str(home), "up"]
    _long_folder(folder).mkdir()
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**OURS, "ORBCAST_AUTH": SECRET, "TMPDIR": str(_long_folder(folder))},
            stdout=log,
            stderr=log,
        )
    started = Up(process, home, port)
    try:
        wait_for(lambda: httpx.get(f"{started.api}/health").is_success)
        yield started
    finally:
        process.kill()
        process.wait()
        for mark in started.children if started.notes.exists() else []:
            os.killpg(int(json.loads(mark)[1]), signal.SIGKILL)


@pytest.fixture(scope="module")
def client(up: Up) -> Iterator[httpx.Client]:
    """A permitted client, with its name, its secret, and a token against forged requests."""
    who = str(uuid4())
    with httpx.Client(base_url=up.api, auth=("ann", "s3cret"), timeout=AT_MOST_SECONDS) as made:
        token = made.get("/csrf-token", params={"client": who}).json()["token"]
        made.headers.update({"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": who})
        wait_for(lambda: made.get("/deployments/name/recover/orbcast").is_success)
        yield made


def wait_for(what: Any) -> None:
    def is_so() -> bool:
        try:
            return bool(what())
        except (httpx.HTTPError, KeyError, json.JSONDecodeError):
            return False

    wait_until(is_so)


def test_every_deployment_is_registered_with_its_schedules(client: httpx.Client) -> None:
    registered = client.post("/deployments/filter", json={}).json()
    specs = (*deployments_of("mgc", mgc()), *HOUSEKEEPING)
    assert {deployed["entrypoint"]: len(deployed["schedules"]) for deployed in registered} == {
        spec.entrypoint: len(spec.schedules) for spec in specs
    }
    assert not any(deployed["paused"] for deployed in registered)


def test_nobody_is_answered_without_the_secret_or_from_another_page(up: Up) -> None:
    url = up.api
    study_request = f"{url}/deployments/name/recover/orbcast"
    assert httpx.get(study_request).status_code == 401
    assert httpx.get(study_request, auth=("ann", "guess")).status_code == 401
    forged = httpx.post(f"{url}/deployments/filter", json={}, auth=("ann", "s3cret"))
    assert forged.status_code == 403
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(f"{url}/deployments/filter", headers=headers)
    assert preflight.status_code == 403


def test_a_page_that_calls_the_server_by_a_name_of_its_own_is_refused(up: Up) -> None:
    for path in ("", "/api/health", "/api/csrf-token?client=a", "/api/deployments/filter"):
        url = f"http://127.0.0.1:{up.port}{path}"
        for forged, status in (("Host", 421), ("Origin", 403)):
            headers = {forged: "http://evil.example" if forged == "Origin" else "evil.example"}
            assert httpx.get(url, headers=headers, auth=("ann", "s3cret")).status_code == status


def test_a_run_started_by_hand_is_run_by_the_warm_runner(client: httpx.Client) -> None:
    served = client.get("/deployments/name/recover/orbcast").json()["id"]
    made: list[str] = []

    def started() -> bool:
        # a server that has just started may be busy with its own database, and replies 503
        reply = client.post(f"/deployments/{served}/create_flow_run", json={}).json()
        made.append(reply["id"])
        return True

    wait_for(started)
    (run,) = made
    wait_for(
        lambda: (
            client.get(f"/flow_runs/{run}").json()["state"]["type"]
            in {"COMPLETED", "FAILED", "CRASHED"}
        )
    )
    done = client.get(f"/flow_runs/{run}").json()
    assert done["state"]["type"] == "COMPLETED"
    wait_for(lambda: is_gone(done["labels"]["orbcast.process"]))


def test_a_second_one_is_refused_by_home_and_by_port(up: Up, tmp_path: Path) -> None:
    same = orbcast(up.home, "up", "--port", str(free_port()))
    assert (same.returncode, same.stderr.count("\n")) == (3, 1)
    assert f"is running for {up.home} already" in same.stderr
    other = orbcast(tmp_path / "other", "up", "--port", str(up.port))
    assert (other.returncode, other.stderr.count("\n")) == (3, 1)
    assert f"port {up.port} on 127.0.0.1 is taken" in other.stderr


def test_its_reports_are_served_beside_it_to_who_knows_the_secret(up: Up) -> None:
    report = up.home / "reports" / "MGC" / "a.html"
    report.parent.mkdir(parents=True)
    report.write_text("<p>the verdict</p>", encoding="utf-8")
    url = f"http://127.0.0.1:{reports_port(up.port)}/MGC/a.html"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=("ann", "s3cret")).text == "<p>the verdict</p>"


def test_status_knows_of_it(up: Up) -> None:
    status = json.loads(orbcast(up.home, "status", "--json").stdout)
    assert status["server"] == up.api


def test_it_stops_when_asked_and_leaves_no_process_and_no_schedule_paused(up: Up) -> None:
    children = up.children
    assert [is_gone(child) for child in children] == [False, False]
    assert orbcast(up.home, "down").stdout.strip() == "stopped"
    assert up.process.wait(AT_MOST_SECONDS) == 0
    assert all(is_gone(child) for child in children)
    assert not up.notes.exists()
    assert list(up.temporary.iterdir()) == []
    with closing(sqlite3.connect(up.home / "prefect" / "prefect.db")) as database:
        paused = "SELECT count(*) FROM deployment_schedule WHERE NOT active"
        assert database.execute(paused).fetchone() == (0,)
    assert orbcast(up.home, "down").stdout.strip() == "not running"
