"""`orbcast simulate`: a simulated market with a known truth, as a DuckDB database."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

import deployments
import tasks
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, day_of, echo, print_json

_MOST_DAYS = 36_525
"""Longest simulation: a hundred years."""


def simulate(
    output: Annotated[Path, typer.Option("--out", help="DuckDB file to write.")],
    days: Annotated[
        int, typer.Option(help="Calendar days to simulate.", min=1, max=_MOST_DAYS)
    ] = 730,
    edge: Annotated[
        float, typer.Option(help="Accuracy points to plant, 0 to 0.2; 0 plants nothing.")
    ] = 0.03,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same bars.", min=0)] = 7,
    first: Annotated[str, typer.Option("--from", help="First day.")] = "2024-01-02",
    market: MarketOption = "mgc",
    as_json: AsJson = False,
) -> None:
    """Simulate 1-minute bars with an edge of known size, and print that size.

    Example: orbcast simulate --days 365 --edge 0.05 --out sim.duckdb
    """
    begin = day_of(first, "--from") or date(2024, 1, 2)
    definition = tasks.settings.current_settings().market(market)
    with progress("Simulating") as bar:
        made = deployments.simulated.write_database(
            output, definition, begin, begin + timedelta(days=days - 1), edge, seed, bar.at
        )
    truth = made.truth.summary()
    if as_json:
        print_json(
            {
                "file": output,
                "table": "bars_1m",
                "market": definition.symbol,
                "bars": made.bars,
                "days": made.days,
                "first_day": made.first,
                "last_day": made.last,
                "edge": edge,
                "seed": seed,
                "truth": truth,
            }
        )
        return
    echo(
        f"{output}: {made.bars:,} bars of {definition.symbol}, {made.first} to {made.last}, table "
        "bars_1m.",
    )
    echo(
        f"Best possible accuracy {truth['bayes_accuracy']:.1%}, log loss "
        f"{truth['bayes_log_loss']:.4f}; without the edge {truth['driftless_accuracy']:.1%}, "
        f"{truth['driftless_log_loss']:.4f}."
    )
    echo(
        f"Next: orbcast ingest --source duckdb {output} --column contract=contract --remember",
    )
