"""A real `orbcast up` with many markets: retrains of all, and predictions of one minute."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Scheduled

from benchmarks.markets.processes import Sampler, Usage
from benchmarks.markets.world import COMMON, MarketWorld
from benchmarks.soak.server import Server
from deployments.catalogue import DeploymentSpec, ScheduleSpec
from deployments.serving.runner import served_deployments
from deployments.serving.warm_child import flow_of
from ml_core.decision.slot import Slot
from tasks.settings import Settings

AHEAD = timedelta(seconds=14)
"""How long ahead runs are scheduled; as with a real schedule, the runner knows them in advance."""

_LONGEST = 4 * 3600.0
_PREDICT = ("shadow_predict", "predict_together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A slot's row: seconds from its close, by the clock of the runs, and what the row says."""

    slot: Slot
    seconds: float
    status: str


class ServedMarkets:
    """`orbcast up` of one home with simulated markets."""

    def __init__(self, folder: Path, markets: int, years: float, worlds: Path, port: int) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.settings = Settings(home=self.home)
        self.world = MarketWorld(worlds, self.settings, markets, years)
        self.clock = folder / "clock"
        self.server = Server(folder, port, self.clock, kills=0.0, seed=1)
        self.server.forgets = False

    def prepare(self) -> None:
        """Simulate and import the markets; set the clock to the morning before the minute.

        The bars of a night are few: a home that has retrained before has all others.
        """
        self.world.prepare()
        self.settings = self.settings.model_copy(update={"markets": self.world.names})
        self._set_clock(COMMON - timedelta(hours=20))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(_import_bars, (self.home, self.world.names))

    def retrain_all(self) -> Usage:
        """Start each market's retrain at once, as its schedule does; return what they took."""
        with Sampler(self.server.processes()[0]) as sampler:
            due = [(f"nightly-retrain/{name}", {}) for name in self.world.names]
            runs = self._start(due, datetime.now(UTC))
            self._until_all_end(runs)
        return sampler.usage

    def predict_all(self) -> tuple[list[Logged], Usage]:
        """Predict the common minute of all markets by the runs that the schedules start."""
        wanted = scheduled_at(served_deployments(self.settings), COMMON)
        self.world.append_bars(COMMON)
        due = datetime.now(UTC) + AHEAD
        self._set_clock(COMMON - (due - datetime.now(UTC)))
        with Sampler(self.server.processes()[0]) as sampler:
            runs = self._start(wanted, due)
            logged = self._until_logged(due)
            self._until_all_end(runs)
        return logged, sampler.usage

    def _start(self, due: list[tuple[str, dict[str, Any]]], at: datetime) -> list[UUID]:
        started = []
        for deployment, parameters in due:
            response = self.server.asked(
                lambda client, name=deployment: client.read_deployment_by_name(name)
            )
            run = self.server.asked(
                lambda client, it=response, given=parameters: (
                    client.create_flow_run_from_deployment(
                        it.id, parameters=given, state=Scheduled(scheduled_time=at)
                    )
                )
            )
            started.append(run.id)
        return started

    def _until_all_end(self, runs: list[UUID]) -> None:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=runs))

        def read(client: SyncPrefectClient) -> list[FlowRun]:
            return client.read_flow_runs(flow_run_filter=wanted, limit=200)

        deadline = time.monotonic() + _LONGEST
        while True:
            states = [(run.name, run.state) for run in self.server.asked(read)]
            if all(state is not None and state.is_final() for _, state in states):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(str(states))
            time.sleep(1.0)
        for name, state in states:
            if state is not None and not state.is_completed():
                print(f"{name} ended {state.name}: {state.message}", flush=True)

    def _until_logged(self, due: datetime) -> list[Logged]:
        ledger = self.settings.ledger()
        waiting, logged = dict(self.world.common_slots()), list[Logged]()
        deadline = time.monotonic() + 600.0
        while waiting and time.monotonic() < deadline:
            for name, slot in list(waiting.items()):
                rows = ledger.of_slot(slot.symbol, slot.trading_day, slot.opening_range, "live")
                if rows:
                    seconds = (rows[0].made_at - COMMON).total_seconds()
                    status = rows[0].reason or rows[0].status
                    logged.append(Logged(slot=slot, seconds=seconds, status=status))
                    del waiting[name]
            time.sleep(0.2)
        seen = (datetime.now(UTC) - due).total_seconds()
        print(f"    the last row was seen {seen:.1f} s after the close", flush=True)
        return logged

    def _set_clock(self, at: datetime) -> None:
        self.clock.write_text(str((at - datetime.now(UTC)).total_seconds()), "utf-8")


def _import_bars(home: Path, names: tuple[str, ...]) -> None:
    """Import all bars of some markets; the environment names this process's home."""
    os.environ["ORBCAST_HOME"] = str(home)
    from tasks.data.ingest import read_source  # noqa: PLC0415 - it reads the environment

    for name in names:
        read_source(name, None, COMMON - timedelta(hours=20), full=True)


def scheduled_at(
    specs: tuple[DeploymentSpec, ...], at: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """Return the deployments, and the parameters, of the predictions that are due at a time."""
    due = []
    for spec in specs:
        if spec.entrypoint.rpartition(".")[2] in _PREDICT:
            name = f"{flow_of(spec.entrypoint).name}/{spec.name}"
            due += [(name, one.parameters) for one in spec.schedules if _is_due(one, at)]
    return due


def _is_due(schedule: ScheduleSpec, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(schedule.timezone))
    return schedule.cron.split()[:2] == [str(local.minute), str(local.hour)]
