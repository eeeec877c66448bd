"""Controls of the promotion rule (`make controls`): simulated markets with known truth.

    python benchmarks/controls.py [--null 200] [--others 50] [--own 50] [--planted 30] [--long 8]
                                  [--kinds 8] [--noise 50] [--leaks 10]
                                  [--workers 2] [--json FILE]

``--null`` markets of the demo's simulator, and ``--others`` markets of each other family, have no
edge to find. Families of real bars are left out if the licensed data is missing.

Prints a report in markdown; the release's report is in docs/evidence.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.control_markets import ControlResult, given_a_say, try_market
from benchmarks.control_record import (
    family_record,
    kind_record,
    leak_record,
    long_record,
    noise_record,
    null_record,
    own_record,
    planted_record,
)
from benchmarks.control_worlds import FAMILIES, Family, Plan
from benchmarks.judge_traps import best_of_noise, null_answers, try_leak
from benchmarks.planted_markets import KINDS
from benchmarks.real_bars import DATA, real_bars
from ml_core.learning.recipe import load_recipe
from ml_core.market.market import load_market

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parent.parent
EDGES = (0.005, 0.01, 0.015, 0.02, 0.03)
NULL_SEED, PLANTED_SEED, LONG_SEED, NOISE_SEED = 10_000, 20_000, 30_000, 40_000
COUNTS = {
    "null": 200,
    "others": 50,
    "own": 50,
    "planted": 30,
    "long": 8,
    "kinds": 8,
    "noise": 50,
    "leaks": 10,
}
LEAK_SEED, KIND_SEED, OTHER_SEED, OWN_SEED = 50_000, 60_000, 70_000, 80_000


def run(plan: Plan, seeds: range, workers: int, words: str) -> list[ControlResult]:
    start, results = time.perf_counter(), []
    with ProcessPoolExecutor(workers) as pool:
        for done, result in enumerate(pool.map(partial(try_market, plan), seeds), 1):
            results.append(result)
            if done % 10 == 0 or done == len(seeds):
                took = time.perf_counter() - start
                left = took / done * (len(seeds) - done)
                print(f"  {words}: {done} of {len(seeds)}, {left:.0f} s left", file=sys.stderr)
    seconds = (time.perf_counter() - start) * min(workers, len(seeds)) / len(seeds)
    print(f"  {words}: {seconds:.1f} s a market and process", file=sys.stderr)
    return results


def noise(plan: Plan, seed: int, trials: int) -> tuple[bool, bool]:
    answers = null_answers(plan, seed)
    paid = best_of_noise(answers, trials, seed)
    hidden = best_of_noise(answers, trials, seed, pay=False)
    wrong = {condition.name for condition in hidden.conditions if condition.status != "holds"}
    return paid.promote, not wrong - {"valid at any look"}


@dataclass(slots=True)
class Trials:
    """The series of one run of the controls, each a part of the report.

    ``kept`` holds the figures of every market.
    """

    plan: Plan
    workers: int
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def five_years(self) -> Plan:
        return replace(self.plan, first=date(2019, 1, 2), judged_from=date(2020, 1, 1), peeks=0)

    def series(self, words: str, plan: Plan, first: int, count: int) -> list[ControlResult]:
        results = run(plan, range(first, first + count), self.workers, words)
        self.kept[words] = [asdict(result) for result in results]
        return results

    def mapped(self, work: Callable[[int], T], first: int, count: int) -> list[T]:
        with ProcessPoolExecutor(self.workers) as pool:
            return list(pool.map(work, range(first, first + count)))

    def null(self, count: int, others: int) -> list[str]:
        record, families = [], dict[Family, list[ControlResult]]()
        if count:
            families["walk"] = self.series("walk", self.plan, NULL_SEED, count)
            record += [*null_record(families["walk"]), ""]
        if not others:
            return record
        for number, family in enumerate(FAMILIES[1:]):
            if family.startswith("real"):
                if not DATA.is_dir():
                    print(f"  {family}: left out, no licensed data at {DATA}", file=sys.stderr)
                    continue
                real_bars(self.plan.market)  # read here, so that workers inherit the bars
            plan, first = replace(self.plan, family=family), OTHER_SEED + 1000 * number
            families[family] = self.series(family, plan, first, others)
        return [*record, *family_record(families), ""]

    def own(self, count: int) -> list[str]:
        says = {
            reward: self.mapped(partial(given_a_say, self.plan, reward), OWN_SEED, count)
            for reward in (1.0, 3.0)
        }
        self.kept["own"] = {f"{reward:g}": say for reward, say in says.items()}
        return [*own_record(says), ""]

    def kinds(self, count: int) -> list[str]:
        plan = replace(self.five_years, family="heavy tails")
        found = {
            kind: self.series(kind, replace(plan, kind=kind), KIND_SEED + 1000 * number, count)
            for number, kind in enumerate(KINDS[1:])
        }
        return [*kind_record(found), ""]

    def planted(self, count: int) -> list[str]:
        plan = replace(self.plan, peeks=0)
        found = {
            edge: self.series(
                f"edge {edge:g}", replace(plan, edge=edge), PLANTED_SEED + 1000 * number, count
            )
            for number, edge in enumerate(EDGES)
        }
        return [*planted_record(found), ""]

    def long(self, count: int) -> list[str]:
        plan = replace(self.five_years, edge=0.03)
        return [*long_record(self.series("five years", plan, LONG_SEED, count)), ""]

    def noise(self, count: int) -> list[str]:
        results = self.mapped(partial(noise, self.plan, trials=500), NOISE_SEED, count)
        return [*noise_record(results, 500), ""]

    def leaks(self, count: int) -> list[str]:
        return [*leak_record(self.mapped(partial(try_leak, self.plan), LEAK_SEED, count)), ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in COUNTS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", default="residual-mirrored")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    plan = Plan(
        market=load_market(PROJECT / "deployments" / "markets" / "mgc.toml"),
        recipe=load_recipe(PROJECT / "deployments" / "recipes" / f"{args.recipe}.toml"),
        first=date(2022, 1, 3),
        last=date(2023, 12, 29),
        judged_from=date(2022, 7, 1),
        peeks=250,
    )
    trials = Trials(plan, args.workers)
    if args.null or args.others:
        print("\n".join(trials.null(args.null, args.others)), flush=True)
    for name in ("own", "kinds", "planted", "long", "noise", "leaks"):
        if count := getattr(args, name):
            print("\n".join(getattr(trials, name)(count)), flush=True)
    if args.json:
        args.json.write_text(json.dumps(trials.kept, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
