"""A soak from its first day to its result."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.soak import findings, home
from benchmarks.soak.plan import Plan
from benchmarks.soak.record import Record
from benchmarks.soak.server import MARKET, Server
from benchmarks.soak.world import World
from deployments.catalogue import RETRAIN_AT
from ml_core.decision.slot import Slot
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.settings import Settings

_AFTER_CLOSE = timedelta(seconds=2)
_RECIPE = "residual-mirrored"
_PERSON = ("--by", "ann", "--reason", "looked at it for a day", "--against-the-evidence")


def _print(words: str) -> None:
    print(words, flush=True)


class Soak:
    """One soak in its own folder."""

    def __init__(
        self, folder: Path, plan: Plan, port: int, say: Callable[[str], object] = _print
    ) -> None:
        self.folder, self.plan, self.port, self.say = folder, plan, port, say
        self.home = folder / "home"
        self.settings = Settings(home=self.home)
        self.market = self.settings.market(MARKET)
        self.world = World(folder, plan, self.market)
        self.server = Server(folder, port, self.world.clock, plan.kills, plan.seed)
        self._serving_time: datetime | None = None

    @property
    def record(self) -> Record:
        """The result so far."""
        return self.server.record

    @property
    def slots(self) -> list[Slot]:
        """The slots of the plan, in order."""
        return self.world.slots

    def prepare(self) -> None:
        """Simulate the market, and name the trader's database as its source."""
        self.world.prepare()
        self.home.mkdir(parents=True, exist_ok=True)
        spec = SourceSpec(
            kind="duckdb", paths=(str(self.world.trader),), columns={"contract": "contract"}
        )
        remember_source(self.settings.sources_file, MARKET, spec)

    def go(self) -> Record:
        """Run all days and return the result."""
        began = time.monotonic()
        self.prepare()
        self.say(f"A market to {self.slots[-1].trading_day}, {len(self.slots)} slots to come")
        with self.server.up():
            with self._spared():
                self.server.run("nightly-retrain", "first")
            for number, slot in enumerate(self.slots):
                self._at(slot)
                following = self.slots[number + 1] if number + 1 < len(self.slots) else None
                if following is None or following.trading_day != slot.trading_day:
                    self._night(slot.trading_day)
            with self._spared():
                self.server.run("refresh-data", "last", full=True)
                self.server.run("log-outcomes", "last")
            self.server.look_at_runs()
            home.look_at_retention(self.server)
        self.look_at_record()
        self.record.seconds = time.monotonic() - began
        return self.record

    def look_at_record(self) -> None:
        """Compare the ledger, the versions and the lake with the plan and the source."""
        findings.look_at_ledger(self.record, self.settings, self.world)
        findings.look_at_versions(self.record, self.settings, self.market.symbol)
        findings.look_at_lake(self.record, self.settings, self.world)
        findings.look_at_events(self.record, self.plan)
        self.record.look_at_growth()
        verified = self.server.command("verify")
        if verified.returncode:
            self.record.faults.append(f"verify: {verified.stdout} {verified.stderr}")

    @contextlib.contextmanager
    def _spared(self) -> Iterator[None]:
        """Suspend all kills within this context."""
        kills, self.server.kills = self.server.kills, 0.0
        yield
        self.server.kills = kills

    def _at(self, slot: Slot) -> None:
        number = self.world.day_number[slot.trading_day]
        self.record.stalled += self.world.note_silence(slot)
        self.world.set_clock(slot.decision + _AFTER_CLOSE)
        is_first = slot.opening_range == self.slots[0].opening_range
        locked = number in self.plan.locked and is_first
        self.record.locked += locked
        with self.world.locked_source() if locked else contextlib.nullcontext():
            self.server.run("shadow-predict", str(slot), opening_range=slot.opening_range)
        if self.plan.promotion is not None and slot.opening_range == self.slots[2].opening_range:
            self._promotion(number, slot)

    def _promotion(self, number: int, slot: Slot) -> None:
        """Request a promotion, and answer it a day later."""
        if number == self.plan.promotion:
            with self._spared():
                version = self._newest_that_does_not_serve()
                self.server.run("promote", f"promote {slot}", version=version)
            if not self.server.waiting():
                self.record.faults.append(f"the promotion of {version} does not wait for anybody")
            self._serving_time = slot.decision
        elif self._serving_time is not None and number == (self.plan.promotion or 0) + 1:
            for run in self.server.waiting():
                answered = self.server.command("approve", str(run.id), *_PERSON)
                waited = slot.decision - self._serving_time
                self.record.promoted = f"waited {waited} for its person"
                if answered.returncode:
                    self.record.faults.append(f"approve: {answered.stdout} {answered.stderr}")
            self.server.settle()
            self._serving_time = None

    def _newest_that_does_not_serve(self) -> str:
        listed = json.loads(self.server.command("models", "list", "--json").stdout)
        others = [
            one for one in listed if one["model"] == _RECIPE and "champion" not in one["aliases"]
        ]
        return str(max(others, key=lambda one: one["created_at"])["version"])

    def _night(self, day: date) -> None:
        number = self.world.day_number[day]
        hour, minute = RETRAIN_AT
        morning = datetime.combine(day + timedelta(days=1), datetime.min.time()).replace(
            hour=hour, minute=minute, tzinfo=ZoneInfo(self.market.zone)
        )
        self.world.set_clock(morning)
        if number in self.plan.revised:
            self.record.revised += self.world.revise(day)
        if number == self.plan.backup:
            home.back_up(self.home, self.folder / "backup")
        if number == self.plan.restore:
            home.restore(self.server, self.folder / "backup")
        if number in self.plan.restarts:
            # in the middle of some work
            self.server.start("log-outcomes", f"before the power was cut {day}")
            time.sleep(1.0)
            self.server.note_runs()
            self.server.cut_power()
            self.server.start_up()
            self.record.restarts += 1
            self.server.settle()
        for flow in ("nightly-retrain", "log-outcomes", "audit"):  # the first checks drift
            self.server.run(flow, f"{flow} {day}")
        self.server.note_runs()
        self.record.samples.append(home.sample(self.server))
        last = self.record.samples[-1]
        self.say(
            f"{day}: {sum(self.record.killed.values())} kills so far, {last.memory_mb:.0f} MB, "
            f"{last.open_files} open files, Prefect's database {last.prefect_mb:.0f} MB"
        )
