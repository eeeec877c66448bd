"""The judge on trial: `make controls`. Simulated markets with known truth go through the rule.

    python benchmarks/controls.py [--null 200] [--planted 30] [--long 8] [--noise 50]
                                  [--leaks 10]
                                  [--workers 2] [--json FILE]

Writes a record in markdown to the terminal; docs/evidence.md holds the one of the release.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from benchmarks.control_markets import ControlResult, Plan, try_market
from benchmarks.judge_traps import LeakResult, best_of_noise, null_answers, try_leak
from ml_core.evidence.power import power_for_gain
from ml_core.learning.recipe import load_recipe
from ml_core.market.market import load_market

PROJECT = Path(__file__).resolve().parent.parent
EDGES = (0.005, 0.01, 0.015, 0.02, 0.03)
NULL_SEED, PLANTED_SEED, LONG_SEED, NOISE_SEED = 10_000, 20_000, 30_000, 40_000
LEAK_SEED = 50_000


def upper_bound(count: int, of: int) -> float:
    """Upper end of the one-sided 95 % interval of a share (Clopper and Pearson 1934)."""
    return 1.0 if count == of else float(beta.ppf(0.95, count + 1, of - count))


def share(results: Iterable[bool]) -> tuple[int, int]:
    kept = list(results)
    return sum(kept), len(kept)


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


def null_record(results: list[ControlResult]) -> list[str]:
    lines = ["### Null markets: nothing to find", ""]
    rows = np.array([result.rows for result in results])
    lines += [
        (
            f"{len(results)} simulated null markets of two years, three seeds, six quarterly "
            f"folds, {rows.min():,} to {rows.max():,} unseen breaks each."
        ),
        "",
        "| asked | false promotions | share | upper 95 % bound |",
        "|---|---|---|---|",
    ]
    for words, values in (
        ("the whole rule, once at the end", [result.promoted for result in results]),
        (
            "the whole rule on each of 250 nights",
            [bool(result.promoted_at_a_peek) for result in results],
        ),
        ("a plain 95 % interval, once: log loss and Brier", [result.better for result in results]),
        (
            "a plain 95 % interval of log loss on each of 250 nights",
            [bool(result.interval_at_a_peek) for result in results],
        ),
    ):
        count, of = share(values)
        lines.append(
            f"| {words} | {count} of {of} | {count / of:.1%} | {upper_bound(count, of):.1%} |"
        )
    return lines


def planted_record(series: dict[float, list[ControlResult]]) -> list[str]:
    lines = [
        "### Planted edges, two years",
        "",
        (
            "Power predicted is the analysis' chance of an interval below 0, for who knows the "
            "truth and for the gain the model really had (expected, without luck of outcomes)."
        ),
        "",
        (
            "| edge, points | markets | possible gain | model's gain | power, truth | "
            "power, model | interval below 0 | promoted |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for edge, results in series.items():
        possible = float(np.mean([result.possible for result in results]))
        gain = float(np.mean([result.gain for result in results]))
        powers = [
            np.mean(
                [
                    power_for_gain(result.rows, value, max((2 * value) ** 0.5, 1e-6))
                    if (value := getattr(result, name)) > 0
                    else 0.025
                    for result in results
                ]
            )
            for name in ("possible", "gain")
        ]
        below, promoted = (
            share(getattr(result, name) for result in results) for name in ("better", "promoted")
        )
        lines.append(
            f"| {edge * 100:g} | {len(results)} | {possible:.4f} | {gain:.4f} | {powers[0]:.0%} | "
            f"{powers[1]:.0%} | {below[0] / below[1]:.0%} | {promoted[0] / promoted[1]:.0%} |"
        )
    return lines


def long_record(results: list[ControlResult]) -> list[str]:
    shares = np.array([result.gain / result.possible for result in results])
    total = sum(result.gain for result in results) / sum(result.possible for result in results)
    return [
        "### How much of a 3-point edge is recovered, five years",
        "",
        (
            f"{len(results)} markets: {total:.1%} of the log loss there is to gain over the "
            f"corridor (single markets {shares.min():.0%} to {shares.max():.0%}), expected under "
            "the truth, on unseen days of a quarterly walk; promoted "
            f"{sum(result.promoted for result in results)} of {len(results)}."
        ),
    ]


def noise(plan: Plan, seed: int, trials: int) -> tuple[bool, bool]:
    answers = null_answers(plan, seed)
    paid = best_of_noise(answers, trials, seed)
    hidden = best_of_noise(answers, trials, seed, pay=False)
    wrong = {condition.name for condition in hidden.conditions if condition.status != "holds"}
    return paid.promote, not wrong - {"valid at any look"}


def noise_record(results: list[tuple[bool, bool]], trials: int) -> list[str]:
    paid, of = share(result[0] for result in results)
    hidden, _ = share(result[1] for result in results)
    return [
        f"### The best of {trials} worthless recipes",
        "",
        (
            f"On {of} null markets the best of {trials} (the corridor with noise on its "
            f"log-odds) was promoted {paid} times with its trials counted (upper 95 % bound "
            f"{upper_bound(paid, of):.1%}). With the trials hidden and one look trusted, "
            f"every other condition would have been passed {hidden} times."
        ),
    ]


def leak_record(results: list[LeakResult]) -> list[str]:
    gains = [result.gain for result in results]
    return [
        "### A recipe that reads its own label",
        "",
        (
            f"On {len(results)} null markets a feature that averages the last six directions, its "
            f"own among them, seemed to gain {min(gains):.3f} to {max(gains):.3f} in log loss. "
            f"The rest of the rule would have promoted it {sum(r.would_promote for r in results)} "
            f"times; the look-ahead audit caught it, and blamed nothing else, "
            f"{sum(r.caught for r in results)} times of {len(results)}. Nothing is trained on "
            "features that fail it. Of ten other kinds of leak planted on each market (Fridays, "
            "one slot of the week, month starts, rolls, changes of clocks, half-days, open "
            "trades, tomorrow's contract, tomorrow's hours, a table of days) it found "
            f"{sum(r.kinds_found for r in results)} of {10 * len(results)}."
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("null", 200),
        ("planted", 30),
        ("long", 8),
        ("noise", 50),
        ("leaks", 10),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", default="residual-small")
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
    record: list[str] = []
    kept: dict[str, Any] = {}
    if args.null:
        seeds = range(NULL_SEED, NULL_SEED + args.null)
        nulls = run(plan, seeds, args.workers, "null markets")
        kept["null"] = [asdict(null) for null in nulls]
        record += [*null_record(nulls), ""]
    if args.planted:
        series = {}
        for number, edge in enumerate(EDGES):
            first = PLANTED_SEED + 1000 * number
            series[edge] = run(
                replace(plan, edge=edge, peeks=0),
                range(first, first + args.planted),
                args.workers,
                f"edge {edge:g}",
            )
            kept[f"edge {edge:g}"] = [asdict(market) for market in series[edge]]
        record += [*planted_record(series), ""]
    if args.long:
        longer = replace(
            plan,
            first=date(2019, 1, 2),
            judged_from=date(2020, 1, 1),
            edge=0.03,
            peeks=0,
        )
        seeds = range(LONG_SEED, LONG_SEED + args.long)
        longs = run(longer, seeds, args.workers, "five years")
        kept["long"] = [asdict(long) for long in longs]
        record += [*long_record(longs), ""]
    if args.noise:
        with ProcessPoolExecutor(args.workers) as pool:
            seeds = range(NOISE_SEED, NOISE_SEED + args.noise)
            results = list(pool.map(partial(noise, plan, trials=500), seeds))
        record += [*noise_record(results, 500), ""]
    if args.leaks:
        with ProcessPoolExecutor(args.workers) as pool:
            seeds = range(LEAK_SEED, LEAK_SEED + args.leaks)
            leaks = list(pool.map(partial(try_leak, plan), seeds))
        record += [*leak_record(leaks), ""]
    print("\n".join(record))
    if args.json:
        args.json.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
