"""Workers on lost machines: two host names, one PostgreSQL, killed in the middle of a run.

One worker's machine is lost while a prediction waits for its bars there: everything on it is
killed with SIGKILL, and nothing remains that could see its processes. The other worker has to
predict. Then that one is lost too, with runs due meanwhile, and returns under another name, like a
recreated container. Each slot must have exactly one row, and no run may be left.

    python -m benchmarks.lost_worker

It must run as root, to give a process its own host name (Linux, `unshare --uts`), needs the
system's PostgreSQL with its extensions (`apt-get install postgresql`), and takes some ten minutes.
The results are in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running, Scheduled
from sqlalchemy.engine import URL

from benchmarks.soak import Plan, Soak
from benchmarks.soak.record import Record
from benchmarks.soak.server import MARKET, Server
from ml_core.decision.slot import Slot
from tasks.runs.process_mark import LABEL
from tasks.settings import Settings
from tests.registry.conftest import _statement, started_server

WAITS_SECONDS = 240
"""How long a prediction waits for bars that do not come."""

MISSED_BY_HAND = 5
"""Number of log-outcomes runs that were due while there was no worker."""

_PROJECT = Path(__file__).resolve().parents[1]
_PATIENCE = 400.0


class Workers(Server):
    """Workers on separate machines, and their server, in place of `orbcast up`."""

    def __init__(self, folder: Path, port: int, clock: Path, urls: dict[str, str]) -> None:
        super().__init__(folder, port, clock, kills=0.0, seed=0)
        self.urls = urls
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self) -> dict[str, str]:
        """Return the environment of every process."""
        return {
            **super().environment(),
            "ORBCAST_DATABASE_URL": self.urls["orbcast"],
            "ORBCAST_WAIT_FOR_BARS_SECONDS": str(WAITS_SECONDS),
            "PREFECT_API_DATABASE_CONNECTION_URL": self.urls["prefect"],
        }

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Run the server, with every deployment and no worker."""
        words = ("-m", "deployments.distributed.server", "--port", str(self.port))
        server = self._started("server", (sys.executable, *words), self.environment())
        try:
            with self.connected():
                self.asked(lambda client: client.hello().raise_for_status())
                self._prefect("work-pool", "create", "local", "--type", "process", "--overwrite")
                self._prefect("--no-prompt", "deploy", "--all")
                yield
        finally:
            for name in list(self._workers):
                self.lose(name)
            server.terminate()
            server.wait(60.0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the workers that were started and not lost."""
        return tuple(self._workers)

    def begin_worker(self, name: str) -> None:
        """Start a worker on a machine with a name."""
        inner = f'hostname {name}; exec "$0" -m deployments.distributed.worker --name {name}'
        command = ("unshare", "--uts", "sh", "-c", inner, sys.executable)
        self._workers[name] = self._started(name, command, self._of_clients())

    def lose(self, name: str) -> None:
        """Kill everything on a machine at once; a surviving process would report the end."""
        machine = _machine(self._workers.pop(name).pid)
        while there := [pid for pid in psutil.pids() if _machine(pid) == machine]:
            for pid in there:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def works(self, name: str) -> bool:
        """Return whether the server has heard from a worker."""
        found = self.asked(
            lambda client: client.request("POST", "/work_pools/local/workers/filter", json={})
        )
        return any(each["name"] == name for each in found.json())

    def waiting_for_bars(self) -> tuple[FlowRun, str] | None:
        """Return the prediction that is under way, and its machine; None without one."""
        for run in self.busy():
            if "opening_range" in run.parameters and LABEL in run.labels and run.start_time:
                return run, json.loads(str(run.labels[LABEL]))[0]
        return None

    def busy(self) -> list[FlowRun]:
        """Return the runs whose state says that a process works on them."""
        return self._busy()

    def state_of(self, run: FlowRun) -> str:
        """Return the name of a run's state."""
        return str(self.asked(lambda client: client.read_flow_run(run.id)).state_name)

    def stuck_recover(self, host: str) -> FlowRun:
        """Create a run of recover that a lost machine had started."""

        def begin(client: SyncPrefectClient) -> FlowRun:
            recover = client.read_deployment_by_name("recover/orbcast").id
            run = client.create_flow_run_from_deployment(
                recover, labels={LABEL: json.dumps([host, 1, 0.0])}, state=Scheduled()
            )
            for state in (Pending(), Running()):
                client.set_flow_run_state(run.id, state, force=True)
            return run

        run: FlowRun = self.asked(begin)
        return run

    def overdue_outcomes(self) -> list[FlowRun]:
        """Create runs that were due while there was no worker."""
        name = f"log-outcomes/{MARKET}"
        deployment = self.asked(lambda client: client.read_deployment_by_name(name)).id

        def due(minutes: int) -> FlowRun:
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            run: FlowRun = self.asked(
                lambda client: client.create_flow_run_from_deployment(
                    deployment, state=Scheduled(scheduled_time=at)
                )
            )
            return run

        return [due(5 + 15 * number) for number in range(MISSED_BY_HAND)]

    def _of_clients(self) -> dict[str, str]:
        return {**self.environment(), "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api"}

    def _started(
        self, name: str, command: tuple[str, ...], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=_PROJECT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _prefect(self, *words: str) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            env=self._of_clients(),
            cwd=_PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(ended.stdout + ended.stderr)


class LostWorkers(Soak):
    """The soak's market, with workers in place of `orbcast up`."""

    def __init__(self, folder: Path, port: int, server: URL) -> None:
        super().__init__(folder, Plan(first=date(2025, 11, 3), days=1, seed=5, kills=0.0), port)
        urls = {
            name: server.set(database=name).render_as_string(hide_password=False)
            for name in ("orbcast", "prefect")
        }
        urls["prefect"] = urls["prefect"].replace("+psycopg", "+asyncpg")
        self.settings = Settings(home=self.home, database_url=urls["orbcast"])
        self.workers = self.server = Workers(folder, port, self.world.clock, urls)

    def predicting(self, slot: Slot) -> tuple[FlowRun, str]:
        """Start the prediction of a slot whose bars are missing; return its run and machine."""
        self.world.point_clock(slot.decision + timedelta(seconds=2))
        self.server.start("shadow-predict", str(slot), opening_range=slot.opening_range)
        found: list[tuple[FlowRun, str]] = []

        def seen() -> bool:
            found.extend(filter(None, [self.workers.waiting_for_bars()]))
            return bool(found)

        self.until(seen, "a run that waits for its bars")
        return found[0]

    def until(self, what: Callable[[], bool], words: str) -> None:
        """Wait for a condition, and print the seconds that it took."""
        began = time.monotonic()
        while not what():
            if time.monotonic() - began > _PATIENCE:
                self.record.faults.append(f"not within {_PATIENCE:.0f} s: {words}")
                return
            time.sleep(0.5)
        self.say(f"{words}: after {time.monotonic() - began:.0f} s")

    def rows_of(self, slot: Slot) -> list[str]:
        """Return the champion's ledger rows of a slot."""
        rows = self.settings.ledger().settled(
            self.market.symbol, first=slot.trading_day, last=slot.trading_day
        )
        return [
            row.prediction.status + (" late" if row.prediction.late else "")
            for row in rows
            if row.prediction.opening_range == slot.opening_range
            and row.prediction.role == "champion"
        ]

    # -- the trial -----------------------------------------------------------------------------

    def try_it(self) -> None:
        """Lose one worker, then the other; check what is left."""
        first, second = self.slots[:2]
        for name in ("worker-a", "worker-b"):
            self.workers.begin_worker(name)
            self.until(lambda name=name: self.workers.works(name), f"{name} works")  # type: ignore[misc]
        self.server.run("nightly-retrain", "first")

        run, host = self.predicting(first)
        self.workers.lose(host)
        self.say(f"{host} is gone, in the middle of {run.name}")
        self.world.append_bars(first.decision)
        self.until(lambda: self.workers.state_of(run) == "Crashed", "its run is Crashed")
        self.until(lambda: bool(self.rows_of(first)), "the other worker answered for it")
        self.server.settle()

        (last,) = self.workers.names
        run, _ = self.predicting(second)
        self.workers.lose(last)
        stuck = self.workers.stuck_recover(last)
        self.say(f"{last} is gone, in the middle of {run.name} and of recover")
        overdue = self.workers.overdue_outcomes()
        self.world.append_bars(second.decision)
        self.workers.begin_worker("worker-c")
        self.until(lambda: self.workers.works("worker-c"), "worker-c works")
        self.until(lambda: self.workers.state_of(run) == "Crashed", "its run is Crashed")
        self.until(lambda: self.workers.state_of(stuck) == "Crashed", "that recover is Crashed")
        self.until(lambda: bool(self.rows_of(second)), "worker-c answered for it")
        self.server.settle()

        states = sorted(self.workers.state_of(each) for each in overdue)
        self.say(f"runs of log-outcomes that were due meanwhile: {', '.join(states)}")
        if states.count("Cancelled") < MISSED_BY_HAND - 1:  # an event's run replaces the last
            self.record.faults.append(
                f"of {MISSED_BY_HAND} alike more than one was done: {states}"
            )
        for slot in (first, second):
            self.say(f"{slot}: {', '.join(self.rows_of(slot))}")
            if len(self.rows_of(slot)) != 1:
                self.record.faults.append(f"{slot} has {len(self.rows_of(slot))} rows")
        self.record.faults += [
            f"{run.name} is still {run.state_name}" for run in self.workers.busy()
        ]
        self.record.faults += self._verified()

    def _verified(self) -> list[str]:
        ended = self.server.command("verify")
        self.say(next(iter(ended.stdout.splitlines()), ended.stderr))
        return [] if ended.returncode == 0 else [f"verify: {ended.stdout}{ended.stderr}"]


def _machine(pid: int) -> int | None:
    """Return an id of a process's machine; None if the process is gone."""
    with contextlib.suppress(OSError, psutil.NoSuchProcess):
        if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            return Path(f"/proc/{pid}/ns/uts").stat().st_ino
    return None


def print_result(record: Record, folder: Path, began: float, *, keep: bool) -> bool:
    """Print the faults and the minutes since ``began``; return whether there are faults."""
    for fault in record.faults:
        print(f"FAULT: {fault}")
    print(f"{len(record.faults)} faults, {(time.monotonic() - began) / 60.0:.0f} minutes")
    print(f"logs: {folder}" if keep or record.faults else "")
    return bool(record.faults)


def main() -> None:
    """Run the trial and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4260)
    parser.add_argument("--keep", action="store_true", help="keep the folder with its logs")
    asked = parser.parse_args()
    # whatever it started ends with it, however it ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    folder = Path(tempfile.mkdtemp(prefix="orbcast-lost-"))
    began = time.monotonic()
    with started_server("orbcast", of_system=True) as (url, _), contextlib.ExitStack() as stack:
        for name in ("orbcast", "prefect"):
            _statement(url, f"CREATE DATABASE {name}")
        campaign = LostWorkers(folder, asked.port, url)
        campaign.prepare()
        stack.enter_context(campaign.server.up())
        campaign.try_it()
    raise SystemExit(print_result(campaign.record, folder, began, keep=asked.keep))


if __name__ == "__main__":
    main()
