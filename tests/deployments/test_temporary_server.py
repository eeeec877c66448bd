"""A command's own Prefect server: runs while needed, and is gone however the command ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments.serving.prefect_server import temporary as module
from deployments.serving.prefect_server.health import is_healthy
from deployments.serving.prefect_server.temporary import NoTemporaryServerError, temporary_server
from tasks.runs.environment import prefect_environment, prepare_environment
from tasks.settings import Settings
from tests.trained_market import give_prefect_database
from tests.waiting import AT_MOST_SECONDS, wait_until

COMMAND = """
import sys, time
from pathlib import Path
from deployments.serving.prefect_server.temporary import temporary_server
with temporary_server(Path(sys.argv[1])) as (api, wait):
    wait()
    print(api, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, prefect_database: Path) -> Iterator[Path]:
    """A home to whose Prefect the environment points."""
    settings = Settings(home=tmp_path_factory.mktemp("prepared") / "home")
    with pytest.MonkeyPatch.context() as kept:
        for name in ("ORBCAST_HOME", "NO_PROXY", "no_proxy", *prefect_environment(settings)):
            kept.setenv(name, "")  # restored afterwards
            kept.delenv(name)
        give_prefect_database(prefect_database, settings.home)
        prepare_environment(settings)
        yield settings.home


def lives(process: psutil.Process) -> bool:
    """Return whether a process runs; a dead orphan that nobody reaps stays a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_command_however_that_ends(prepared: Path, how: signal.Signals) -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(prepared / "server.log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert command.stdout is not None
        api = command.stdout.readline().strip()
        assert is_healthy(api)
        started = psutil.Process(command.pid).children()
        command.send_signal(how)
        command.wait(AT_MOST_SECONDS)
    finally:
        command.kill()
        command.communicate()
    wait_until(lambda: not is_healthy(api))
    wait_until(lambda: not any(lives(process) for process in started))


def test_one_that_does_not_come_up_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "logs" / "server.log"
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    with temporary_server(log) as (_, wait), pytest.raises(NoTemporaryServerError) as raised:
        wait()
    assert str(log) in str(raised.value)
