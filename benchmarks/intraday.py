"""Seconds from a range's close to the ledger row: by the warm runner and by a fresh process.

It uses a real server and a real runner on a simulated clock. Each slot's run is scheduled for the
moment at which its window closes; the wall-clock time from then to the committed row is measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.soak import Plan, Soak
from ml_core.decision.slot import Slot
from tasks.settings import CLOCK_FILE

AHEAD = timedelta(seconds=14)
"""How long ahead a run is scheduled; as with a real schedule, the runner knows it in advance."""


def warm(soak: Soak, slot: Slot) -> float:
    """Return the seconds from the window's end to the row, by the warm runner."""
    due = _before(soak, slot)
    delay = due - datetime.now(UTC)
    soak.server.start("shadow-predict", str(slot), delay=delay, opening_range=slot.opening_range)
    return _until_logged(soak, slot, due)


def while_retraining(soak: Soak, slot: Slot) -> float:
    """Return the warm runner's seconds while a retrain is under way."""
    # the slot's bars are written before they close, and a retrain that read them then would
    # quarantine them as from the future
    ahead = AHEAD - timedelta(seconds=2)
    soak.server.start("nightly-retrain", f"beside {slot}", delay=ahead, refresh=False)
    return warm(soak, slot)


def fresh(soak: Soak, slot: Slot) -> float:
    """Return the seconds of `orbcast run`, a process that first imports everything."""
    due = _before(soak, slot)
    time.sleep(max((due - datetime.now(UTC)).total_seconds(), 0.0))
    command = [
        *(sys.executable, "-m", "deployments.cli", "run", "shadow-predict", "--quiet"),
        *("--param", f"opening_range={slot.opening_range}"),
    ]
    ours = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment = {
        **ours,
        "ORBCAST_HOME": str(soak.home),
        CLOCK_FILE: str(soak.folder / "clock"),
        "PREFECT_API_URL": f"http://127.0.0.1:{soak.port}/api",
    }
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        spent = _until_logged(soak, slot, due)
        process.wait()
    return spent


def _before(soak: Soak, slot: Slot) -> datetime:
    """Write the bars and set the clock shortly before the window's end; return its real time."""
    due = datetime.now(UTC) + AHEAD
    soak.world.append_bars(slot.decision)
    soak.world.point_clock(slot.decision - (due - datetime.now(UTC)))
    return due


def _until_logged(soak: Soak, slot: Slot, due: datetime) -> float:
    ledger = soak.settings.ledger()
    while True:
        rows = ledger.settled(
            slot.symbol, first=slot.trading_day, last=slot.trading_day, mode="live"
        )
        if any(row.prediction.opening_range == slot.opening_range for row in rows):
            return (datetime.now(UTC) - due).total_seconds()
        time.sleep(0.01)


def main() -> None:
    """Measure some days' slots in each way, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--port", type=int, default=4391)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orbcast-intraday-") as folder:
        plan = Plan(first=date(2025, 9, 15), days=given.days, seed=3, kills=0.0)
        soak = Soak(Path(folder), plan, given.port)
        soak.prepare()
        ways = {
            "warm runner": warm,
            "warm runner beside a retrain": while_retraining,
            "fresh process": fresh,
        }
        seconds_by_way: dict[str, list[float]] = {way: [] for way in ways}
        with soak.server.up():
            soak.server.run("nightly-retrain", "first")
            for number, slot in enumerate(soak.slots):
                way, ask = list(ways.items())[number % len(ways)]
                seconds_by_way[way].append(ask(soak, slot))
                soak.server.settle()
                print(f"{slot} {way}: {seconds_by_way[way][-1]:.2f} s", flush=True)
        for way, seconds in seconds_by_way.items():
            p50, p90 = np.percentile(seconds, [50, 90])
            print(f"{way}: p50 {p50:.2f} s, p90 {p90:.2f} s, most {max(seconds):.2f} s")


if __name__ == "__main__":
    main()
