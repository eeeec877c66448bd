"""Server and worker on several machines: who may use the server, what the worker does first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.deployments.test_up import free_port
from tests.waiting import AT_MOST_SECONDS, wait_until

CONTAINERS = Path(__file__).resolve().parents[2] / "deployments" / "containers"
COMPOSE = yaml.safe_load((CONTAINERS / "compose.yaml").read_text("utf-8"))["services"]


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    return {**kept, "ORBCAST_HOME": str(home), **more}


def refused(home: Path, *words: str) -> str:
    """Return the message of a command that refuses to start; a started one would run for ever."""
    ended = subprocess.run(
        [sys.executable, "-m", *words],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=AT_MOST_SECONDS,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    return ended.stderr


def test_a_server_for_others_does_not_start_without_a_secret(tmp_path: Path) -> None:
    errors = refused(tmp_path, "deployments.distributed.server", "--host", "0.0.0.0")  # noqa: S104
    assert "set ORBCAST_AUTH" in errors


def test_a_worker_of_no_server_does_not_start(tmp_path: Path) -> None:
    assert "PREFECT_API_URL is not set" in refused(tmp_path, "deployments.distributed.worker")


@pytest.mark.slow
def test_the_server_of_the_containers_answers_its_own_names_and_no_other(tmp_path: Path) -> None:
    """The server runs as under Compose, but on its own database instead of PostgreSQL."""
    service, port = COMPOSE["server"], free_port()
    _, *words = service["entrypoint"]
    given = {
        "ORBCAST_ALLOWED_HOSTS": service["environment"]["ORBCAST_ALLOWED_HOSTS"],
        "PREFECT_UI_STATIC_DIRECTORY": str(tmp_path / "ui"),
        "ORBCAST_AUTH": "ann:s3cret",
    }
    server = subprocess.Popen(
        [sys.executable, *words, "--port", str(port)],
        env=environment(tmp_path / "home", **given),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    def status(path: str, **headers: str) -> int:
        try:
            return httpx.get(f"{url}{path}", headers=headers, timeout=AT_MOST_SECONDS).status_code
        except httpx.TransportError:
            return 0

    try:
        wait_until(lambda: status("/api/health") == 200 or server.poll() is not None)
        assert server.poll() is None
        for name in ("server:4200", "localhost:4200"):
            assert status("/api/health", Host=name) == 200, name
            assert status("/", Host=name) == 200, name
        for path in ("/api/health", "/", "/api/flow_runs/count"):
            assert status(path, Host="evil.example") == 421, path
        assert status("/api/health", Origin="http://evil.example") == 403
        assert status("/api/deployments/name/a/b") == 401
        response = httpx.get(f"{url}/api/deployments/name/a/b", auth=("ann", "s3cret"))
        assert response.status_code == 404
    finally:
        server.terminate()
        server.wait(AT_MOST_SECONDS)
