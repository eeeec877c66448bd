"""A home at 11:30 on a trading day, and the dashboard that serves it to a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.live_days import answer_live, set_clock
from tests.trained_market import copy_home, made_once
from tests.waiting import AT_MOST_SECONDS, wait_until

NOW = datetime(2024, 11, 28, 1, 30, tzinfo=UTC)
"""Thursday, 11:30 in Brisbane: three ranges of the day are closed, three are to come."""

FIRST_DAY = date(2024, 11, 18)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(home: Path, clock: Path | None = None) -> Iterator[str]:
    """Run `orbcast dashboard` on a home; yield its address."""
    port = free_port()
    environment = {**os.environ, **({"ORBCAST_CLOCK_FILE": str(clock)} if clock else {})}
    command = [sys.executable, "-m", "deployments.cli", "--home", str(home), "dashboard"]
    command += ["--no-browser", "--port", str(port)]
    log = home.parent / f"dashboard-{port}.log"
    with log.open("w") as log_file:
        process = subprocess.Popen(command, env=environment, stdout=log_file, stderr=log_file)
    try:

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()
            return answers(f"http://127.0.0.1:{port}/_stcore/health")

        wait_until(is_up, log.read_text)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(AT_MOST_SECONDS)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as reply:  # noqa: S310 - our own server's
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


@pytest.fixture(scope="session")
def day_home(
    run_folder: Path,
    untouched_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Path:
    """Return the trained home after eight days of live predictions and two replayed days."""

    def live(folder: Path) -> None:
        request.getfixturevalue("prefect_server")
        from flows.log_outcomes import log_outcomes  # noqa: PLC0415 - Prefect, where used

        home = shutil.copytree(untouched_home, tmp_path_factory.mktemp("day") / "home")
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ORBCAST_HOME", str(home))
            set_clock(patch, folder / "clock", NOW)
            answer_live(patch, FIRST_DAY, NOW, replayed_before=FIRST_DAY + timedelta(days=2))
            log_outcomes("mgc")
        copy_home(home, folder / "home")

    return made_once(run_folder / "day", live) / "home"


@pytest.fixture(scope="session")
def dashboard(day_home: Path) -> Iterator[str]:
    """The address of that home's dashboard."""
    with served(day_home, day_home.parent / "clock") as url:
        yield url
