"""Run a soak and print its result; the exit status is 1 if there was a fault."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

import benchmarks.soak
from benchmarks.soak.plan import a_month, a_quarter
from benchmarks.soak.soak import Soak


def main() -> None:
    """Run thirty days, or a quarter."""
    parser = argparse.ArgumentParser(description=benchmarks.soak.__doc__)
    parser.add_argument("--quarter", action="store_true", help="with all that can happen in one")
    parser.add_argument("--days", type=int, help="weekdays; 30, or 65 of a quarter")
    parser.add_argument("--first", type=date.fromisoformat, default=date(2025, 10, 20))
    parser.add_argument("--kills", type=float, default=0.15, help="share of runs")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--port", type=int, default=4390)
    parser.add_argument("--keep", type=Path, help="folder to work in and to keep")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="orbcast-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    plan_of, days = (a_quarter, 65) if given.quarter else (a_month, 30)
    plan = plan_of(given.first, given.days or days, given.seed, given.kills)
    record = Soak(folder, plan, given.port).go()
    print("\n".join(record.lines()))
    if not given.keep:
        shutil.rmtree(folder)
    sys.exit(bool(record.faults))


if __name__ == "__main__":
    main()
