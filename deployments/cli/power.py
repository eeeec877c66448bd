"""`orbcast power`: how many trades a claim needs, before anybody makes it."""

from __future__ import annotations

import json
import math
from typing import Annotated

import typer

from deployments.cli.terminal import out
from ml_core.errors import InputError

_SHOWN = (62, 124, 250)


class HalfAGateError(InputError):
    """One of two options that belong together."""

    def __str__(self) -> str:
        return "--correct needs --trades beside it: how many were right, of how many"


def power(  # noqa: PLR0917 - options of a command
    lift: Annotated[float, typer.Option(help="Accuracy above the baseline, 0.02 is 2 points.")],
    baseline: Annotated[float, typer.Option(help="Accuracy that needs no skill.")] = 0.5,
    threshold: Annotated[float, typer.Option(help="Accuracy a gate asks for.")] = 0.55,
    trades: Annotated[int | None, typer.Option(help="Trades there are.")] = None,
    correct: Annotated[int | None, typer.Option(help="How many of them were right.")] = None,
    wanted: Annotated[float, typer.Option("--power", help="Chance of finding the lift.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Chance of a false alarm.")] = 0.05,
    per_day: Annotated[float, typer.Option(help="Trades a day, to count in days.")] = 6.0,
    design_effect: Annotated[
        float, typer.Option(help="How much trades of a day share luck; 1 is not at all.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how many trades it takes to tell a lift from luck, and how often a coin would pass.

    A coin is above 55 % in one of five runs of 62 trades. Power is the chance that an edge that
    is there is seen; 0.8 is usual: one real edge in five is missed.

    Examples
    --------
    orbcast power --lift 0.02

    orbcast power --lift 0.02 --baseline 0.694 --per-day 6

    orbcast power --lift 0.02 --trades 250 --correct 141
    """
    from rich.table import Table  # noqa: PLC0415 - after --help

    from ml_core.evidence.power import (  # noqa: PLC0415
        chance_of_coin,
        gate,
        power_of,
        trades_needed,
    )

    if correct is not None and trades is None:
        raise HalfAGateError
    needed = trades_needed(baseline, lift, power=wanted, alpha=alpha, design_effect=design_effect)
    counts = sorted({*((trades,) if trades else _SHOWN), needed})
    rows = [
        {
            "trades": count,
            "days": math.ceil(count / per_day),
            "coin_passes": chance_of_coin(count, threshold),
            "baseline_passes": chance_of_coin(count, threshold, baseline),
            "lift_found": power_of(
                count, baseline, lift, alpha=alpha, design_effect=design_effect
            ),
        }
        for count in counts
    ]
    report = None
    if trades is not None and correct is not None:
        report = gate(
            correct,
            trades,
            threshold=threshold,
            baseline=baseline,
            lift=lift,
            power=wanted,
            alpha=alpha,
            design_effect=design_effect,
        )
    if as_json:
        told = {"needed": needed, "rows": rows, "gate": report.to_json() if report else None}
        out().print_json(json.dumps(told))
        return
    console = out()
    if report is not None:
        console.print(f"{report.words}.", soft_wrap=True)
    console.print(
        f"A lift of {lift * 100:g} points over {baseline:.1%} is found {wanted:.0%} of the time "
        f"with {needed:,} trades, {math.ceil(needed / per_day):,} days of {per_day:g}.",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("trades", "days", f"coin > {threshold:.0%}", "baseline >", "lift found"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            f"{row['trades']:,}",
            f"{row['days']:,}",
            *(f"{row[name]:.1%}" for name in ("coin_passes", "baseline_passes", "lift_found")),
        )
    console.print(table)
