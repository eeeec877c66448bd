"""How long a command takes from the prompt to its output: new processes, medians of five.

Beside the seconds, the processor time of the command and its children is shown. On a machine with
other work, that is the figure to compare.

    python benchmarks/commands.py [--home var/demo]

The home is copied first; run `make demo` for one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 5
LIMITS = {
    "--help": 0.5,
    "status": 1.0,
    "models list": 0.5,
    "predictions": 2.0,
    "explain": 2.0,
    "performance": 2.0,
    "rollout status": 2.0,
    "verify": 2.0,
    "predict": 1.5,
    "run log-outcomes": 15.0,
}
"""Seconds; the last command starts its own Prefect server."""

GIVEN = {
    "explain": ["MGC:2025-12-30:0900"],
    "predict": ["--at", "2025-12-30T09:05"],
}


def seconds(home: Path, words: list[str]) -> tuple[float, float]:
    start, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "deployments.cli", "--home", str(home), *words],
        check=True,
        capture_output=True,
    )
    spent, after = time.perf_counter() - start, os.times()
    worked = after.children_user - before.children_user
    return spent, worked + after.children_system - before.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("var/demo"))
    given = parser.parse_args().home
    if not (given / "orbcast.sqlite").is_file():
        print(f"there is no home at {given}: run `make demo`", file=sys.stderr)
        return 2
    slow = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(given, home, ignore=shutil.ignore_patterns("trader*"))
        for command, limit in LIMITS.items():
            words = [*command.split(), *GIVEN.get(command, ())]
            runs = [seconds(home, words) for _ in range(REPEATS)]
            median, worked = (statistics.median(column) for column in zip(*runs, strict=True))
            slow += median > limit
            verdict = "ok  " if median <= limit else "SLOW"
            print(f"{verdict} orbcast {command:20s} {median:6.2f} s, processor {worked:5.2f} s")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
