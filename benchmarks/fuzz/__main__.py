"""Run a campaign on every parser, one after another; the exit status is 1 after a finding.

    python -m benchmarks.fuzz [--minutes 60] [--only csv,dbn] [--keep FOLDER] [--seed 1]

The minutes are processor time, so that other work on the machine does not shorten a campaign. Half
of a parser's time goes to mutated files, half to inputs that atheris finds by coverage; without
atheris, all of it goes to mutated files.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.fuzz.targets import TARGETS

HANGS_AFTER = 90.0
"""Seconds after which an input that is still being read counts as hanging."""

_LOOK_EVERY = 2.0
SLOWER = {"duckdb": 2, "csv": 3, "parquet": 2}
"""A parser's shares of the time; one share by default."""


def campaign(name: str, work: Path, seconds: float, seed: int, *, coverage: bool) -> int:
    """Try a parser for some seconds of processor time; restart after an input ends the process.

    Return the number of such inputs.
    """
    spent, ended = 0.0, 0
    while spent < seconds and ended < 20:
        words = [name, str(work), "--seed", str(seed + ended)]
        module = "by_coverage" if coverage else "campaign"
        command = [sys.executable, "-m", f"benchmarks.fuzz.{module}", *words]
        with (work / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "PREFECT_LOGGING_LEVEL": "CRITICAL"},
            )
        took, hung = _run_for(child, work / f"{name}.current", seconds - spent)
        spent += took
        if spent >= seconds and not hung:
            break
        ended += 1
        content = (work / f"{name}.current").read_bytes()
        what = "hung" if hung else f"ended{-child.returncode}"
        (work / f"{name}.{what}-{seed + ended}.found").write_bytes(content)
    return ended


def _run_for(child: subprocess.Popen[bytes], current: Path, seconds: float) -> tuple[float, bool]:
    """Let a campaign run; return the processor seconds it had, and whether an input hung."""
    took, process, began = 0.0, psutil.Process(child.pid), time.time()
    while child.poll() is None:
        time.sleep(_LOOK_EVERY)
        with contextlib.suppress(psutil.Error):
            took = max(took, sum(process.cpu_times()[:4]))
        input_began = current.stat().st_mtime if current.exists() else began
        under_way = time.time() - max(input_began, began)
        hung = under_way > HANGS_AFTER
        if hung or took >= seconds:
            child.kill()
            child.wait()
            return took, hung
    return took, False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="of processor, for all together"
    )
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--keep", type=Path, help="folder of findings; what it has is kept")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if name] or list(TARGETS)
    work = given.keep or Path(tempfile.mkdtemp(prefix="orbcast-fuzz-"))
    work.mkdir(parents=True, exist_ok=True)
    ways = [False, True] if importlib.util.find_spec("atheris") else [False]
    shares = sum(SLOWER.get(name, 1) for name in names) * len(ways)
    found = 0
    for name in names:
        seconds = given.minutes * 60 * SLOWER.get(name, 1) / shares
        for coverage in ways:
            campaign(name, work, seconds, given.seed, coverage=coverage)
        tried = work / f"{name}.tried"
        count = tried.stat().st_size if tried.exists() else 0
        kept = sorted(path.name for path in work.glob(f"{name}.*.found"))
        found += len(kept)
        print(f"{name:12s} {count:8,d} inputs, found {', '.join(kept) or 'nothing'}", flush=True)
    spent = os.times()
    minutes = (spent.children_user + spent.children_system) / 60
    print(f"{found} findings in {work}, after {minutes:.0f} minutes of processor")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
