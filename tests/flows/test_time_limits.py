"""Time limits, in real processes: a hanging run is ended and reported, and the next starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from asyncio import CancelledError
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import FlowRunTimeoutError
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelling, Pending, Running, Suspended

from deployments.catalogue import deployments_of
from deployments.cli.errors import error_line, exit_status
from deployments.serving.runner import deployment
from flows import refresh_data
from flows.recover import recover
from registry.models.retrain_attempts import retrain_attempts
from registry.notices import notices
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.runs.process_mark import LABEL, LIMIT_LABEL, is_gone, mark
from tasks.runs.recovery.crashed_runs import mark_crashed_runs
from tasks.runs.recovery.overdue import end_overdue
from tasks.runs.time_limits import GRACE_SECONDS
from tasks.settings import current_settings
from tasks.training.retrain.backoff import attempt
from tests.flows.hanging import How
from tests.ml_core.builders import mgc
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("prefect_server")


@dataclass(frozen=True)
class Served:
    """The deployment of a hanging flow, one run at a time."""

    client: SyncPrefectClient

    def start(self, how: How) -> FlowRun:
        deployed = self.client.read_deployment_by_name("hang/test")
        # the notice's market, since the second of two equal notices is not sent
        parameters = {"how": how, "market": how}
        return self.client.create_flow_run_from_deployment(deployed.id, parameters=parameters)

    def end_of(self, run: FlowRun) -> FlowRun:
        wait_until(lambda: state_of(self.client, run).is_final())
        return self.client.read_flow_run(run.id)

    def slots(self) -> int:
        limit = self.client.read_deployment_by_name("hang/test").global_concurrency_limit
        assert limit is not None
        return limit.active_slots


def state_of(client: SyncPrefectClient, run: FlowRun) -> State[None]:
    state = client.read_flow_run(run.id).state
    assert state is not None
    return state


def notice_subjects_of(run: FlowRun) -> list[str]:
    every = notices(current_settings().database())
    return [record.notice.subject for record in every if f"Run {run.name} " in record.notice.body]


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        mark_crashed_runs.fn()  # clears what earlier tests left on the server
        yield made


@pytest.fixture(scope="module")
def runner(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warm runner in a separate process; yield its home."""
    del prefect_server
    home = tmp_path_factory.mktemp("hanging")
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "ORBCAST_HOME": str(home),
    }
    with (home / "runner.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.hanging"],
            cwd=PROJECT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield home
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def served(runner: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("ORBCAST_HOME", str(runner))
    with get_client(sync_client=True) as client:
        filtered = {"deployments": {"name": {"any_": ["test"]}}}
        wait_until(lambda: client.request("POST", "/deployments/filter", json=filtered).json())
        yield Served(client)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["in C", "whatever it is told"])
def test_a_run_that_no_exception_ends_is_killed_and_reported_and_the_next_one_runs(
    served: Served, how: How
) -> None:
    hung = served.end_of(served.start(how))
    assert (hung.state_name, state_of(served.client, hung).is_failed()) == ("TimedOut", True)
    after = served.end_of(served.start("not at all"))
    assert after.start_time is not None  # on a slow machine its 1 s limit may end it too
    assert hung.end_time is not None
    assert after.start_time > hung.end_time
    wait_until(lambda: is_gone(str(hung.labels[LABEL])))
    wait_until(lambda: served.slots() == 0)
    wait_until(lambda: notice_subjects_of(hung))
    assert notice_subjects_of(hung) == [f"{how.upper()}: hang timed out"]
    assert state_of(served.client, hung).name == "TimedOut"


