"""The drift check on trial: false alarms in quiet years, and how soon a shift is caught.

    python benchmarks/drift.py [--years 40] [--seed 100] [--shifts 3] [--workers 2]

Each simulated market has two years that a version learns from and one quiet year of daily checks;
then a shift of one standard deviation is planted into every feature of one group, from a day on.
The numbers of monitoring/drift.py were chosen on seeds 1 to 20; the record is of others.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import beta

from ml_core.evidence.controls import bars_of
from ml_core.features.all import CATALOGUE
from ml_core.learning.assemble import assemble
from ml_core.market.market import load_market
from ml_core.market.schedule import build_schedule
from ml_core.market.simulation import simulate
from ml_core.ranges.label_spec import LabelSpec
from monitoring.drift import WINDOW_DAYS, Daily, Reference, Rows, moved

PROJECT = Path(__file__).resolve().parent.parent
MARKET = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
FIRST, LEARNED, LAST = date(2021, 1, 4), np.datetime64("2022-12-24"), date(2023, 12, 22)
GROUPS = {each.name: each.group for each in CATALOGUE.select("all")}
LOOKED = 15
"""Days after a shift that are looked at; one not caught by then is given up."""


def rows_of(seed: int) -> Rows:
    schedule = build_schedule(MARKET, FIRST, LAST)
    world = simulate(MARKET, schedule, seed=seed, with_truth=False)
    data = assemble(
        bars_of(MARKET, world), MARKET, LabelSpec(), first=date(2021, 2, 22), last=LAST
    ).dataset
    return Rows(
        day=data.trading_day.astype("datetime64[D]"),
        opening_range=data.opening_range.astype(str),
        names=data.feature_names,
        values=data.features,
    ).ordinary()


def alarmed(reference: Reference, daily: Daily, end: int) -> bool:
    last = slice(end - WINDOW_DAYS, end)
    window = Daily(day=daily.day[last], names=daily.names, values=daily.values[last])
    return any(each.drifted for each in moved(reference, window))


def try_year(seed: int, shifts: int) -> tuple[list[bool], dict[str, list[int]]]:
    """Give whether each day's check alarmed, and each group's days to detection (0 never)."""
    rows = rows_of(seed)
    past = rows.day < LEARNED
    reference, year = Reference(rows.where(past), GROUPS), rows.where(~past)
    daily = reference.daily_of(year)
    quiet = [alarmed(reference, daily, end) for end in range(WINDOW_DAYS, len(daily.day) + 1)]
    scale = np.nanstd(rows.values[past], axis=0)
    draw = np.random.default_rng(seed)
    caught: dict[str, list[int]] = {}
    for group in sorted(set(GROUPS.values())):
        own = np.array([GROUPS[name] == group for name in rows.names])
        for _ in range(shifts):
            start = int(draw.integers(30, len(daily.day) - 30))
            values = year.values.copy()
            values[np.ix_(year.day >= daily.day[start], own)] += scale[own]
            shifted = reference.daily_of(
                Rows(
                    day=year.day,
                    opening_range=year.opening_range,
                    names=year.names,
                    values=values,
                )
            )
            ends = range(start + 1, start + LOOKED + 1)
            hits = (end - start for end in ends if alarmed(reference, shifted, end))
            caught.setdefault(group, []).append(next(hits, 0))
    return quiet, caught


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=40)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--shifts", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    began = time.perf_counter()
    seeds = range(options.seed, options.seed + options.years)
    with ProcessPoolExecutor(options.workers) as pool:
        results = list(pool.map(partial(try_year, shifts=options.shifts), seeds))
    looks = sum(len(quiet) for quiet, _ in results)
    days = sum(sum(quiet) for quiet, _ in results)
    begun = sum(
        quiet[0] + sum(now and not before for before, now in pairwise(quiet))
        for quiet, _ in results
    )
    high = 1.0 if begun == looks else float(beta.ppf(0.95, begun + 1, looks - begun))
    print(f"{options.years} quiet years, {looks:,} daily checks: {begun} alarms begun,")
    print(f"  on {days} days: {250 * begun / looks:.2f} alarms in 250 days, at most ", end="")
    print(f"{250 * high:.2f} (95 %); {250 * days / looks:.2f} days of alarm in 250")
    print("\n| group shifted by 1 sd | tries | median day | worst | caught within 10 days |")
    print("|---|---|---|---|---|")
    for group in results[0][1]:
        tries = [each for _, caught in results for each in caught[group]]
        found = sorted(each or LOOKED + 1 for each in tries)
        worst = str(found[-1]) if found[-1] <= LOOKED else "never"
        within = sum(each <= 10 for each in found)
        print(f"| {group} | {len(found)} | {found[len(found) // 2]} | {worst} ", end="")
        print(f"| {within} ({within / len(found):.0%}) |")
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
