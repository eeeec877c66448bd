"""The soak: weeks of trading through the real server and real processes, while they are killed.

A simulated clock stands at each decision in turn; the trader's database holds what has happened by
then. Runner, server and runs are killed with SIGKILL at random moments, the source is locked, a
day has no data. At the end every slot must have one row, and nothing may be left over.

``make soak`` runs thirty days, about half an hour; the tests run one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
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

from deployments.catalogue import RETRAIN_AT
from deployments.simulated import write_database
from tasks.data.sources import SourceSpec, remember_source
from tasks.prediction.slots import Slot, slots_between
from tasks.runs.process_mark import LABEL, is_gone
from tasks.runs.recovery import RESTARTS, TRIES, lineage
from tasks.settings import CLOCK_FILE, Settings

MARKET = "mgc"
HISTORY = timedelta(days=300)
"""Of bars before the first day, which the first versions learn from."""

MOST_SILENT = 0.2
"""Share of the slots with bars that may go without a prediction, for what was killed."""

EDGE = 0.03
_AFTER_CLOSE = timedelta(seconds=2)
_BUSY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_BEGUN = [StateType(state) for state in StateType if state != StateType.SCHEDULED]
_PATIENCE = 300.0
_PAGE = 200
_QUIET, _AFTER_KILL = 1.5, 8.0
"""Seconds after which nothing is expected any more: of rest, and where a restart is owed."""

_KILLS = ("run", "runner", "runner and runs", "server")


def _print(words: str) -> None:
    print(words, flush=True)


@dataclass(slots=True)
class Plan:
    """What happens in which order.

    Attributes
    ----------
    first, days
        First trading day and how many weekdays.
    kills
        Share of runs during which something is killed.
    without_data, locked
        Weekdays, by number, on which the source gets no bars; on which it is locked for a while.
    """

    first: date
    days: int
    seed: int
    kills: float
    without_data: frozenset[int] = frozenset()
    locked: frozenset[int] = frozenset()


@dataclass(slots=True)
class Record:
    """What came of it; ``faults`` must be empty.

    Attributes
    ----------
    planned, slots, predicted
        Slots of the plan; those with one row in the ledger; those with a prediction in it.
    killed
        Processes that were there, got SIGKILL and were seen to be gone, by what they were.
    locked
        How often the source was locked.
    """

    planned: int = 0
    slots: int = 0
    predicted: int = 0
    locked: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    late: int = 0
    versions: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return it in a few lines."""
        reasons = ", ".join(f"{count} {why}" for why, count in self.answered.most_common())
        killed = ", ".join(f"{what} {count} times" for what, count in self.killed.most_common())
        runs = ", ".join(f"{count} {state}" for state, count in self.states.most_common())
        rows = f"{self.slots} of {self.planned} slots have their row, {self.predicted} predicted"
        dead = f"killed with SIGKILL and seen dead: {killed or 'nothing'}"
        return [
            f"{rows}: {reasons}; {self.late} late",
            f"{dead}; source locked {self.locked} times",
            f"runs: {runs}",
            f"{self.versions} model versions, no two alike",
            f"{self.seconds / 60.0:.0f} minutes",
            *(f"FAULT: {fault}" for fault in self.faults),
        ]


