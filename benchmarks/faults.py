"""`make faults`: machine faults, tried on a real `orbcast up` with a set clock.

    python -m benchmarks.faults [--only NAME[,NAME]]

Each case starts with a copy of one trained home on simulated bars, shortly before an opening range
closes. libfaketime sets the clock of all processes, so that Prefect's own schedule starts the
runs; the bars are appended as they close. Afterwards the slot must have one row, no run may be
under way, and `orbcast verify` must find no fault.

Linux, as root (a cgroup, mounts), with what `make test-dates` needs. Half an hour.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.live_market import BEFORE_THE_SLOT, Live, said
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot


def undisturbed(live: Live, slot: Slot) -> str:
    """Nothing happens: the case to compare the others with."""
    with live.up():
        row = live.row_of(slot)
    return said(row)


def server_dies(live: Live, slot: Slot) -> str:
    """The Prefect server is killed at the second when the slot is due."""
    with live.up():
        live.until(slot.decision)
        live.server.child("prefect_server").kill()
        row = live.row_of(slot)
    return said(row)


def database_locked(live: Live, slot: Slot) -> str:
    """Prefect's database is locked for a minute, from five seconds before the slot."""
    with live.up():
        live.until(slot.decision - timedelta(seconds=5))
        path = live.home / "prefect" / "prefect.db"
        with contextlib.closing(sqlite3.connect(path, timeout=60.0)) as held:
            held.isolation_level = None
            held.execute("BEGIN EXCLUSIVE")
            time.sleep(60.0)
            held.execute("ROLLBACK")
        row = live.row_of(slot)
    return said(row)


def _asleep(live: Live, slot: Slot, asleep: timedelta) -> PredictionEntry:
    with live.up():
        live.until(slot.decision - timedelta(seconds=30))
        stopped = live.server.tree()
        for one in stopped:
            one.suspend()
        live.step(asleep.total_seconds())
        for one in reversed(stopped):
            one.resume()
        return live.row_of(slot)


def asleep_for_half_an_hour(live: Live, slot: Slot) -> str:
    """The machine sleeps through the slot: all processes stop, the clock moves half an hour."""
    return said(_asleep(live, slot, timedelta(minutes=30)))


def asleep_for_two_hours(live: Live, slot: Slot) -> str:
    """The same for two hours and nine minutes; outcomes are logged each quarter of an hour."""
    return said(_asleep(live, slot, timedelta(hours=2, minutes=9)))


def clock_steps_forward(live: Live, slot: Slot) -> str:
    """NTP steps the clock forward three minutes, half a minute before the slot: past its time."""
    with live.up():
        live.until(slot.decision - timedelta(seconds=30))
        live.step(180.0)
        row = live.row_of(slot)
    return said(row)


def clock_steps_back(live: Live, slot: Slot) -> str:
    """NTP steps the clock back a minute, five seconds before the slot and after its prediction."""
    with live.up():
        live.until(slot.decision - timedelta(seconds=5))
        live.step(-60.0)
        row = live.row_of(slot)
        live.server.settle()
        live.step(-60.0)
        live.until(slot.decision + timedelta(seconds=30))
    return said(row)


def zone_changes(live: Live, slot: Slot) -> str:
    """The host's zone (our file for /etc/localtime) changes while everything runs; a restart."""
    zones = Path("/usr/share/zoneinfo")
    local = live.folder / "localtime"
    shutil.copy(zones / "UTC", local)
    live.server.more["TZ"] = f":{local}"
    with live.up():
        local.write_bytes((zones / "Asia" / "Kolkata").read_bytes())
        first = live.row_of(slot)
    later = live.slots[2]
    with live.up(later):
        second = live.row_of(later)
    return f"{said(first)}; begun anew in Kolkata: {said(second)}"


def out_of_memory(live: Live, slot: Slot) -> str:
    """The runner is in a cgroup too small for a retrain: the kernel kills the process."""
    memory = Path("/sys/fs/cgroup/memory")
    group = memory / "orbcast-faults"
    group.mkdir(exist_ok=True)
    (group / "memory.limit_in_bytes").write_text(str(100 << 20))
    with live.up():
        row = live.row_of(slot)
        live.server.settle()
        runner = live.server.child("serving.runner")
        for one in [runner, *runner.children(recursive=True)]:
            (group / "cgroup.procs").write_text(str(one.pid))
        before = live.settings.models().versions()
        live.server.start("nightly-retrain", "out of memory")
        live.server.settle()
        killed = (group / "memory.oom_control").read_text().split()[-1]
        crashed = live.server.ended("Crashed")
        for pid in (group / "cgroup.procs").read_text().split():
            (memory / "cgroup.procs").write_text(pid)
        # by hand: scheduled retrains pause for a day after three that were killed
        live.orbcast("run", "nightly-retrain")
        new = len(live.settings.models().versions()) - len(before)
    group.rmdir()
    return (
        f"{said(row)}; {killed} killed by the kernel, {crashed} runs Crashed; then {new} versions"
    )


def disk_fills(live: Live, slot: Slot) -> str:
    """The home's disk, a small tmpfs, fills up before the slot and is emptied after it."""
    kept, later = live.folder / "kept", live.slots[2]
    live.home.rename(kept)
    live.home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", live.home], check=True)
    live.afterwards.callback(subprocess.run, ["umount", "-l", live.home], check=True)
    shutil.copytree(kept, live.home, dirs_exist_ok=True)
    with live.up():
        live.until(slot.decision - timedelta(seconds=20))
        fill = live.home / "fill"
        with fill.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 12))
        live.until(slot.decision + timedelta(seconds=60))
        during = live.orbcast("status")[:2].strip()
        fill.unlink()
        live.world.point_clock(later.decision - BEFORE_THE_SLOT)
        second = live.row_of(later)
        live.server.start("log-outcomes", "after the disk was full")
        first = live.row_of(slot)
        live.server.start("nightly-retrain", "after the disk was full")
    return f"full: {said(first)} (status ended with {during}); emptied: {said(second)}"


CASES: dict[str, Callable[[Live, Slot], str]] = {
    case.__name__.replace("_", "-"): case
    for case in (
        undisturbed,
        server_dies,
        database_locked,
        asleep_for_half_an_hour,
        asleep_for_two_hours,
        clock_steps_forward,
        clock_steps_back,
        zone_changes,
        out_of_memory,
        disk_fills,
    )
}


def main() -> int:
    """Try every case, or those named; return 1 if any left a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--port", type=int, default=4480)
    parser.add_argument("--keep", type=Path, help="folder to work in and to keep")
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if name] or list(CASES)
    folder = given.keep or Path(tempfile.mkdtemp(prefix="orbcast-faults-"))
    prepared = Live(folder / "prepared", given.port)
    if not prepared.home.exists():
        prepared.prepare()
        print(prepared.orbcast("run", "nightly-retrain")[:200], flush=True)
    bad = 0
    for name in names:
        shutil.copytree(folder / "prepared", folder / name)
        live = Live(folder / name, given.port)
        source = live.settings.sources_file
        source.write_text(source.read_text("utf-8").replace("/prepared/", f"/{name}/"), "utf-8")
        try:
            with live.afterwards:
                words, faults = CASES[name](live, live.slots[1]), live.look_for_faults()
        except Exception as error:  # noqa: BLE001 - the other cases are still tried
            words, faults = repr(error), ["it did not come to its end"]
        bad += bool(faults or live.record.faults)
        told = {"case": name, "held": words, "faults": [*faults, *live.record.faults]}
        print(json.dumps(told), flush=True)
    if not given.keep:
        shutil.rmtree(folder)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
