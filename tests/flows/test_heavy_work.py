"""Heavy work takes turns on a machine, and what must be in time waits for none; real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.concurrency.sync import concurrency
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from deployments.serving.prefect_server.health import is_healthy
from tasks.runs.environment import prefect_environment, server_environment
from tasks.runs.process_mark import LABEL, kill_process, process_number
from tasks.settings import current_settings
from tests.flows.taking_turns import GRACE_SECONDS, TIME_LIMIT_SECONDS
from tests.trained_market import give_prefect_database
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Turns:
    """Runs of the flows that take turns, and the folder they speak through."""

    client: SyncPrefectClient
    folder: Path

    def start(self, name: str, market: str | None = None) -> FlowRun:
        values = {"folder": str(self.folder), "name": name, "market": market}
        return self._start("take-turns/turns", values)

    def start_one_in_time(self) -> FlowRun:
        return self._start("be-in-time/turns", {})

    def _start(self, deployment: str, values: dict[str, str | None]) -> FlowRun:
        there = self.client.read_deployment_by_name(deployment)
        return self.client.create_flow_run_from_deployment(there.id, parameters=values)

    def now(self, run: FlowRun) -> FlowRun:
        return self.client.read_flow_run(run.id)

    def wait_for(self, run: FlowRun, state: str) -> FlowRun:
        wait_until(lambda: self.now(run).state_name == state, lambda: self.now(run).state)
        return self.now(run)

    def holds(self, name: str) -> bool:
        return (self.folder / f"{name}.holds").exists()

    def end(self, name: str) -> None:
        (self.folder / f"{name}.ends").touch()

    def taken(self, name: str) -> int:
        return self.client.read_global_concurrency_limit_by_name(name).active_slots


@contextmanager
def running(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """Run a module in a process of its own."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def environment(
    prefect_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment of a server as `orbcast up` runs it: a test server ends no lease."""
    home = tmp_path_factory.mktemp("turns")
    give_prefect_database(prefect_database, home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(home))
        settings = current_settings()
    made = {
        **{name: value for name, value in os.environ.items() if "PREFECT" not in name},
        **prefect_environment(settings),
        **server_environment(settings, "127.0.0.1", port),
        "ORBCAST_HOME": str(home),
        "ORBCAST_HEAVY_RUNS": "1",
    }
    server = ("deployments.serving.prefect_server.process", "port", str(port))
    with running(made, home / "server.log", *server):
        wait_until(lambda: is_healthy(made["PREFECT_API_URL"]))
        yield made


@pytest.fixture(scope="module")
def runner(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SyncPrefectClient]:
    """A warm runner in a process of its own, of a machine with one slot of heavy work."""
    api = {PREFECT_API_URL: environment["PREFECT_API_URL"]}
    log = tmp_path_factory.mktemp("runner") / "runner.log"
    with (
        running(environment, log, "tests.flows.taking_turns"),
        temporary_settings(api),
        get_client(sync_client=True) as client,
    ):
        filtered = {"deployments": {"name": {"any_": ["turns"]}}}
        wait_until(
            lambda: len(client.request("POST", "/deployments/filter", json=filtered).json()) > 1
        )
        yield client


@pytest.fixture
def turns(runner: SyncPrefectClient, tmp_path: Path) -> Turns:
    return Turns(runner, tmp_path)


MACHINE = f"orbcast-heavy-{socket.gethostname()}"


def test_a_run_waits_for_its_turn_past_its_time_limit_and_a_prediction_for_none(
    turns: Turns,
) -> None:
    turns.start("first")
    wait_until(lambda: turns.holds("first"))
    turns.end("first")
    wait_until(lambda: turns.taken(MACHINE) == 0)
    with concurrency(MACHINE):
        second = turns.wait_for(turns.start("second"), "Running")
        third = turns.wait_for(turns.start("third"), "Running")
        assert second.start_time is not None
        late = datetime.now(UTC) + timedelta(seconds=TIME_LIMIT_SECONDS + GRACE_SECONDS + 2.0)
        turns.wait_for(turns.start_one_in_time(), "Completed")
        wait_until(lambda: datetime.now(UTC) > late)
        assert turns.now(second).state_name == turns.now(third).state_name == "Running"
        assert not turns.holds("second")
        assert not turns.holds("third")
    wait_until(lambda: turns.holds("second") or turns.holds("third"))
    assert turns.taken(MACHINE) == 1
    turns.end("second")
    turns.end("third")
    turns.wait_for(second, "Completed")
    turns.wait_for(third, "Completed")
    wait_until(lambda: turns.taken(MACHINE) == 0)


def test_a_run_without_a_place_has_no_process_and_begins_when_one_is_free_in_order(
    turns: Turns,
) -> None:
    with concurrency(MACHINE, strict=False):
        first = turns.wait_for(turns.start("first"), "Running")
        second = turns.wait_for(turns.start("second"), "Running")
        third = turns.wait_for(turns.start("third"), "AwaitingConcurrencySlot")
        fourth = turns.wait_for(turns.start("fourth"), "AwaitingConcurrencySlot")
        cancelled = turns.wait_for(turns.start("cancelled"), "AwaitingConcurrencySlot")
        turns.client.set_flow_run_state(cancelled.id, Cancelling())
        turns.wait_for(cancelled, "Cancelled")  # at once: there is no process to wait for
        turns.wait_for(turns.start_one_in_time(), "Completed")
        assert LABEL not in turns.now(third).labels
        for name in ("first", "second", "third", "fourth"):
            turns.end(name)
    for run in (first, second, third, fourth):
        turns.wait_for(run, "Completed")
    assert turns.now(third).start_time < turns.now(fourth).start_time  # type: ignore[operator]
    assert turns.now(cancelled).state_name == "Cancelled"


def test_the_slot_of_a_killed_run_is_free_again(turns: Turns) -> None:
    killed = turns.start("killed", "MGC")
    wait_until(lambda: turns.holds("killed"))
    assert turns.taken("orbcast-retrain-MGC") == 1
    kill_process(process_number(str(turns.now(killed).labels[LABEL])))
    after = turns.start("after", "MGC")
    turns.end("after")
    turns.wait_for(after, "Completed")
    wait_until(lambda: turns.taken("orbcast-retrain-MGC") == 0)
    assert turns.taken(MACHINE) == 0


def test_a_run_that_hangs_with_its_slot_is_still_killed(turns: Turns) -> None:
    hung = turns.start("hung")
    turns.wait_for(hung, "TimedOut")
    wait_until(lambda: turns.taken(MACHINE) == 0)
