"""Speed of the evidence: a walk-forward study, a tuning search, a control market, a setup study.

    python benchmarks/evidence.py

Real MGC bars are read in place (../shared/data).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import setup_study
import tuning
from run import PROJECT, median_of, show

from benchmarks.control_markets import try_market
from benchmarks.control_worlds import Plan
from benchmarks.real_bars import DATA, lake_of_real_bars
from ml_core.learning.recipe import load_recipe
from ml_core.market.market import load_market


def main() -> int:
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    recipe = load_recipe(PROJECT / "deployments" / "recipes" / "residual-mirrored.toml")
    plan = Plan(
        market=market,
        recipe=recipe,
        first=date(2022, 1, 3),
        last=date(2023, 12, 29),
        judged_from=date(2022, 7, 1),
        peeks=250,
    )
    seeds = iter(range(90_000, 90_100))
    try_market(plan, next(seeds))
    took = median_of(lambda: try_market(plan, next(seeds)))
    show("a control market of two years, end to end", f"{took:.1f} s", "5 s", good=took <= 5)
    slow = took > 5
    if not DATA.is_dir():
        print(f"licensed market data is not at {DATA}: no more to measure", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        lake_of_real_bars(home / "lake", market)
        start = time.perf_counter()
        done = subprocess.run(
            [
                str(PROJECT / ".venv" / "bin" / "orbcast"),
                "evaluate",
                "--from=2021-07-01",
                "--quiet",
            ],
            env={**os.environ, "ORBCAST_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.perf_counter() - start
    if done.returncode:
        print(done.stderr[-1500:], file=sys.stderr)
        return 1
    what = "walk-forward, 4 years by quarter, 3 models, 3 seeds, cold"
    show(what, f"{took:.1f} s", "60 s", good=took <= 60)
    slow |= took > 60
    return int(slow) | tuning.main() | setup_study.main()


if __name__ == "__main__":
    sys.exit(main())
