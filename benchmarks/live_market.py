"""A live market on a set clock: a real `orbcast up`, and bars that arrive as they close.

libfaketime sets the clock of every process from a file that may be changed while they run, so that
Prefect's own schedule starts the runs. `make faults` exposes it to machine faults.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import psutil
from prefect.client.schemas.objects import FlowRun

from benchmarks.soak import Plan, Soak
from benchmarks.soak.server import Server
from benchmarks.soak.world import World
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from tests import set_clocks

DAY = date(2026, 9, 16)
_PATIENCE = 600.0
BEFORE_THE_SLOT = timedelta(seconds=45)
"""How long before the slot the clock is set, once everything is up."""


@cache
def preloads() -> str:
    """Return the libraries to preload into each process: libfaketime, and a fix for its waits."""
    set_clocks.LOGS.mkdir(parents=True, exist_ok=True)
    found = [set_clocks.compiled_waits(), set_clocks.library()]
    if None in found:
        sys.stderr.write(set_clocks.MISSING)
        raise SystemExit(2)
    return ":".join(filter(None, found))


class SetClock(World):
    """A market and its source on the clock that all processes share; it may go back."""

    seconds_ahead = 0.0

    def now(self) -> datetime:
        """Return the time of the set clock."""
        return datetime.now(UTC) + timedelta(seconds=self.seconds_ahead)

    def point_clock(self, moment: datetime) -> None:
        """Set the clock."""
        self.clock.parent.mkdir(parents=True, exist_ok=True)
        self.seconds_ahead = (moment - datetime.now(UTC)).total_seconds()
        beside = self.clock.with_suffix(".new")
        beside.write_text(f"{self.seconds_ahead:+.3f}\n", encoding="utf-8")
        beside.replace(self.clock)


class FakedServer(Server):
    """`orbcast up` whose processes all see the set clock."""

    def __init__(self, folder: Path, port: int, world: SetClock) -> None:
        super().__init__(folder, port, world.clock, kills=0.0, seed=7)
        self.world = world
        self.more: dict[str, str] = {}

    def now(self) -> datetime:
        """Return the time of Prefect's server and its schedules."""
        return self.world.now()

    def environment(self) -> dict[str, str]:
        """Return the environment of every process."""
        return {
            **{name: value for name, value in os.environ.items() if "PREFECT" not in name},
            "LD_PRELOAD": preloads(),
            "FAKETIME_TIMESTAMP_FILE": str(self.world.clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
            "ORBCAST_HOME": str(self.home),
            "TZ": "UTC",
            **self.more,
        }

    def start_up(self) -> None:
        """Start `orbcast up`, and wait until it serves."""
        command = [sys.executable, "-m", "deployments.cli", "up"]
        with (self.folder / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        self.asked(lambda client: client.read_deployment_by_name("recover/orbcast"))

    def tree(self) -> list[psutil.Process]:
        """Return every process of `orbcast up`."""
        assert self._process is not None
        top = psutil.Process(self._process.pid)
        return [top, *top.children(recursive=True)]

    def child(self, words: str) -> psutil.Process:
        """Return the process of `up` with these words in its command line."""
        return next(one for one in self.tree() if words in " ".join(one.cmdline()))

    def ended(self, state: str) -> int:
        """Return the number of runs that ended in a state."""
        runs: list[FlowRun] = self.asked(lambda client: client.read_flow_runs(limit=200))
        return sum(run.state_name == state for run in runs)


class Live(Soak):
    """A home, its source, and its clock, which all its processes share."""

    world: SetClock
    server: FakedServer

    def __init__(self, folder: Path, port: int) -> None:
        plan = Plan(first=DAY, days=1, seed=7, kills=0.0)
        super().__init__(folder, plan, port)
        self.world = SetClock(folder, plan, self.market)
        self.server = FakedServer(folder, port, self.world)
        self.afterwards = contextlib.ExitStack()

    def step(self, seconds: float) -> None:
        """Step the clock, like NTP or a machine that wakes up."""
        self.world.point_clock(self.world.now() + timedelta(seconds=seconds))

    def until(self, moment: datetime) -> None:
        """Wait until the clock shows a moment."""
        while self.world.now() < moment:
            time.sleep(0.1)

    def orbcast(self, *arguments: str) -> str:
        """Run a command; return its status and output in one line."""
        command = [sys.executable, "-m", "deployments.cli", *arguments]
        done = subprocess.run(
            command, env=self.server.environment(), capture_output=True, text=True, check=False
        )
        return " ".join(f"{done.returncode} {done.stdout} {done.stderr}".split())

    @contextlib.contextmanager
    def up(self, slot: Slot | None = None) -> Iterator[None]:
        """Run `orbcast up`, with bars coming in, shortly before a slot."""
        slot = slot or self.slots[1]
        self.world.set_clock(slot.decision - timedelta(minutes=20))
        ended = threading.Event()
        bars = threading.Thread(target=self._bring_bars, args=(ended,), daemon=True)
        with self.server.up():
            try:
                self.world.point_clock(slot.decision - BEFORE_THE_SLOT)
                bars.start()
                yield
                self.server.settle()
            finally:
                ended.set()

    def _bring_bars(self, ended: threading.Event) -> None:
        while not ended.wait(1.0):
            self.world.append_bars(self.world.now())

    def rows(self, slot: Slot) -> list[PredictionEntry]:
        """Return the live champion's rows of a slot."""
        entries = self.settings.ledger().of_slot(
            slot.symbol, slot.trading_day, slot.opening_range, "live"
        )
        return [entry for entry in entries if entry.role == "champion"]

    def row_of(self, slot: Slot) -> PredictionEntry:
        """Wait for a slot's row."""
        deadline = time.monotonic() + _PATIENCE
        while not (rows := self.rows(slot)):
            if time.monotonic() > deadline:
                message = f"no row of {slot}; see {self.folder / 'up.log'}"
                raise TimeoutError(message)
            time.sleep(0.3)
        return rows[0]

    def look_for_faults(self) -> list[str]:
        """Return the findings of `orbcast verify`, and each slot with more than one row."""
        verified = self.orbcast("verify")
        twice = [f"{slot} has two rows" for slot in self.slots if len(self.rows(slot)) > 1]
        return ([] if verified.startswith("0 ") else [verified]) + twice


def said(entry: PredictionEntry) -> str:
    """Return a row's prediction in words, and how long after the range's close it was made."""
    seconds = (entry.made_at - entry.decision_time).total_seconds()
    late = ", late" if entry.late else ""
    return f"{entry.reason or entry.status} after {seconds:.1f} s{late}"
