"""The speeds that Orbcast promises, measured side by side in one run: medians of five.

    python benchmarks/run.py [--quick]

Real MGC bars are read in place (../shared/data); without them, simulated bars are used.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import window_queries

from benchmarks.real_bars import DATA, lake_of_real_bars
from ml_core.bars.arrays import Bars
from ml_core.bars.lake.lake import Lake
from ml_core.features.history import HISTORY_DAYS
from ml_core.learning.datasets.assemble import assemble, assemble_live
from ml_core.learning.fit import fit
from ml_core.learning.inference import Predictor
from ml_core.learning.recipe import load_recipe
from ml_core.market.market import load_market
from ml_core.ranges.label_spec import LabelSpec

PROJECT = Path(__file__).resolve().parent.parent
REPEATS = 5
FIRST, LAST = date(2020, 12, 20), date(2025, 6, 30)


def median_of(run: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def show(what: str, measured: str, limit: str, *, good: bool) -> None:
    print(f"{'ok  ' if good else 'SLOW'} {what:58s} {measured:>14s}   at most {limit}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the cold retrain out")
    quick = parser.parse_args().quick
    if not DATA.is_dir():
        print(f"licensed market data is not at {DATA}: nothing to measure on", file=sys.stderr)
        return 2
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        start = time.perf_counter()
        lake = lake_of_real_bars(home / "lake", market)
        print(
            f"     ingest of {len(list(DATA.glob('*.zst')))} DBN files"
            f"{time.perf_counter() - start:48.1f} s"
        )
        bars = lake.read(market)
        slow = build_speed(bars)
        slow |= decision_speed(lake, bars)
        if not quick:
            slow |= retrain_speed(home)
    return int(slow)


def build_speed(bars: Bars) -> bool:
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")

    def everything() -> object:
        return assemble(bars, market, LabelSpec(), first=FIRST, last=LAST)

    everything()  # warm up: calendar and clock changes are computed once
    ours = median_of(everything)
    assembly = assemble(bars, market, LabelSpec(), first=FIRST, last=LAST)
    rows = len(assembly.dataset)
    show(
        f"{len(bars):,} bars to {rows:,} ranges x {len(assembly.dataset.feature_names)} features",
        f"{ours:.2f} s",
        "1.0 s",
        good=ours <= 1.0,
    )
    connection = window_queries.load(assembly.tape)
    days = np.arange(300, 400)
    start = time.perf_counter()
    built = window_queries.build(connection, assembly.tape, market, days)
    theirs = (time.perf_counter() - start) * rows / built
    ratio = theirs / ours
    show(
        f"a query for each window ({built} built, extrapolated to {rows:,})",
        f"{theirs:.0f} s",
        "",
        good=True,
    )
    show(
        "times faster than a query for each window",
        f"{ratio:.0f} x",
        "(at least 100 x)",
        good=ratio >= 100,
    )
    return ours > 1.0 or ratio < 100


def decision_speed(lake: Lake, bars: Bars) -> bool:
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    data = assemble(bars, market, LabelSpec(), first=FIRST, last=LAST).dataset
    late = np.flatnonzero(data.trading_day > np.datetime64("2025-03-01"))
    draw = np.random.default_rng(0)

    def one() -> object:
        index = int(draw.choice(late))
        t0 = int(data.decision_minute[index])
        span = lake.read(market, t0 - (HISTORY_DAYS + 2) * 1440, t0)
        return assemble_live(
            span,
            market,
            LabelSpec(),
            trading_day=data.trading_day[index].item(),
            opening_range=str(data.opening_range[index]),
        )

    one()
    decision = median_of(one, 60)
    show(
        "one decision's features from the lake, warm",
        f"{decision * 1e3:.1f} ms",
        "15 ms",
        good=decision <= 0.015,
    )

    recipe = load_recipe(PROJECT / "deployments" / "recipes" / "residual-mirrored.toml")
    start = time.perf_counter()
    predictor = Predictor(fit(data, recipe, "bench").bundle)
    took = time.perf_counter() - start
    print(f"     three models trained and calibrated on {len(data):,} rows{took:19.1f} s")
    rows = [data.rows(np.array([index])) for index in draw.choice(late, 300, replace=False)]
    slow = decision > 0.015
    for reasons, limit in ((False, 0.5e-3), (True, 5e-3)):
        times = []
        for row in rows:
            begun = time.perf_counter()
            predictor.predict(row, 0.0, reasons=reasons)
            times.append(time.perf_counter() - begun)
        p50 = statistics.median(times)
        words = "with reasons" if reasons else "alone"
        show(
            f"a warm prediction, three models, {words}, p50",
            f"{p50 * 1e3:.2f} ms",
            f"{limit * 1e3:g} ms",
            good=p50 <= limit,
        )
        slow |= p50 > limit
    return slow


def retrain_speed(home: Path) -> bool:
    """Measure a retrain from cold process to registered version, five times, in new registries."""
    times, peaks = [], []
    for number in range(REPEATS):
        own = home / f"run{number}"
        own.mkdir()
        (own / "lake").symlink_to(home / "lake")
        command = [
            str(PROJECT / ".venv" / "bin" / "orbcast"),
            "run",
            "nightly-retrain",
            "--market",
            "mgc",
        ]
        start = time.perf_counter()
        done = subprocess.run(
            command,
            env={**os.environ, "ORBCAST_HOME": str(own)},
            capture_output=True,
            text=True,
            check=False,
        )
        times.append(time.perf_counter() - start)
        if done.returncode:
            print(done.stdout[-500:], done.stderr[-1500:], file=sys.stderr)
            return True
        peaks.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6)
    elapsed, peak = statistics.median(times), max(peaks)
    show(
        "orbcast run nightly-retrain, cold, to a registered version",
        f"{elapsed:.1f} s",
        "45 s",
        good=elapsed <= 45,
    )
    show("its peak memory", f"{peak:.2f} GB", "1.2 GB", good=peak <= 1.2)
    return elapsed > 45 or peak > 1.2


if __name__ == "__main__":
    sys.exit(main())