class Soak:
    """One soak in a folder of its own."""

    def __init__(
        self, folder: Path, plan: Plan, port: int, say: Callable[[str], object] = _print
    ) -> None:
        self.folder, self.plan, self.port, self.say = folder, plan, port, say
        self.home = folder / "home"
        self.settings = Settings(home=self.home)
        self.market = self.settings.market(MARKET)
        self.record = Record()
        self._random = random.Random(plan.seed)  # noqa: S311 - no secret
        self._clock = folder / "clock"
        self._trader, self._world = folder / "trader.duckdb", folder / "world.duckdb"
        self._ahead = -1e12
        self._dark_from: datetime | None = None
        last = plan.first + timedelta(days=plan.days * 7 // 5 + 4)
        slots = slots_between(self.market, plan.first, last)
        days = sorted({slot.trading_day for slot in slots})[: plan.days]
        self.slots = [slot for slot in slots if slot.trading_day in days]
        self._day_number = {day: number for number, day in enumerate(days)}

    # -- the world -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Simulate the market; give the trader's database what was known before the first day."""
        last = self.slots[-1].trading_day + timedelta(days=1)
        begin = self.plan.first - HISTORY
        write_database(self._world, self.market, begin, last, EDGE, self.plan.seed)
        with duckdb.connect(str(self._trader)) as connection:
            connection.execute(f"ATTACH '{self._world}' AS world (READ_ONLY)")
            connection.execute("CREATE TABLE bars_1m AS SELECT * FROM world.bars_1m LIMIT 0")
        self.home.mkdir(parents=True)
        spec = SourceSpec(
            kind="duckdb", paths=(str(self._trader),), columns={"contract": "contract"}
        )
        remember_source(self.settings.sources_file, MARKET, spec)
        self.set_clock(self.slots[0].decision - timedelta(hours=2))

    def set_clock(self, moment: datetime) -> None:
        """Move the simulated clock on to a moment, and the trader's database with it."""
        self.point_clock(moment)
        self.append_bars(min(moment, self._dark_from or moment))

    def point_clock(self, moment: datetime) -> None:
        """Move the simulated clock on to a moment; it never goes back."""
        self._ahead = max((moment - datetime.now(UTC)).total_seconds(), self._ahead)
        beside = self._clock.with_suffix(".new")
        beside.write_text(str(self._ahead), encoding="utf-8")
        beside.replace(self._clock)

    def append_bars(self, moment: datetime) -> None:
        """Write what has closed by a moment into the trader's database."""
        until = (moment - timedelta(minutes=1)).astimezone(UTC).replace(tzinfo=None)

        def append(own: duckdb.DuckDBPyConnection) -> None:
            own.execute(f"ATTACH '{self._world}' AS world (READ_ONLY)")
            own.execute(
                "INSERT INTO bars_1m SELECT * FROM world.bars_1m WHERE ts_utc <= ? AND ts_utc > "
                "coalesce((SELECT max(ts_utc) FROM bars_1m), TIMESTAMP '2000-01-01')",
                [until],
            )

        _write(self._trader, append)

    # -- the processes -------------------------------------------------------------------------

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Have `orbcast up` running."""
        environment = {
            **{name: value for name, value in os.environ.items() if "PREFECT" not in name},
            CLOCK_FILE: str(self._clock),
            "ORBCAST_HOME": str(self.home),
            "ORBCAST_WAIT_FOR_BARS_SECONDS": "20",  # longer than the source is locked
        }
        command = [sys.executable, "-m", "deployments.cli", "up", "--port", str(self.port)]
        with (self.folder / "up.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{self.port}/api"}):
                self.asked(lambda client: client.read_deployment_by_name("recover/orbcast"))
                yield
        finally:
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.wait(60.0)
            if (spent := time.monotonic() - began) > 10.0:
                self.record.faults.append(f"stopping took {spent:.0f} s")

    def run(self, flow: str, key: str, **parameters: Any) -> None:
        """Start a deployment as a schedule would, and wait until everything has ended.

        Something may be killed meanwhile.
        """
        self.start(flow, key, **parameters)
        if self._random.random() >= self.plan.kills:
            self.settle()
            return
        time.sleep(self._random.uniform(0.2, 2.5))
        self._kill(self._random.choice(_KILLS))
        self.settle()

    def start(
        self, flow: str, key: str, *, delay: timedelta = timedelta(0), **parameters: Any
    ) -> None:
        """Start a deployment as a schedule would: it is started again if it crashes."""
        name = f"{flow}/{MARKET}"
        deployment = self.asked(lambda client: client.read_deployment_by_name(name))
        due = datetime.now(UTC) + delay
        self.asked(
            lambda client: client.create_flow_run_from_deployment(
                deployment.id,
                parameters=parameters,
                state=Scheduled(scheduled_time=due),
                idempotency_key=f"soak {key}",
                labels={RESTARTS: "soak"},
            )
        )

    def _kill(self, what: str) -> None:
        if what == "run":
            marks = [str(run.labels[LABEL]) for run in self._busy() if LABEL in run.labels]
        else:
            file = self.home / "prefect" / "children.json"
            children = [
                (mark, _command(_pid(mark))) for mark in json.loads(file.read_text("utf-8"))
            ]
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

        A crashed run is started again a moment after its crash is known: that is waited for, but
        not for ever.
        """
        deadline = time.monotonic() + _PATIENCE
        last_busy = time.monotonic()
        while True:
            due = self._due()  # asked first: what begins meanwhile is busy then
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

    def _busy(self) -> list[FlowRun]:
        return self._runs(_BUSY)

    def _due(self) -> list[FlowRun]:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        return self._runs(
            [StateType.SCHEDULED],
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=soon),
        )

    def _is_owed_a_run(self) -> bool:
        """Return whether a run crashed that has not been started again, and should be."""
        runs = [run for run in self._runs(_BEGUN) if run.deployment_id]
        begun = {lineage(run) for run in runs}
        crashed = [lineage(run) for run in runs if run.state_type == StateType.CRASHED]
        return any(n < TRIES and (first, n + 1) not in begun for first, n in crashed)

    def _runs(self, types: Sequence[StateType], **more: Any) -> list[FlowRun]:
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
        """Ask the server, again and again while it is down."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with get_client(sync_client=True) as client:
                    return what(client)
            except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError, LookupError) as error:
                if time.monotonic() > deadline:
                    raise
                del error
            except Exception as error:
                if type(error).__name__ != "ObjectNotFound" or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    # -- the days ------------------------------------------------------------------------------

    def go(self) -> Record:
        """Run it all; give what came of it."""
        began = time.monotonic()
        self.prepare()
        self.say(f"A market to {self.slots[-1].trading_day}, {len(self.slots)} slots to come")
        with self.up():
            kills, self.plan.kills = self.plan.kills, 0.0
            self.run("nightly-retrain", "first")
            self.plan.kills = kills
            for number, slot in enumerate(self.slots):
                self._at(slot)
                following = self.slots[number + 1] if number + 1 < len(self.slots) else None
                if following is None or following.trading_day != slot.trading_day:
                    self._night(slot.trading_day)
            self.plan.kills = 0.0
            self.run("refresh-data", "last")
            self.run("log-outcomes", "last")
            self._look_at_runs()
        self._look_at_record()
        self.record.seconds = time.monotonic() - began
        return self.record

    def _at(self, slot: Slot) -> None:
        number = self._day_number[slot.trading_day]
        if number in self.plan.without_data and self._dark_from is None:
            self._dark_from = slot.decision - timedelta(minutes=30)
        if number not in self.plan.without_data:
            self._dark_from = None
        self.set_clock(slot.decision + _AFTER_CLOSE)
        locked = number in self.plan.locked and slot.opening_range == self.slots[0].opening_range
        with self._locked_source() if locked else contextlib.nullcontext():
            self.run("shadow-predict", str(slot), opening_range=slot.opening_range)

    def _night(self, day: date) -> None:
        hour, minute = RETRAIN_AT
        morning = datetime.combine(day + timedelta(days=1), datetime.min.time()).replace(
            hour=hour, minute=minute, tzinfo=ZoneInfo(self.market.zone)
        )
        self.set_clock(morning)
        for flow in ("nightly-retrain", "log-outcomes", "audit"):  # drift is checked by the first
            self.run(flow, f"{flow} {day}")
        self.say(f"{day}: {sum(self.record.killed.values())} kills so far")

    @contextlib.contextmanager
    def _locked_source(self) -> Iterator[None]:
        """Hold the trader's database open for writing in another process, for five seconds."""
        hold = (
            "import duckdb, sys, time; own = duckdb.connect(sys.argv[1]);"
            "print('held', flush=True); time.sleep(5)"
        )
        command = [sys.executable, "-c", hold, str(self._trader)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            self.record.locked += 1
            yield

    # -- what came of it -----------------------------------------------------------------------

    def _look_at_runs(self) -> None:
        self.record.states = Counter(str(run.state_name) for run in self._runs(_BEGUN))
        self.record.faults += [f"run {run.name} is still {run.state_name}" for run in self._busy()]
        deployments = self.asked(lambda client: client.read_deployments(limit=200))
        self.record.faults += [
            f"{held.entrypoint} holds {held.global_concurrency_limit.active_slots} slots"
            for held in deployments
            if held.global_concurrency_limit and held.global_concurrency_limit.active_slots
        ]

    def _look_at_record(self) -> None:
        record, faults = self.record, self.record.faults
        ledger = self.settings.ledger().settled(self.market.symbol, mode="live")
        wanted = {(slot.trading_day, slot.opening_range) for slot in self.slots}
        rows = [
            row.prediction
            for row in ledger
            if row.prediction.role == "champion"
            and (row.prediction.trading_day, row.prediction.opening_range) in wanted
        ]
        have = Counter((row.trading_day, row.opening_range) for row in rows)
        faults += [f"{day} {name} has no row" for day, name in sorted(wanted - have.keys())]
        faults += [f"{day} {name} has {n} rows" for (day, name), n in have.items() if n > 1]
        record.planned = len(wanted)
        record.slots = sum(count == 1 for count in have.values())
        record.answered = Counter(str(row.reason or row.status) for row in rows)
        record.predicted = record.answered["predicted"]
        with_bars = sum(
            self._day_number[slot.trading_day] not in self.plan.without_data for slot in self.slots
        )
        if record.predicted < (1.0 - MOST_SILENT) * with_bars:
            faults.append(f"only {record.predicted} of {with_bars} slots with bars were predicted")
        record.late = sum(row.late for row in rows)
        models = self.settings.models()
        versions = models.versions(self.market.symbol)
        record.versions = len(versions)
        alike = Counter(version.sums_hash for version in versions)
        faults += [f"{n} versions have the files {one}" for one, n in alike.items() if n > 1]
        faults += [
            f"{version.version}: {models.faults(version)}"
            for version in versions
            if models.faults(version)
        ]
        with duckdb.connect(str(self._trader), read_only=True) as connection:
            (bars,) = connection.execute("SELECT count(*) FROM bars_1m").fetchone() or (0,)
        in_lake = self.settings.lake().status(self.market.symbol).bars
        if bars != in_lake:
            faults.append(f"the source has {bars} bars, the lake {in_lake}")
        command = [sys.executable, "-m", "deployments.cli", "--home", str(self.home), "verify"]
        verified = subprocess.run(command, capture_output=True, text=True, check=False)
        if verified.returncode:
            faults.append(f"verify: {verified.stdout} {verified.stderr}")


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


def _write(path: Path, statements: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
    """Write to a database as a trader's script does: again, if another process reads it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with duckdb.connect(str(path)) as connection:
                statements(connection)
        except duckdb.IOException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def main() -> None:
    """Run thirty days."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="weekdays")
    parser.add_argument("--first", type=date.fromisoformat, default=date(2025, 10, 20))
    parser.add_argument("--kills", type=float, default=0.15, help="share of runs")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--port", type=int, default=4390)
    parser.add_argument("--keep", type=Path, help="folder to work in and to keep")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="orbcast-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        first=given.first,
        days=given.days,
        seed=given.seed,
        kills=given.kills,
        without_data=frozenset({7}),
        locked=frozenset({3, 15}),
    )
    record = Soak(folder, plan, given.port).go()
    print("\n".join(record.lines()))
    if not given.keep:
        shutil.rmtree(folder)
    sys.exit(bool(record.faults))


if __name__ == "__main__":
    main()
