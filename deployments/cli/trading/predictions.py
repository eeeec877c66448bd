"""`orbcast predictions`: the filtered ledger, on the screen or as a file."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import deployments
import ml_core
import registry
import tasks
from deployments import cli
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    days_of,
    echo,
    print_json,
    remark,
    show_table,
)
from deployments.cli.trading.performance import Mode

if TYPE_CHECKING:
    from registry.ledger.browsing import LedgerRow

_MOST = 20


class Outcome(StrEnum):
    """The outcome of a prediction."""

    WIN = "WIN"
    LOSS = "LOSS"
    TIMEOUT = "TIMEOUT"
    NONE = "NONE"
    OPEN = "open"


def predictions(
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    opening_range: Annotated[
        list[str] | None, typer.Option("--range", help="Only this opening range; may be repeated.")
    ] = None,
    mode: Annotated[
        list[Mode] | None,
        typer.Option(help="Only these recommendations; may be repeated.", case_sensitive=False),
    ] = None,
    outcome: Annotated[
        list[Outcome] | None,
        typer.Option(help="Only this outcome; may be repeated.", case_sensitive=False),
    ] = None,
    rows: Annotated[int, typer.Option(help="Number of newest predictions shown.", min=1)] = _MOST,
    csv: Annotated[
        Path | None, typer.Option(help="Write all matching predictions to this CSV file.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Write them to this Parquet file, typed, times in UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the ledger's newest predictions and their outcomes, or write all to a file.

    Example: orbcast predictions --from 2025-06-01 --range 0900 --csv june.csv
    """
    settings = tasks.settings.current_settings()
    begin, end = days_of(first, last)
    definition = settings.market(market)
    wanted = registry.ledger.browsing.PredictionFilter(
        market=definition.symbol,
        first=begin,
        last=end,
        opening_range=tuple(opening_range or ()),
        mode=tuple(mode or ()),
        outcome=tuple(outcome or ()),
    )
    database = settings.database()
    count = registry.ledger.browsing.matching(database, wanted)
    for name in () if count else opening_range or ():
        definition.range_index(name)  # a former range of the market may still have rows
    for path, write in (
        (csv, deployments.ledger_export.to_csv),
        (parquet, deployments.ledger_export.to_parquet),
    ):
        if path is not None:
            with ml_core.files.written_atomically(path) as file:
                file.write_bytes(write(registry.ledger.browsing.all_rows(database, wanted)))
            remark(f"{count:,} predictions written to {path}")
    if as_json:
        listed = registry.ledger.browsing.browse(database, wanted, limit=rows)
        print_json({"matching": count, "rows": listed})
    elif csv is None and parquet is None:
        _show(registry.ledger.browsing.browse(database, wanted, limit=rows), count)


def _show(rows: Sequence[LedgerRow], count: int) -> None:
    if not rows:
        echo("no prediction matches")
        return
    figures = ("p(UP)", "corridor", "outcome", "net R")
    table = cli.drawing.borderless_table("day", "range", "record", "answer", figures=figures)
    for row in rows:
        table.add_row(
            str(row.trading_day),
            row.opening_range,
            row.mode + (", late" if row.late else ""),
            row.recommendation or f"none, {row.reason}",
            _share(row.p_up),
            _share(row.baseline_p_up),
            row.outcome or {"NONE": "no break"}.get(row.direction or "", "open"),
            "-" if row.r_net is None else f"{row.r_net:+.2f}",
        )
    show_table(table)
    if count > len(rows):
        echo(f"the newest {len(rows)} of {count:,}; --rows shows more, --csv writes all")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
