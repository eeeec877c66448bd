"""`orbcast dataset`: one row for each opening range, as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import ml_core
import tasks
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, days_of, echo, print_json
from ml_core.on_demand import library
from tasks import data

pq = library("pyarrow.parquet")


def dataset(
    output: Annotated[Path, typer.Option("--out", help="Parquet file to write.")],
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    roll: Annotated[
        str | None, typer.Option(help="Use another roll rule for comparison: same_day_volume.")
    ] = None,
    anchor: Annotated[
        str, typer.Option(help="Risk and target count from: entry or edge.")
    ] = "entry",
    stop: Annotated[str, typer.Option(help="Stop: full or half.")] = "full",
    rr: Annotated[float, typer.Option(help="Target distance in risks.")] = 1.0,
    target: Annotated[
        str, typer.Option(help="A target counts as reached by touch, or when traded through.")
    ] = "touch",
    scan_end: Annotated[
        str, typer.Option(help="Scan to session_end or next_day_start.")
    ] = "session_end",
    as_json: AsJson = False,
) -> None:
    """Write ranges, labels, features and baselines, one row for each slot.

    The baselines use only the distances and are fitted to nothing: P(win) ignores the time limit.

    Example: orbcast dataset --from 2025-01-01 --to 2025-06-30 --out mgc.parquet
    """
    settings = tasks.settings.current_settings()
    definition = settings.market(market, roll=roll)
    spec = data.datasets.label_spec(
        anchor=anchor, stop=stop, rr=rr, target=target, scan_end=scan_end
    )
    begin, end = days_of(first, last)
    with progress("Computing ranges, labels and features"):
        bars = data.datasets.read_bars_until(settings, market, definition, tasks.settings.now())
        table = data.datasets.slots_with_baselines(settings, bars, definition, spec, begin, end)
    with ml_core.files.written_atomically(output) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    used = table["exclusion"].null_count
    if as_json:
        print_json(
            {
                "file": output,
                "market": definition.symbol,
                "slots": len(table),
                "usable": used,
                "columns": table.num_columns,
                "label": spec.key,
            }
        )
        return
    echo(
        f"{output}: {len(table):,} slots of {definition.symbol}, {used:,} with a usable range, "
        f"{table.num_columns} columns, label {spec.key}.",
    )
