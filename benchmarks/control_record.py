"""The report of the controls: the results of each series of markets, in markdown."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.stats import beta

from benchmarks.control_markets import ControlResult
from benchmarks.control_worlds import Family
from benchmarks.judge_traps import LeakResult
from benchmarks.planted_markets import Kind
from ml_core.evidence.power import power_for_gain
from ml_core.learning.models.own_baseline import JUDGED_HERE
from ml_core.learning.version_folder import Question


def upper_bound(count: int, of: int) -> float:
    """Return the upper one-sided 95 % bound of a share (Clopper and Pearson 1934)."""
    return 1.0 if count == of else float(beta.ppf(0.95, count + 1, of - count))


def share(results: Iterable[bool]) -> tuple[int, int]:
    kept = list(results)
    return sum(kept), len(kept)


def family_record(families: dict[Family, list[ControlResult]]) -> list[str]:
    """Count false promotions on any of the nights, by family and pooled."""
    lines = [
        "### Nothing to find, family by family",
        "",
        (
            "False promotions by the whole rule on any of 250 nights; how often the forecast was "
            "the corridor itself, to the bit; log loss lost where it was not."
        ),
        "",
        (
            "| markets without an edge | unseen breaks | false promotions | upper 95 % bound | "
            "the corridor itself | harm, thousandths |"
        ),
        "|---|---|---|---|---|---|",
    ]
    pooled = [result for results in families.values() for result in results]
    for words, results in [*families.items(), ("all", pooled)]:
        count, of = share(bool(result.promoted_at_a_peek) for result in results)
        rows = np.array([result.rows for result in results])
        lines.append(
            f"| {words} | {rows.min():,} to {rows.max():,} | {count} of {of} | "
            f"{upper_bound(count, of):.1%} | {np.mean([r.corridor for r in results]):.0%} | "
            f"{1000 * np.mean([r.change for r in results]):+.2f} |"
        )
    return lines


def kind_record(kinds: dict[Kind, list[ControlResult]]) -> list[str]:
    lines = [
        "### What is found, by kind of edge, five years",
        "",
        (
            "Expected log loss gained over the corridor on unseen days of a quarterly walk whose "
            "first fold knows one year, in that of who knows which side is favoured."
        ),
        "",
        "| edge | markets | possible gain | model's gain | share (single markets) | promoted |",
        "|---|---|---|---|---|---|",
    ]
    for kind, results in kinds.items():
        possible, gain = (
            float(np.mean([getattr(result, name) for result in results]))
            for name in ("possible", "gain")
        )
        shares = [result.gain / result.possible for result in results]
        count, of = share(result.promoted for result in results)
        lines.append(
            f"| {kind} | {of} | {possible:.4f} | {gain:.4f} | {gain / possible:.0%} "
            f"({min(shares):.0%} to {max(shares):.0%}) | {count} of {of} |"
        )
    return lines


def own_record(results: dict[float, list[dict[Question, bool]]]) -> list[str]:
    lines = [
        "### Entry quality and net R with nothing to find",
        "",
        "| target | markets | entry quality given a say | net R given a say |",
        "|---|---|---|---|",
    ]
    for reward, says in results.items():
        cells = []
        for question in JUDGED_HERE:
            count, of = share(say[question] for say in says)
            cells.append(f"{count} of {of} (at most {upper_bound(count, of):.1%})")
        lines.append(f"| {reward:g} R | {len(says)} | {' | '.join(cells)} |")
    return lines


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
