"""How long 50 trials of the directional model on five folds take, as started by a trader.

    python benchmarks/tuning.py [--trials 50]

Real MGC bars are read in place (../shared/data) into a temporary home; the time is that of the
whole command `orbcast tune`, with imports, a temporary server and the dataset.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.real_bars import DATA, lake_of_real_bars
from ml_core.market.market import load_market

PROJECT = Path(__file__).resolve().parent.parent
FOLDS = 5
TARGET_SECONDS = 240.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    trials = parser.parse_args().trials
    if not DATA.is_dir():
        print(f"licensed market data is not at {DATA}: nothing to measure on", file=sys.stderr)
        return 2
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    with tempfile.TemporaryDirectory() as folder:
        lake_of_real_bars(Path(folder) / "lake", market)
        start, before = time.perf_counter(), busy_seconds()
        done = subprocess.run(
            [
                str(PROJECT / ".venv" / "bin" / "orbcast"),
                "tune",
                "--market=mgc",
                f"--trials={trials}",
                f"--folds={FOLDS}",
                "--json",
                "--quiet",
            ],
            env={**os.environ, "ORBCAST_HOME": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        took, worked = time.perf_counter() - start, busy_seconds() - before
    if done.returncode:
        print(done.stdout[-500:], done.stderr[-1500:], file=sys.stderr)
        return 1
    result = json.loads(done.stdout)
    good = took <= TARGET_SECONDS
    what = f"{result['trials']} trials of the directional model on {FOLDS} folds"
    print(
        f"{'ok  ' if good else 'SLOW'} {what:58s} {took:>12.1f} s   at most {TARGET_SECONDS:g} s"
    )
    print(f"     of which the processors worked {worked:42.1f} s")
    print(f"     {result['verdict']}")
    return int(not good)


def busy_seconds() -> float:
    """Return the processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
