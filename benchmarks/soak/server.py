"""The processes of a soak: `orbcast up`, its runs, and the kills."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from benchmarks.soak.record import Record
from benchmarks.soak.world import PATIENCE
from tasks.runs.process_mark import LABEL, is_gone
from tasks.runs.recovery.restarts import RESTARTS, TRIES, lineage
from tasks.settings import CLOCK_FILE

MARKET = "mgc"
KEPT = {"PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": timedelta(seconds=3601),
        "PREFECT_EVENTS_RETENTION_PERIOD": timedelta(seconds=900)}  # fmt: skip
"""How long, in real time, Prefect keeps runs (at least an hour) and events."""

_BUSY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_BEGUN = [StateType(state) for state in StateType if state != StateType.SCHEDULED]
_PAGE = 200
_UNTIL_RECOVERED = 700.0
"""Seconds; a killed run's subflows look busy until `recover` runs, every ten minutes."""

_QUIET, _AFTER_KILL = 1.5, 8.0
"""Seconds without work after which nothing more is expected: normally, and if a restart is due."""

_KILLS = ("run", "runner", "runner and runs", "server")


class Server:
    """`orbcast up` of one home, and the runs started there."""

    def __init__(self, folder: Path, port: int, clock: Path, kills: float, seed: int) -> None:
        self.folder, self.port, self.kills = folder, port, kills
        self.home = folder / "home"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.record = Record()
        self.forgets = True  # like Prefect after months
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._process: subprocess.Popen[bytes] | None = None

    # -- up and down ---------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """Return the environment of every process of the soak."""
        return {
            **{name: value for name, value in os.environ.items() if "PREFECT" not in name},
            CLOCK_FILE: str(self._clock),
            "ORBCAST_HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "ORBCAST_WAIT_FOR_BARS_SECONDS": "20",  # longer than the source is locked
            "ORBCAST_APPROVAL_HOURS": "48",
        }

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Query this server within this context, with one client: each reads all certificates."""
        api = {PREFECT_API_URL: f"http://127.0.0.1:{self.port}/api"}
        with temporary_settings(api), get_client(sync_client=True) as self._client:
            yield

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Run `orbcast up`."""
        with self.connected():
            self.start_up()
            try:
                yield
            finally:
                self.stop()

    def start_up(self) -> None:
        """Start `orbcast up`, and wait until it serves."""
        command = [sys.executable, "-m", "deployments.cli", "up", "--port", str(self.port)]
        environment = self.environment()
        if self.forgets:
            kept = {name: f"PT{int(period.total_seconds())}S" for name, period in KEPT.items()}
            environment |= {**kept, "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "60"}
        with (self.folder / "up.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.asked(lambda client: client.read_deployment_by_name("recover/orbcast"))

    def stop(self) -> None:
        """Ask `orbcast up` to end; taking long is a fault."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        self._process.wait(60.0)
        if (spent := time.monotonic() - began) > 10.0:
            self.record.faults.append(f"stopping took {spent:.0f} s")
        if left := [*self.temporary.rglob("pymp-*")]:
            self.record.faults.append(f"{len(left)} folders of killed runners are left")

    def cut_power(self) -> None:
        """Kill everything at once, like a power cut; a boot removes temporary files."""
        assert self._process is not None
        self._process.kill()
        marks = [self._mark(run) for run in self._busy()]
        for mark in [*filter(None, marks), *self._children()]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(_pid(mark), signal.SIGKILL)
        self._process.wait(60.0)
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(exist_ok=True)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run an `orbcast` command on the home until it ends."""
        return subprocess.run(
            [sys.executable, "-m", "deployments.cli", "--home", str(self.home), *words],
            capture_output=True,
            text=True,
            check=False,
            env={
                **self.environment(),
                "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            },
        )

    # -- runs ----------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the time of Prefect's server and its schedules."""
        return datetime.now(UTC)

    def run(self, flow: str, key: str, **parameters: Any) -> None:
        """Start a deployment like a schedule, and wait until everything has ended.

        Something may be killed meanwhile.
        """
        self.start(flow, key, **parameters)
        if self._random.random() >= self.kills:
            self.settle()
            return
        time.sleep(self._random.uniform(0.2, 2.5))
        self.kill(self._random.choice(_KILLS))
        self.settle()

    def start(
        self, flow: str, key: str, *, delay: timedelta = timedelta(0), **parameters: Any
    ) -> None:
        """Start a deployment like a schedule: it is restarted if it crashes."""
        name = f"{flow}/{MARKET}"
        deployment = self.asked(lambda client: client.read_deployment_by_name(name))
        due = self.now() + delay
        self.asked(
            lambda client: client.create_flow_run_from_deployment(
                deployment.id,
                parameters=parameters,
                state=Scheduled(scheduled_time=due),
                idempotency_key=f"soak {key}",
                labels={RESTARTS: "soak"},
            )
        )

    def kill(self, what: str) -> None:
        """Kill the named process if it runs, and count it once it is gone."""
        if what == "run":
            marks = [mark for run in self._busy() if (mark := self._mark(run))]
        else:
            children = [(mark, _command(_pid(mark))) for mark in self._children()]
            runners = [
                mark for mark, words in children if words.endswith("deployments.serving.runner")
            ]
            servers = [mark for mark, words in children if "server" in words]
            marks = runners[-1:] if "runner" in what else servers
        for mark in marks:
            if is_gone(mark):
                continue
            with contextlib.suppress(ProcessLookupError):
                if what == "runner and runs":
                    os.killpg(_pid(mark), signal.SIGKILL)
                else:
                    os.kill(_pid(mark), signal.SIGKILL)
            if _seen_to_go(mark):
                self.record.killed[what] += 1
            else:
                self.record.faults.append(f"{what}: {mark} is there after SIGKILL")

    def settle(self) -> None:
        """Wait until no run has been under way or due for some seconds.

        A crashed run is restarted a moment after its crash is known; this waits for that, but not
        for ever.
        """
        deadline = time.monotonic() + _UNTIL_RECOVERED
        last_busy = time.monotonic()
        while True:
            due = self._due()  # read first: a run that starts meanwhile is busy then
            runs = due + self._busy()
            now = time.monotonic()
            if runs:
                last_busy = now
            quiet = now - last_busy
            if quiet > _AFTER_KILL or (quiet > _QUIET and not self._is_owed_a_run()):
                return
            if now > deadline:
                names = ", ".join(f"{run.name} {run.state_name}" for run in runs)
                message = f"still not at rest: {names}"
                raise TimeoutError(message)
            time.sleep(0.3)

    def note_runs(self) -> None:
        """Note the end of each run that the server knows, before it forgets them."""
        for run in self.runs(_BEGUN):
            own = str(run.id)
            new = own not in self.record.states
            self.record.states[own] = str(run.state_name)
            by = run.created_by.type if run.created_by else ""
            if new and by == "AUTOMATION" and "retrain" in run.name:
                self.record.by_drift += 1

    def waiting(self) -> list[FlowRun]:
        """Return the runs that wait for an approval."""
        return self.runs([StateType.PAUSED])

    def look_at_runs(self) -> None:
        """Note a fault for each run that is still under way or still holds a slot."""
        self.note_runs()
        self.record.faults += [f"run {run.name} is still {run.state_name}" for run in self._busy()]
        deployments = self.asked(lambda client: client.read_deployments(limit=200))
        self.record.faults += [
            f"{held.entrypoint} holds {held.global_concurrency_limit.active_slots} slots"
            for held in deployments
            if held.global_concurrency_limit and held.global_concurrency_limit.active_slots
        ]

    def processes(self) -> list[int]:
        """Return the processes of `orbcast up`, including itself."""
        assert self._process is not None
        return [self._process.pid, *(_pid(mark) for mark in self._children())]

    def _children(self) -> list[str]:
        file = self.home / "prefect" / "children.json"
        return [str(mark) for mark in json.loads(file.read_text("utf-8"))]

    def _mark(self, run: FlowRun) -> str:
        return str(run.labels.get(LABEL, ""))

    def _busy(self) -> list[FlowRun]:
        return self.runs(_BUSY)

    def _due(self) -> list[FlowRun]:
        soon = self.now() + timedelta(seconds=1)
        return self.runs(
            [StateType.SCHEDULED],
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=soon),
        )

    def _is_owed_a_run(self) -> bool:
        """Return whether a crashed run that should be restarted has not been."""
        runs = [run for run in self.runs(_BEGUN) if run.deployment_id]
        begun = {lineage(run) for run in runs}
        crashed = [lineage(run) for run in runs if run.state_type == StateType.CRASHED]
        return any(n < TRIES and (first, n + 1) not in begun for first, n in crashed)

    def runs(self, types: Sequence[StateType], **more: Any) -> list[FlowRun]:
        """Return the runs in some states."""
        wanted = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))), **more
        )
        runs: list[FlowRun] = []

        def page(client: SyncPrefectClient) -> list[FlowRun]:
            return client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=len(runs))

        while len(read := self.asked(page)) == _PAGE:
            runs += read
        return [*runs, *read]

    def asked(self, what: Callable[[SyncPrefectClient], Any]) -> Any:
        """Query the server, and retry while it is down."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if self._process is not None and self._process.poll() is not None:
                message = f"`orbcast up` ended: see {self.folder / 'up.log'}"
                raise RuntimeError(message)
            try:
                return what(self._client)
            except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError, LookupError) as error:
                if time.monotonic() > deadline:
                    raise
                del error
            except Exception as error:
                if type(error).__name__ != "ObjectNotFound" or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)


def _pid(mark: str) -> int:
    return int(json.loads(mark)[1])


def _seen_to_go(mark: str) -> bool:
    deadline = time.monotonic() + _AFTER_KILL
    while not (gone := is_gone(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(gone)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
