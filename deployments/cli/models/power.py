"""`orbcast power`: how many trades a claim needs, before you make it."""

from __future__ import annotations

import math
from typing import Annotated

import typer

import ml_core
from deployments import cli
from deployments.cli.terminal import AsJson, echo, print_json, show_table
from ml_core import evidence
from ml_core.errors import InputError, NumberError

_SHOWN = (62, 124, 250)
_SLOWEST, _FASTEST = 0.001, 100_000.0  # trades a day


class HalfAGateError(InputError):
    """Only one of two options that belong together."""

    template = "--correct needs --trades beside it: how many were right, of how many"


def power(
    lift: Annotated[float, typer.Option(help="Accuracy above the baseline, 0.02 is 2 points.")],
    baseline: Annotated[float, typer.Option(help="Accuracy that needs no skill.")] = 0.5,
    threshold: Annotated[float, typer.Option(help="Accuracy that a gate requires.")] = 0.55,
    trades: Annotated[int | None, typer.Option(help="Number of trades.")] = None,
    correct: Annotated[int | None, typer.Option(help="Number of them that were right.")] = None,
    wanted: Annotated[
        float, typer.Option("--power", help="Chance of finding the lift (power).")
    ] = 0.8,
    alpha: Annotated[float, typer.Option(help="Chance of a false alarm.")] = 0.05,
    per_day: Annotated[float, typer.Option(help="Trades a day, to count in days.")] = 6.0,
    design_effect: Annotated[
        float, typer.Option(help="Variance inflation by trades of the same day; 1 if independent.")
    ] = 1.0,
    gain: Annotated[
        float | None, typer.Option(help="Gain in log loss: what the promotion rule needs for it.")
    ] = None,
    questions: Annotated[
        int, typer.Option(help="Questions tested so far, with --gain.", min=1)
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Print how many trades distinguish a lift from luck, and how often a coin would pass.

    Few trades prove nothing, either way. A coin scores more than 55 % in almost one of five runs
    of 62 trades, so a good month may be luck. A real edge may look dead for as long.

    Power is the chance that an edge that is there is found. At the usual 0.8, one real edge in
    five is missed. Alpha is the chance of finding an edge where there is none. Half the lift needs
    about four times the trades.

    The baseline is the accuracy without skill: 0.5 for a coin; for the direction of a break it is
    that of the corridor, about 0.7. Trades of one day share its luck: with a design effect of 1.5,
    150 of them are worth 100.

    Two points above a coin: orbcast power --lift 0.02

    Above the corridor: orbcast power --lift 0.02 --baseline 0.694 --threshold 0.71

    What I have: orbcast power --lift 0.02 --trades 250 --correct 141

    What the whole promotion rule needs for a gain in log loss, with the questions asked to pay for
    (simulated, docs/evidence.md): orbcast power --lift 0.02 --gain 0.01 --questions 50

    Example: orbcast power --lift 0.05
    """
    if correct is not None and trades is None:
        raise HalfAGateError
    if not _SLOWEST <= per_day <= _FASTEST:
        raise NumberError("per-day", per_day, "give the trades of a typical day, such as 6")
    needed = ml_core.evidence.power.trades_needed(
        baseline, lift, power=wanted, alpha=alpha, design_effect=design_effect
    )
    counts = sorted({*((trades,) if trades is not None else _SHOWN), needed})
    rows = [
        {
            "trades": count,
            "days": math.ceil(count / per_day),
            "coin_passes": evidence.power.chance_of_coin(count, threshold),
            "baseline_passes": evidence.power.chance_of_coin(count, threshold, baseline),
            "lift_found": evidence.power.power_of(
                count, baseline, lift, alpha=alpha, design_effect=design_effect
            ),
        }
        for count in counts
    ]
    report = None
    if trades is not None and correct is not None:
        report = evidence.power.gate(
            correct,
            trades,
            threshold=threshold,
            baseline=baseline,
            lift=lift,
            power=wanted,
            alpha=alpha,
            design_effect=design_effect,
        )
    rule = None if gain is None else evidence.rule_power.rows_for_rule(gain, questions, wanted)
    if as_json:
        print_json({"needed": needed, "rows": rows, "gate": report, "rule": rule})
        return
    if report is not None:
        echo(f"{report.words}.")
    echo(
        f"A lift of {lift * 100:.4g} points over {baseline * 100:.4g}% is found "
        f"{wanted * 100:.4g}% of the time with {needed:,} trades, "
        f"{math.ceil(needed / per_day):,} days of {per_day:g} trades.",
    )
    if rule is not None:
        count = "1 question" if questions == 1 else f"{questions:,} questions"
        echo(
            f"The whole promotion rule finds a gain of {gain:g} in log loss {wanted * 100:.4g}% "
            f"of the time with {rule.words} breaks, {count} tested."
        )
    passed = f"> {threshold * 100:.4g}%"
    headings = ("trades", "days", f"coin {passed}", f"baseline {passed}", "lift found")
    table = cli.drawing.borderless_table(figures=headings)
    for row in rows:
        table.add_row(
            f"{row['trades']:,}",
            f"{row['days']:,}",
            *(f"{row[name]:.1%}" for name in ("coin_passes", "baseline_passes", "lift_found")),
        )
    show_table(table)