@pytest.mark.slow
def test_a_run_that_hangs_in_python_ends_by_itself_at_its_limit(
    home: Path, client: SyncPrefectClient
) -> None:
    begun = "from tests.flows.hanging import hang; hang('in a sleep')"
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    ran = subprocess.run(
        [sys.executable, "-c", begun],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "FlowRunTimeoutError" in ran.stderr
    hangs = FlowFilter(name=FlowFilterName(any_=["hang"]))
    (run,) = [
        candidate
        for candidate in client.read_flow_runs(flow_filter=hangs)
        if candidate.parameters.get("how") == "in a sleep"
    ]
    assert run.state_name == "TimedOut"
    assert "exceeded timeout of 1.0 second" in str(state_of(client, run).message)
    assert notice_subjects_of(run) == ["hang timed out"]
    assert home.exists()


@pytest.fixture
def asleep() -> Iterator[subprocess.Popen[bytes]]:
    """A sleeping process with a sleeping child."""
    started = "import subprocess; subprocess.run(['sleep', '600'])"
    with subprocess.Popen([sys.executable, "-c", started], start_new_session=True) as process:
        wait_until(lambda: psutil.Process(process.pid).children())
        yield process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def begin(
    client: SyncPrefectClient, *, process: int, limit: float, state: State[None] | None = None
) -> FlowRun:
    """Start a run, in a process, of a deployment that takes one run at a time."""
    (spec,) = [
        candidate
        for candidate in deployments_of("mgc", mgc())
        if "outcomes" in candidate.entrypoint
    ]
    labels = {LABEL: mark(process), LIMIT_LABEL: limit}
    run = client.create_flow_run_from_deployment(deployment(spec).apply(), labels=labels)
    for entered in (Pending(), Running(), state):
        if entered is not None:
            client.set_flow_run_state(run.id, entered)
    return run


def active(client: SyncPrefectClient, run: FlowRun) -> int:
    assert run.deployment_id is not None
    limit = client.read_deployment(run.deployment_id).global_concurrency_limit
    assert limit is not None
    return limit.active_slots


@pytest.mark.usefixtures("home")
def test_recover_kills_with_all_it_started_a_run_that_a_lost_runner_left_hanging(
    client: SyncPrefectClient, asleep: subprocess.Popen[bytes]
) -> None:
    children = psutil.Process(asleep.pid).children()
    run = begin(client, process=asleep.pid, limit=-GRACE_SECONDS)
    assert active(client, run) == 1
    recovery = recover()
    assert recovery.verdict == "every run has a process; 1 runs that hung were killed"
    (row,) = recovery.dead
    assert (row.flow, row.state, row.again) == ("log-outcomes", "TimedOut", None)
    assert asleep.wait() == -signal.SIGKILL
    psutil.wait_procs(children)
    assert not any(child.is_running() for child in children)
    assert (state_of(client, run).name, active(client, run)) == ("TimedOut", 0)
    assert notice_subjects_of(client.read_flow_run(run.id)) == ["MGC: log-outcomes timed out"]
    assert recover().verdict == "every run has a process"


def test_a_run_that_hangs_while_it_is_cancelled_is_cancelled(
    client: SyncPrefectClient, asleep: subprocess.Popen[bytes]
) -> None:
    run = begin(client, process=asleep.pid, limit=-GRACE_SECONDS, state=Cancelling())
    (ended,) = end_overdue.fn()
    assert (ended.run, ended.state) == (run.name, "Cancelled")
    assert asleep.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("limit", "state"),
    [(3_600.0, None), (-GRACE_SECONDS, Suspended(timeout_seconds=600))],
    ids=["has time left", "waits for a person"],
)
def test_a_run_in_time_is_let_be(
    client: SyncPrefectClient,
    asleep: subprocess.Popen[bytes],
    limit: float,
    state: State[None] | None,
) -> None:
    run = begin(client, process=asleep.pid, limit=limit, state=state)
    assert end_overdue.fn() == []
    assert asleep.poll() is None
    client.delete_flow_run(run.id)


def test_bars_that_take_too_long_to_come_are_trouble_and_stop_no_retrain(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(*_: object, **__: object) -> None:
        raise FlowRunTimeoutError("Scope timed out after 1800.0 second(s).")

    del home
    remember_source(
        current_settings().sources_file, "mgc", SourceSpec(kind="duckdb", paths=("x.duckdb",))
    )
    monkeypatch.setattr(refresh_data, "refresh_data", hangs)
    trouble = refresh_data.refresh_standing_source("mgc")
    assert trouble is not None
    assert "timed out after 1800.0 second" in trouble


def test_a_retrain_that_is_ended_at_its_limit_counts_as_failed(home: Path) -> None:
    del home

    def ended() -> None:
        with attempt(current_settings(), "MGC"):
            raise CancelledError

    with pytest.raises(CancelledError):
        ended()
    (kept,) = retrain_attempts(current_settings().database(), "MGC")
    assert (kept.end, kept.detail) == ("failed", "it did not end within its time limit")


def test_a_command_whose_run_was_ended_says_so() -> None:
    assert "did not end within its time limit" in error_line(
        FlowRunTimeoutError("Scope timed out")
    )
    assert exit_status(FlowRunTimeoutError("Scope timed out")) == 3
